package eventlog

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// sampleRecords has one of each kind.
func sampleRecords() []record {
	e := testEvent(7, "body")
	e.ID = storage.ID{1, 2, 3}
	e.ReceivedAt = time.UnixMilli(1_790_000_000_123).UTC()
	at := time.UnixMilli(1_790_000_000_456).UTC()
	identity := e.Integration
	whole := &event{Event: *e, key: "key", damaged: false, born: 3, since: 4}
	whole.Header, whole.Body = nil, nil
	whole.Status, whole.QueuedAt, whole.Due, whole.Tries, whole.Progress = storage.Failed, at, at, 3, []byte("p")
	whole.Attempts = []storage.Attempt{{At: at, StatusCode: 500, Error: "status", Detail: "detail"}}
	whole.chain = chain{first: storage.ID{1}, replayOf: storage.ID{2}}
	other := *whole
	other.ID, other.chain, other.key, other.Status = storage.ID{5}, chain{}, "", storage.Pending
	damaged := *whole
	damaged.damaged, damaged.claimed = true, true
	return []record{
		{kind: accepted, identity: identity, id: e.ID, event: e, key: "key", age: 1},
		{kind: claimed, identity: identity, id: e.ID},
		{kind: saved, identity: identity, id: e.ID, progress: []byte("progress")},
		{kind: finished, identity: identity, id: e.ID, status: storage.Failed, due: at, attempt: storage.Attempt{
			At: at, StatusCode: 503, Error: "status", Detail: "detail", Duration: time.Second,
		}},
		{kind: released, identity: identity, id: e.ID, due: at},
		{kind: requeued, identity: identity, id: e.ID, at: at, age: 5},
		{kind: dropped, identity: identity},
		{kind: closed},
		{kind: replayed, identity: identity, id: e.ID, event: e, replayOf: storage.ID{7}, first: storage.ID{8}, age: 6},
		{kind: relocated, identity: identity, id: e.ID, event: e, relocated: whole},
		{kind: relocated, identity: identity, id: e.ID, relocated: &damaged},
		{kind: purged, identity: identity, id: e.ID, key: "key", age: 7},
		{kind: purged, identity: identity, id: e.ID},
		{kind: clocked, at: at, age: 8},
		{kind: removed, segment: 9, last: 10},
		{kind: acceptedAll, identity: identity, id: e.ID, event: e, key: "key", age: 1, further: []storage.Resource{{Type: "ticket", ID: "a/b"}, {}}},
		{kind: relocatedAll, identity: identity, id: e.ID, event: e, relocated: whole, others: []*event{&other}},
		{kind: requeuedAll, identity: identity, id: e.ID, at: at, age: 5, rest: []storage.ID{{4}, {5}}},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	for _, want := range sampleRecords() {
		raw := want.append(nil)
		if int64(len(raw)) > want.bound() {
			t.Errorf("kind %d takes %d bytes, more than its bound %d", want.kind, len(raw), want.bound())
		}
		got, err := decodeRecord(want.kind, raw, true)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("kind %d: got %+v, %v", want.kind, got, err)
		}
		for n := range raw {
			if want.event != nil && n > len(raw)-len(want.event.Body)-1 || want.kind == saved && n >= 32 {
				break // what is left out is the end of a body
			}
			if _, err := decodeRecord(want.kind, raw[:n], true); err == nil {
				t.Errorf("kind %d: %d of %d bytes were taken", want.kind, n, len(raw))
			}
		}
	}
}

func TestBoundHolds(t *testing.T) {
	e := testEvent(1, "")
	e.Header = http.Header{"Empty": {}, "": {"", "", ""}}
	for i := range 300 {
		e.Header[fmt.Sprint("N", i)] = slices.Repeat([]string{""}, i)
	}
	r := record{kind: accepted, event: e}
	if n := int64(len(r.append(nil))); n > r.bound() {
		t.Fatalf("%d bytes are more than the bound %d", n, r.bound())
	}
}

