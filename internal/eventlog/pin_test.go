package eventlog

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// TestCopyWhileCollected has each segment collected as soon as it was copied. The
// copy has them all, and is whole.
func TestCopyWhileCollected(t *testing.T) {
	options, clock := timedOptions(t, t.TempDir())
	l := mustOpen(t, options)
	l.SetLimits(week)
	for i := range 120 {
		id := mustAppend(t, l, testEvent(1, payload(i)), keyed(payload(i)))
		switch i % 3 {
		case 0:
			deliver(t, l, id)
		case 1:
			fail(t, l, id)
		}
	}
	want := content(t, l)
	held := l.journal.Pin()
	closeSegment(t, l, clock)
	clock.pass(8 * day)
	turned(t, l)
	if l.oldest() != 1 {
		t.Fatal("a segment was removed before it was copied")
	}

	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.MkdirAll(filepath.Join(dir, segmentsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	copied := uint64(0)
	err := l.Segments(t.Context(), func(name string, _ int64, content io.Reader) error {
		held.Release() // the copy holds what it needs
		number, _ := strconv.ParseUint(strings.TrimSuffix(name, ".segment"), 16, 64)
		if copied++; number != copied {
			t.Errorf("segment %d comes after %d others", number, copied-1)
		}
		eventually(t, "what was copied is collected", func() bool {
			l.compactor.Hurry() // once more, if it rests
			return l.oldest() == number
		})
		path, _ := SegmentPath(dir, name)
		raw, err := io.ReadAll(content)
		return errors.Join(err, os.WriteFile(path, raw, 0o600))
	})
	if err != nil || copied < 5 {
		t.Fatal(copied, err)
	}
	options.Dir = dir
	again := mustOpen(t, options)
	if state := again.Health().State; state != "ok" {
		t.Errorf("the copy is %s", state)
	}
	got := content(t, again)
	for id, r := range want {
		if r.Status != storage.Delivered && (got[id].Status != r.Status || string(got[id].Body) != string(r.Body)) {
			t.Fatalf("event %v is\n%+v\nand was\n%+v", id, got[id], r)
		}
	}
}

// TestCopyIsGivenUp: nobody who takes a copy too slowly has new events refused.
func TestCopyIsGivenUp(t *testing.T) {
	l := crowdedLog(t)
	add := func(from, to int) {
		for i := from; i < to; i++ {
			settle(t, l, 1, mustAppend(t, l, of(1, i), storage.Dedupe{}), storage.Delivered)
		}
	}
	add(0, 500)
	begun, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		first := true
		done <- l.Segments(t.Context(), func(string, int64, io.Reader) error {
			if first {
				close(begun)
				<-goOn
			}
			first = false
			return nil
		})
	}()
	<-begun
	// What it does not hinder it does not end.
	add(500, 1000)
	turned(t, l)
	if !l.journal.Pinned(1) {
		t.Fatal("the copy was given up, though there is space")
	}
	add(1000, 6000)
	close(goOn)
	select {
	case err := <-done:
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the copy does not end")
	}
	if l.used() > 4<<20+256<<10 {
		t.Errorf("%d bytes", l.used())
	}
}
