package eventlog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// FuzzDecodeIndex reads hostile bytes with every decoder of the index's values: no
// panic, no large allocation, and what is taken is written as it was read.
func FuzzDecodeIndex(f *testing.F) {
	f.Add(watermark{Mark: journal.Mark{Segment: 3, Offset: 4096, Sequence: 7, Oldest: 2}, note: note{wall: 8, age: 9}}.append(nil))
	f.Add(appendRef(nil, storage.Ref{WebhookID: "hook", ResourceType: "ticket", Project: "demo", Size: 7}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
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