// FuzzDecode reads hostile bytes with every decoder: no panic, no large
// allocation, and what is taken is written as it was read.
func FuzzDecode(f *testing.F) {
	e := newEvent(&sampleRecords()[0], 9, place{1, 4096, 512})
	for _, r := range sampleRecords() {
		f.Add(byte(r.kind), r.append(nil))
		if e.allows(&r) {
			e = e.apply(&r, e.sequence+1)
		}
	}
	f.Add(byte(0), e.append(nil))
	e.chain = chain{replayOf: storage.ID{1}, first: storage.ID{2}, newest: storage.ID{3}}
	f.Add(byte(0), e.append(nil))
	e.further = 2
	f.Add(byte(0), e.append(nil))
	f.Add(byte(0), watermark{segment: 3, offset: 4096, sequence: 7, note: note{wall: 8, age: 9}, oldest: 2}.append(nil))
	f.Add(byte(1), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, k byte, raw []byte) {
		if r, err := decodeRecord(kind(k), raw, true); err == nil {
			again, err := decodeRecord(kind(k), r.append(nil), true)
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("%+v\n%+v\n%v", r, again, err)
			}
		}
		_, _ = decodeRecord(kind(k), raw, false)
		if e, err := decodeEvent(storage.Identity{1}, storage.ID{2}, raw); err == nil {
			again, err := decodeEvent(storage.Identity{1}, storage.ID{2}, e.append(nil))
			if err != nil || !reflect.DeepEqual(e, again) {
				t.Fatalf("%+v\n%+v\n%v", e, again, err)
			}
		}
		if c, err := decodeCopyOf(raw); err == nil {
			if again, err := decodeCopyOf(c.append(nil)); err != nil || again != c {
				t.Fatal(c, again, err)
			}
		}
		if w, err := decodeWatermark(raw); err == nil {
			if again, err := decodeWatermark(w.append(nil)); err != nil || again != w {
				t.Fatal(w, again, err)
			}
		}
		if r, whole, err := decodeRef(storage.Identity{}, storage.ID{}, raw); err == nil && whole {
			if again, _, err := decodeRef(r.Integration, r.ID, appendRef(nil, r)); err != nil || !reflect.DeepEqual(again, r) {
				t.Fatalf("%+v\n%+v\n%v", r, again, err)
			}
		}
	})
}

// FuzzRecovery damages a segment in any way and opens the log: it opens, and an
// acknowledged event is there or its loss is reported. Only who takes both the
// log's end and the index takes what nobody can miss.
func FuzzRecovery(f *testing.F) {
	origin := f.TempDir()
	ids := filled(f, origin, 20)
	name := filepath.Base(segmentFiles(f, origin)[0])
	for _, index := range []bool{true, false} {
		f.Add(5000, []byte{1}, 0, index)
		f.Add(0, bytes.Repeat([]byte{0xff}, 300), 0, index)
		f.Add(segment.Start, bytes.Repeat([]byte{0}, 3000), 0, index)
		f.Add(9000, []byte{}, 4000, index)
	}
	f.Fuzz(func(t *testing.T, at int, patch []byte, cut int, index bool) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		if !index {
			removeIndex(t, dir)
		}
		noticed := index
		rewrite(t, filepath.Join(dir, "segments", name), func(raw []byte) []byte {
			at, cut := int(uint(at)%uint(len(raw))), int(uint(cut)%uint(len(raw)))
			noticed = noticed || cut == 0 && at+len(patch) < len(raw)-2000
			for i, b := range patch {
				if at+i < len(raw) {
					raw[at+i] ^= b
				}
			}
			return raw[:len(raw)-cut]
		})
		l, err := Open(quietOptions(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for i, id := range ids {
			r, err := l.Get(t.Context(), storage.Identity{1}, id)
			switch {
			case errors.Is(err, storage.ErrCorrupt): // so it is reported
			case errors.Is(err, storage.ErrNotFound):
				if noticed && l.Health().State != "corrupt" {
					t.Fatalf("event %d is lost in silence", i)
				}
			case err != nil:
				t.Fatal(err)
			case string(r.Body) != payload(i):
				t.Fatalf("event %d has another body", i)
			}
		}
		if _, _, err := l.Append(t.Context(), testEvent(1, "new"), storage.Dedupe{}); err != nil {
			t.Fatal(err)
		}
	})
}
