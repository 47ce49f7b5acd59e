package eventlog

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

func mustOpenBody(t testing.TB, l *Log, id storage.ID) storage.Body {
	t.Helper()
	_, body, err := l.Open(t.Context(), storage.Identity{1}, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { body.Close() })
	return body
}

func withBody(text []byte) *storage.Event {
	e := testEvent(1, "")
	e.Body = text
	return e
}

// However many bodies are open, each of them holds a chunk.
func TestOpenBodiesTakeLittleMemory(t *testing.T) {
	const size, readers = 8 << 20, 16
	l := mustOpen(t, testOptions(t, t.TempDir()))
	id := mustAppend(t, l, withBody(make([]byte, size)), storage.Dedupe{})
	used := func() uint64 {
		runtime.GC()
		runtime.GC() // what a pool holds
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	var open []storage.Body
	for range readers {
		body := mustOpenBody(t, l, id)
		if _, err := io.CopyN(io.Discard, body, size/2); err != nil {
			t.Fatal(err)
		}
		open = append(open, body)
	}
	if after := used(); after > before+size/2 {
		t.Errorf("%d readers of %d bytes take %d", readers, size, after-before)
	}
	for _, body := range open {
		if n, err := io.Copy(io.Discard, body); err != nil || n != size/2 {
			t.Errorf("%d bytes were left, %v", n, err)
		}
	}
}

// Damage behind the reader's place is an error, and never another body.
func TestDamageBehindAReader(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, quietOptions(t, dir))
	want := bytes.Repeat([]byte("0123456789abcdef"), 10*bodyChunk/16)
	id := mustAppend(t, l, withBody(want), storage.Dedupe{})
	body := mustOpenBody(t, l, id)
	got := make([]byte, bodyChunk+1)
	if _, err := io.ReadFull(body, got); err != nil {
		t.Fatal(err)
	}
	files := segmentFiles(t, dir)
	rewrite(t, files[len(files)-1], func(raw []byte) []byte {
		raw[segment.Start+5*bodyChunk] ^= 1
		return raw
	})
	rest, err := io.ReadAll(body)
	if got = slices.Concat(got, rest); !bytes.HasPrefix(want, got) || len(got) >= 6*bodyChunk {
		t.Errorf("%d bytes were read, and not those that were stored", len(got))
	}
	if !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("the error is %v", err)
	}
	if _, _, err := l.Open(t.Context(), storage.Identity{1}, id); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("opened once more: %v", err)
	}
}

// A reader keeps no segment from going. His body ends with an error then.
func TestSegmentGoesUnderAReader(t *testing.T) {
	options, clock := timedOptions(t, t.TempDir())
	l := mustOpen(t, options)
	l.SetLimits(week)
	id := mustAppend(t, l, withBody(make([]byte, 4*bodyChunk)), storage.Dedupe{})
	body := mustOpenBody(t, l, id)
	if _, err := io.CopyN(io.Discard, body, bodyChunk); err != nil {
		t.Fatal(err)
	}
	e, _, err := l.look(storage.Identity{1}, id)
	if err != nil {
		t.Fatal(err)
	}
	closeSegment(t, l, clock)
	for number := l.oldest(); number <= e.Place.Segment; number++ {
		if err := l.journal.Remove(number, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := io.Copy(io.Discard, body); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("%d bytes more, %v", n, err)
	}
}

// A list ends before its limit when what it has found takes much memory.
func TestListIsBoundedInBytes(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	const events = 40
	for range events {
		e := testEvent(1, "")
		e.DeliveryID = strings.Repeat("x", maxEnvelope/2)
		mustAppend(t, l, e, storage.Dedupe{})
	}
	query := storage.Query{Limit: 500}
	pages, found := 0, 0
	for more := true; more; pages++ {
		records, next, again, err := l.List(t.Context(), storage.Identity{1}, query)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, r := range records {
			size += len(r.DeliveryID)
		}
		if size > maxFound+maxEnvelope {
			t.Errorf("%d events with %d bytes", len(records), size)
		}
		found, query.Before, more = found+len(records), next, again
	}
	if found != events || pages < 2 {
		t.Errorf("%d events in %d pages", found, pages)
	}
}
