package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// copyLog copies a log's segments to where another log finds them.
func copyLog(t *testing.T, l *Log, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, segmentsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	err := l.Segments(t.Context(), func(name string, size int64, content io.Reader) error {
		path, ok := SegmentPath(dir, name)
		if !ok {
			return fmt.Errorf("no segment's name: %s", name)
		}
		raw, err := io.ReadAll(content)
		if err == nil && int64(len(raw)) != size {
			err = fmt.Errorf("%d bytes rather than %d", len(raw), size)
		}
		return errors.Join(err, os.WriteFile(path, raw, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCopyUnderLoad copies a log while it is written, several times: each copy
// has all that was acknowledged before it was begun, as it was then or later.
func TestCopyUnderLoad(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	body := strings.Repeat("x", 8000)
	var mu sync.Mutex
	acknowledged := make(map[storage.ID]storage.Status)
	note := func(id storage.ID, status storage.Status) {
		mu.Lock()
		defer mu.Unlock()
		acknowledged[id] = status
	}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for sender := range 4 {
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprint(sender, "-", i)
				id, _, err := l.Append(context.Background(), testEvent(1, name+body), keyed(name))
				if err != nil {
					t.Error(err)
					return
				}
				note(id, storage.Pending)
				status := []storage.Status{storage.Pending, storage.Delivered, storage.Failed}[i%3]
				if status == storage.Pending {
					continue
				}
				if _, err := l.Claim(context.Background(), storage.Identity{1}, id); err != nil {
					t.Error(err)
					return
				}
				if err := l.Finish(context.Background(), storage.Identity{1}, id, storage.Attempt{}, status, time.Time{}); err != nil {
					t.Error(err)
					return
				}
				note(id, status)
			}
		})
	}
	for range 3 {
		eventually(t, "more segments", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(acknowledged) > 300
		})
		mu.Lock()
		before := acknowledged
		acknowledged = make(map[storage.ID]storage.Status)
		mu.Unlock()
		dir := t.TempDir()
		copyLog(t, l, dir)
		copied := mustOpen(t, testOptions(t, dir))
		if state := copied.Health().State; state != "ok" {
			t.Errorf("the copy is %s", state)
		}
		for id, status := range before {
			r, err := copied.Get(t.Context(), storage.Identity{1}, id)
			if err != nil || !strings.HasSuffix(string(r.Body), body) || status != storage.Pending && r.Status != status {
				t.Errorf("%v: %s, want %s: %v", id, r.Status, status, err)
				break
			}
		}
		if got, outcome, err := copied.Append(t.Context(), testEvent(1, "again"), keyed("0-1")); err != nil || outcome == storage.Accepted {
			t.Errorf("a copy of an old event is %v: %v, %v", outcome, got, err)
		}
		copied.Close()
	}
	stop()
	load.Wait()
}

// TestCopyAfterCrash copies a log that has a segment with a torn end in its
// middle.
func TestCopyAfterCrash(t *testing.T) {
	origin, dir := t.TempDir(), t.TempDir()
	l := mustOpen(t, testOptions(t, origin))
	id := mustAppend(t, l, testEvent(1, "first"), storage.Dedupe{})
	if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, testOptions(t, dir))
	second := mustAppend(t, l, testEvent(1, "second"), storage.Dedupe{})
	after := t.TempDir()
	copyLog(t, l, after)
	copied := mustOpen(t, testOptions(t, after))
	for _, id := range []storage.ID{id, second} {
		if _, err := copied.Get(t.Context(), storage.Identity{1}, id); err != nil {
			t.Error(err)
		}
	}
	if state := copied.Health().State; state != "ok" {
		t.Error(state)
	}
}

