package index

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFullDisk writes to a file system in memory until it is full, and has no
// word of its free space: what fails leaves nothing behind.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	hog := filepath.Join(dir, "hog")
	if err := os.WriteFile(hog, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	x := mustOpen(t, filepath.Join(dir, "index"))
	want := make(map[string][]byte)
	write := func(round int) error {
		b, added := x.Batch(), make(map[string][]byte)
		for range 100 {
			key, value := randomKey(), make([]byte, 1000)
			for i := range value {
				value[i] = byte(rand.IntN(256))
			}
			added[key] = value
		}
		for key, value := range added {
			if err := b.Set([]byte(key), value, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		for key, value := range added {
			want[key] = value
		}
		return nil
	}
	rounds := 0
	for ; ; rounds++ {
		if err := write(rounds); errors.Is(err, unix.ENOSPC) {
			break
		} else if err != nil || rounds > 100 {
			t.Fatal(rounds, err)
		}
	}
	for range 50 {
		if err := write(rounds); err != nil && !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
	reopen := func() {
		t.Helper()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = mustOpen(t, filepath.Join(dir, "index"))
		v := x.View()
		defer v.Close()
		check(t, v, want)
	}
	reopen()
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	if err := write(rounds); err != nil {
		t.Fatal(err)
	}
	reopen()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
