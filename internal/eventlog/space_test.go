package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func TestNoSpaceForEvents(t *testing.T) {
	options, disk := faultyOptions(t, t.TempDir())
	options.MinFree = 1 << 30
	l := mustOpen(t, options)
	id := mustAppend(t, l, testEvent(1, "a"), keyed("a"))
	disk.set(func(d *faultyDisk) { d.free = 1<<30 - 1 })
	eventually(t, "refusing", func() bool {
		_, _, err := l.Append(t.Context(), testEvent(1, "b"), storage.Dedupe{})
		return errors.Is(err, storage.ErrUnavailable)
	})
	if state := l.Health().State; state != "full" {
		t.Fatalf("the state is %q", state)
	}
	// What is there is served: copies, attempts, reads.
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "a"), keyed("a")); outcome != storage.Duplicate || err != nil {
		t.Fatal(outcome, err)
	}
	if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), storage.Identity{1}, id, storage.Attempt{}, storage.Delivered, time.Time{}); err != nil {
		t.Fatal(err)
	}
	disk.set(func(d *faultyDisk) { d.free = 0 })
	eventually(t, "accepting again", func() bool {
		_, _, err := l.Append(t.Context(), testEvent(1, "b"), storage.Dedupe{})
		return err == nil
	})
}

func TestNoSpaceToOpen(t *testing.T) {
	dir := t.TempDir()
	options, disk := faultyOptions(t, dir)
	disk.free = openFloor - 1
	if _, err := Open(options); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("opening on a full disk: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "index")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the index was touched: %v", err)
	}
}

func TestIndexWaitsForSpace(t *testing.T) {
	dir := t.TempDir()
	options, disk := faultyOptions(t, dir)
	options.MaxBehind = 50
	start := time.Now()
	options.now = func() time.Time { return start } // so the floor of events is asked once
	l := mustOpen(t, options)
	l.space.low()
	disk.set(func(d *faultyDisk) { d.free = 1 })
	var ids []storage.ID
	for i := range 50 {
		ids = append(ids, mustAppend(t, l, testEvent(1, fmt.Sprint(i)), keyed(fmt.Sprint(i))))
	}
	appended := make(chan error)
	go func() {
		_, _, err := l.Append(t.Context(), testEvent(1, "waits"), storage.Dedupe{})
		appended <- err
	}()
	disk.set(func(d *faultyDisk) { d.free = 0 })
	if err := <-appended; err != nil {
		t.Fatalf("an append that waits for the index: %v", err)
	}
	for i, id := range ids {
		if r, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil || string(r.Body) != fmt.Sprint(i) {
			t.Fatal(i, err)
		}
	}
}