func TestCopyEnds(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	broken := errors.New("broken")
	if err := l.Segments(t.Context(), func(string, int64, io.Reader) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Segments(ctx, func(string, int64, io.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	l.Close()
	if err := l.Segments(t.Context(), nil); !errors.Is(err, storage.ErrUnavailable) {
		t.Error(err)
	}
}

func TestSegmentPath(t *testing.T) {
	for name, want := range map[string]bool{
		"0000000000000001.segment":    true,
		"00000000000000ff.segment":    true,
		"00000000000000FF.segment":    false,
		"1.segment":                   false,
		"0000000000000001.new":        false,
		"../0000000000000001.segment": false,
		"":                            false,
	} {
		if path, ok := SegmentPath("dir", name); ok != want || ok && path != filepath.Join("dir", "segments", name) {
			t.Errorf("%q: %s, %v", name, path, ok)
		}
	}
}

// TestReplacedKey exchanges the key of a log: what the old one sealed stays
// readable, while it waits to be rewritten, and the index is opened and not
// rebuilt.
func TestReplacedKey(t *testing.T) {
	dir := t.TempDir()
	old := testKey
	key := seal.NewKey().Replacing(old)
	l := mustOpen(t, testOptions(t, dir))
	first := mustAppend(t, l, testEvent(1, "first"), keyed("first"))
	l.Close()

	core, logs := observer.New(zap.WarnLevel)
	options := testOptions(t, dir)
	options.Key, options.Logger = key, zap.New(core)
	for range 2 { // twice does no harm
		if err := Rekey(dir, key); err != nil {
			t.Fatal(err)
		}
	}
	l = mustOpen(t, options)
	held := l.journal.Pin()
	second := mustAppend(t, l, testEvent(1, "second"), keyed("second"))
	for _, id := range []storage.ID{first, second} {
		if _, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil {
			t.Error(err)
		}
	}
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "first"), keyed("first")); outcome != storage.Duplicate || err != nil {
		t.Error(outcome, err)
	}
	ids, err := KeyIDs(dir)
	if err != nil || len(ids) != 2 || !ids[old.ID()] || !ids[key.ID()] {
		t.Errorf("%v, %v", ids, err)
	}
	if bytes := l.Sealed(); len(bytes) != 2 || bytes[old.ID()] == 0 || bytes[key.ID()] == 0 {
		t.Errorf("%v", bytes)
	}
	l.Close()
	held.Release()
	if logs.Len() > 0 {
		t.Errorf("%v", logs.All())
	}

	// An old segment without its key stops the start; nothing is touched.
	options.Key = seal.NewKey()
	if _, err := Open(options); err == nil || !strings.Contains(err.Error(), "another encryption key") {
		t.Error(err)
	}
	if err := Rekey(dir, options.Key); err != nil {
		t.Error(err)
	}
	options.Key = key
	if l = mustOpen(t, options); logs.Len() > 0 {
		t.Errorf("%v", logs.All())
	}
	l.Close()

	if ids, err := KeyIDs(t.TempDir()); err != nil || len(ids) != 0 {
		t.Errorf("without a log: %v, %v", ids, err)
	}
	if err := Rekey(t.TempDir(), key); err != nil {
		t.Errorf("without a log: %v", err)
	}
}

// TestSegmentsOfReplacedKey: what the old key has sealed is rewritten beside
// the service, whatever its age, and then the new one alone opens the log.
func TestSegmentsOfReplacedKey(t *testing.T) {
	dir := t.TempDir()
	options := quietOptions(t, dir)
	l := mustOpen(t, options)
	for i := range 200 {
		id := mustAppend(t, l, testEvent(1, payload(i)), keyed(payload(i)))
		switch i % 3 {
		case 0:
			deliver(t, l, id)
		case 1:
			fail(t, l, id)
		}
	}
	want := content(t, l)
	l.Close()

	old, key := testKey, seal.NewKey()
	options.Key = key.Replacing(old)
	if err := Rekey(dir, options.Key); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, options)
	eventually(t, "all is sealed with the new key", func() bool {
		l.compactor.Hurry()
		return l.Sealed()[old.ID()] == 0
	})
	if ids, err := KeyIDs(dir); err != nil || ids[old.ID()] {
		t.Errorf("%v, %v", ids, err)
	}
	sameContent(t, l, want)
	l.Close()

	options.Key = key
	l = mustOpen(t, options)
	sameContent(t, l, want)
	_, outcome, err := l.Append(t.Context(), testEvent(1, payload(0)), keyed(payload(0)))
	if outcome != storage.Duplicate || err != nil {
		t.Error(outcome, err)
	}
}
