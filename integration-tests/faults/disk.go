package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// loop is a separate ext4 file system on a loop device.
type loop struct {
	t     *trial
	image string
	dir   string // where it is mounted
}

// needLoop is what newLoop needs.
var needLoop = []need{needRoot, needTools("mount", "umount", "mkfs.ext4"), needLoopDevice}

func needLoopDevice() string {
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return "it needs loop devices"
	}
	return ""
}

// newLoop creates and mounts a file system of that many MiB.
func newLoop(t *trial, size int, options ...string) *loop {
	dir := t.TempDir()
	d := &loop{t: t, image: filepath.Join(dir, "image"), dir: filepath.Join(dir, "mounted")}
	for _, err := range []error{
		os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, int64(size)<<20), os.Mkdir(d.dir, 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	d.run("mkfs.ext4", append(append([]string{"-q", "-F"}, options...), d.image)...)
	d.mount()
	t.Cleanup(func() { _ = exec.Command("umount", "-l", d.dir).Run() })
	return d
}

func (d *loop) mount() { d.run("mount", "-o", "loop", d.image, d.dir) }

// umount waits until nothing uses it any more: a killed process may still be
// exiting.
func (d *loop) umount() {
	d.t.Helper()
	gateway.Eventually(d.t, "the file system is unmounted", func() bool {
		return exec.Command("umount", d.dir).Run() == nil
	})
}

func (d *loop) store() string { return filepath.Join(d.dir, "store") }

func (d *loop) run(name string, args ...string) {
	d.t.Helper()
	if out, err := exec.CommandContext(d.t.ctx, name, args...).CombinedOutput(); err != nil {
		d.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
}

// cutPower makes the disk forget everything that has not reached it, and accept
// nothing more.
func (d *loop) cutPower() {
	dir, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer dir.Close()
	if err := shutDown(dir); err != nil {
		d.t.Fatal(fmt.Errorf("shutting the file system down: %w", err))
	}
}
