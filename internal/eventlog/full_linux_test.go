package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sys/unix"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// TestFullDisk fills a small file system, by events and then from outside. The
// process lives, nothing that was acknowledged is lost, and attempts go on.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, 96<<20)
	core, logs := observer.New(zap.WarnLevel)
	options := Options{Dir: filepath.Join(dir, "log"), Key: testKey, Logger: zap.New(core)}
	l := mustOpen(t, options)
	var ids []storage.ID
	fill := func() (err error) {
		for range 100_000 {
			var id storage.ID
			id, _, err = l.Append(t.Context(), testEvent(1, payload(len(ids)%10_000)), keyed(fmt.Sprint(len(ids))))
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	}
	if err := fill(); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("the disk is not full after %d events: %v", len(ids), err)
	}
	t.Logf("%d events fit, state %q", len(ids), l.Health().State)
	attempt := func(i int) {
		t.Helper()
		if _, err := l.Claim(t.Context(), storage.Identity{1}, ids[i]); err != nil {
			t.Fatalf("claiming on a full disk: %v", err)
		}
		if err := l.Finish(t.Context(), storage.Identity{1}, ids[i], storage.Attempt{}, storage.Delivered, l.now()); err != nil {
			t.Fatalf("finishing on a full disk: %v", err)
		}
	}
	attempt(0)

	// Somebody else takes nearly all of the rest: the index is not written any
	// more. When it says so, and the index is not at work, they take all.
	free, err := (segment.OS{}).Space(dir)
	if err != nil {
		t.Fatal(err)
	}
	stands := func() int { return logs.FilterMessage("the event index cannot keep up with the log").Len() }
	before := stands()
	most, err := (segment.OS{}).Create(filepath.Join(dir, "most"), free-openFloor)
	if err != nil {
		t.Fatal(err)
	}
	if err := most.Close(); err != nil {
		t.Fatal(err)
	}
	attempt(1)
	eventually(t, "an index that stands", func() bool { return stands() > before })
	var since time.Time
	eventually(t, "a quiet disk", func() bool {
		now, err := (segment.OS{}).Space(dir)
		if err != nil {
			t.Fatal(err)
		}
		if now != free {
			free, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
	hog, err := (segment.OS{}).Create(filepath.Join(dir, "hog"), free)
	if err != nil {
		t.Fatal(err)
	}
	for i := 2; i < 50; i++ {
		attempt(i)
	}
	if err := fill(); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("appending on a full disk: %v", err)
	}
	if err := hog.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hog", "most"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, options)
	for i, id := range ids {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if i < 50 && errors.Is(err, storage.ErrNotFound) {
			continue // what was delivered makes room
		}
		if err != nil || string(r.Body) != payload(i%10_000) {
			t.Fatalf("event %d of %d: %v", i, len(ids), err)
		}
		if (r.Status == storage.Delivered) != (i < 50) {
			t.Fatalf("event %d is %s", i, r.Status)
		}
	}
	if state := l.Health().State; state == "corrupt" || state == "failed" {
		t.Fatalf("the state is %q", state)
	}
}

// smallDisk mounts a file system in memory. Without the right to, it skips: the
// floors of free space are then tested with a disk that lies.
func smallDisk(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestOpenOnAFullDisk starts where nothing is free: the reserve is enough to
// go on with what is there.
func TestOpenOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, 320<<20)
	options := Options{Dir: filepath.Join(dir, "log"), Key: testKey, Logger: zap.NewNop()}
	l := mustOpen(t, options)
	id := mustAppend(t, l, testEvent(1, "a"), keyed("a"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	free, err := (segment.OS{}).Space(dir)
	if err != nil {
		t.Fatal(err)
	}
	hog, err := (segment.OS{}).Create(filepath.Join(dir, "hog"), free)
	if err != nil {
		t.Fatal(err)
	}
	defer hog.Close()
	for range 2 {
		l = mustOpen(t, options)
		if _, _, err := l.Append(t.Context(), testEvent(1, "b"), storage.Dedupe{}); err == nil && l.Health().State == "full" {
			t.Fatal("an event was taken on a full disk")
		}
		if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
			t.Fatal(err)
		}
		if err := l.Finish(t.Context(), storage.Identity{1}, id, storage.Attempt{}, storage.Pending, l.now()); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
