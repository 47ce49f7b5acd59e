package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// inodesOut uses up all inodes of the file system.
func inodesOut(t *trial) {
	l, d, g := onLoop(t, "-N", "128")
	var waits durations
	t.each(func(int) {
		for i := range 200 {
			file, err := os.Create(filepath.Join(d.dir, fmt.Sprint("file-", i)))
			if err != nil {
				break
			}
			file.Close()
		}
		// A segment is full after three of these, and no new file can be created.
		for range 6 {
			if answer := l.send(oneShot, g.Addr, 24<<20); answer == nil {
				t.Fatalf("there was no answer")
			}
		}
		l.checkRefusal(t, g)
		files, _ := filepath.Glob(filepath.Join(d.dir, "file-*"))
		for _, file := range files {
			os.Remove(file)
		}
		waits.add(l.recovers(t, g))
		l.arrives(t)
	})
	t.result("%s; %s", l.check(t, g), waits.after("there were inodes"))
}

// readOnly turns the file system read-only between two loads, as ext4 does
// after an error. (In the middle of a sync, ext4 may report a sync of data that
// it then drops; docs/reliability.md describes that.)
func readOnly(t *trial) {
	l, d, g := onLoop(t)
	t.each(func(round int) {
		l.answers(down)
		work := l.start(g.Addr, 4, 700, 2*time.Millisecond)
		t.pause(300 * time.Millisecond)
		work.stop()
		d.run("mount", "-o", "remount,abort", d.dir)
		work = l.start(g.Addr, 4, 700, 2*time.Millisecond)
		l.refuses(t)
		work.stop()
		l.checkFull(t, g)
		g.Kill()
		d.umount()
		d.mount()
		g.Start()
		l.serves(t, g)
	})
	t.result("%s; events were refused with 503 while it lasted", l.check(t, g))
}
