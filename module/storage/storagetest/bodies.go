package storagetest

import (
	"io"
	"reflect"
	"testing/iotest"

	"github.com/hookgate/hookgate/module/storage"
)

// open opens an event and reads its body.
func (t *eventsTest) openAll(identity storage.Identity, id storage.ID, through func(io.Reader) io.Reader) (*storage.Record, string) {
	t.Helper()
	r, body, err := t.log.Open(t.Context(), identity, id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(through(body))
	if err != nil || int64(len(text)) != body.Size() {
		t.Fatalf("read %d bytes of %d: %v", len(text), body.Size(), err)
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatalf("a closed body gave %d bytes, %v", n, err)
	}
	return r, string(text)
}

// testOpen reads events bit by bit and holds them against what Get returns.
func testOpen(t *eventsTest) {
	identity := newIdentity()
	var ids []storage.ID
	for _, size := range []int{0, 1, 15, 16, 17, 4096, 32<<10 - 1, 32 << 10, 32<<10 + 1, 200_000} {
		text := make([]byte, size)
		for i := range text {
			text[i] = byte(i * i >> 8)
		}
		ids = append(ids, t.append(newEvent(identity, string(text)), storage.Dedupe{}))
	}
	several := newEvent(identity, "for several")
	if _, _, err := t.log.Append(t.Context(), several, storage.Dedupe{}, storage.Resource{Type: "assistant", ID: "second"}); err != nil {
		t.Fatal(err)
	}
	t.attempt(identity, ids[1], storage.Failed)
	ids = append(ids, several.ID, t.replay(identity, ids[1]))
	last := several.ID
	for i := len(last) - 1; i >= 0; i-- { // the ID behind the first one's
		if last[i]++; last[i] != 0 {
			break
		}
	}
	ids = append(ids, last)
	t.twice(func() {
		for i, id := range ids {
			want := t.get(identity, id)
			through := func(r io.Reader) io.Reader { return r }
			if i%2 == 1 {
				through = iotest.HalfReader
			}
			got, text := t.openAll(identity, id, through)
			if text != string(want.Body) {
				t.Fatalf("event %d has another body", i)
			}
			if got.Body != nil {
				t.Fatal("the record has the body, too")
			}
			want.Body = nil
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("event %d is %+v, want %+v", i, got, want)
			}
		}
		_, _, err := t.log.Open(t.Context(), newIdentity(), ids[0])
		t.wantError(err, storage.ErrNotFound)
		_, _, err = t.log.Open(t.Context(), identity, storage.ID{1})
		t.wantError(err, storage.ErrNotFound)
	})
}
