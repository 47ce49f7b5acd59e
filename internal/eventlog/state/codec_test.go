package state

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func testEvent(id byte) *storage.Event {
	return &storage.Event{
		ID: storage.ID{id}, Integration: storage.Identity{1}, WebhookID: "hook", Project: "demo", Alias: "a", Provider: "github",
		Type: "push", DeliveryID: "d", ResourceType: "assistant", ResourceID: "r",
		ReceivedAt: time.UnixMilli(1_790_000_000_123).UTC(),
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}},
		Body:       []byte("body"),
	}
}

// sampleRecords has one of each kind.
func sampleRecords() []Record {
	e := testEvent(1)
	of := Subject{e.Integration, e.ID}
	at := time.UnixMilli(1_790_000_000_456).UTC()
	whole := &Event{Event: *e, Key: "key", Born: 3, Since: 4}
	whole.Header, whole.Body = nil, nil
	whole.Status, whole.QueuedAt, whole.Due, whole.Tries, whole.Progress = storage.Failed, at, at, 3, []byte("p")
	whole.Attempts = []storage.Attempt{{At: at, StatusCode: 500, Error: "status", Detail: "detail"}}
	whole.Chain = Chain{First: storage.ID{1}, ReplayOf: storage.ID{2}}
	other := *whole
	other.ID, other.Chain, other.Key, other.Status = storage.ID{5}, Chain{}, "", storage.Pending
	damaged := *whole
	damaged.Damaged, damaged.Claimed = true, true
	content := &storage.Event{Header: e.Header, Body: e.Body}
	return []Record{
		&Accepted{Subject: of, Begun: e, Key: "key", Age: 1},
		&Accepted{Subject: of, Begun: e, Key: "key", Age: 1, Further: []storage.Resource{{Type: "ticket", ID: "a/b"}, {}}},
		&Replayed{Subject: of, Begun: e, ReplayOf: storage.ID{7}, First: storage.ID{8}, Age: 6},
		&Relocated{Of: of.Of, first: whole, content: content},
		&Relocated{Of: of.Of, first: &damaged},
		&Relocated{Of: of.Of, first: whole, others: []*Event{&other}, content: content},
		&Claimed{Subject: of},
		&Saved{Subject: of, Progress: []byte("progress")},
		&Finished{Subject: of, Status: storage.Failed, Due: at, Attempt: storage.Attempt{
			At: at, StatusCode: 503, Error: "status", Detail: "detail", Duration: time.Second,
		}},
		&Released{Subject: of, Due: at},
		&Requeued{Subject: of, At: at, Age: 5},
		&Requeued{Subject: of, At: at, Age: 5, Rest: []storage.ID{{4}, {5}}},
		&Dropped{Of: of.Of},
		&Closed{},
		&Purged{Subject: of, Key: "key", Age: 7},
		&Purged{Subject: of},
		&Clocked{At: at, Age: 8},
		&Removed{Segment: 9, Last: 10},
	}
}

// A kind without a sample is one that nothing else here looks at.
func TestEachKindHasASample(t *testing.T) {
	sampled := map[byte]bool{kindAcceptedOne: true, kindRequeuedOne: true, kindRelocatedOne: true} // see TestOneIsAListOfOne
	for _, r := range sampleRecords() {
		sampled[r.Kind()] = true
	}
	for kind := kindAcceptedOne; kind < kindAfter; kind++ {
		if !sampled[kind] {
			t.Errorf("no record of kind %d", kind)
		}
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	for _, want := range sampleRecords() {
		raw := want.Append(nil)
		if int64(len(raw)) > want.Bound() {
			t.Errorf("%T takes %d bytes, more than its bound %d", want, len(raw), want.Bound())
		}
		got, err := Decode(want.Kind(), raw, true)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		body := 0 // what may be left out is the end of a body
		if r, ok := want.(Whole); ok && r.Event(0) != nil {
			body = len(r.Event(0).Body)
		}
		for n := range raw {
			if _, ok := want.(*Saved); n > len(raw)-body-1 || ok && n >= 32 {
				break
			}
			if _, err := Decode(want.Kind(), raw[:n], true); err == nil {
				t.Errorf("%T: %d of %d bytes were taken", want, n, len(raw))
			}
		}
	}
}

// TestOneIsAListOfOne reads what the first version wrote of one event alone.
func TestOneIsAListOfOne(t *testing.T) {
	for _, want := range sampleRecords() {
		one, at := byte(0), 0 // where the count stands, which is 0
		raw := want.Append(nil)
		switch r := want.(type) {
		case *Accepted:
			if one, at = kindAcceptedOne, 32+1+1+len(r.Key); len(r.Further) > 0 {
				continue
			}
		case *Relocated:
			if one, at = kindRelocatedOne, 32; len(r.others) > 0 {
				continue
			}
		case *Requeued:
			if one, at = kindRequeuedOne, len(raw)-1; len(r.Rest) > 0 {
				continue
			}
		default:
			continue
		}
		if raw[at] != 0 {
			t.Fatalf("%T has %d at %d", want, raw[at], at)
		}
		got, err := Decode(one, slices.Delete(raw, at, at+1), true)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestBoundHolds(t *testing.T) {
	e := testEvent(1)
	e.Header = http.Header{"Empty": {}, "": {"", "", ""}}
	for i := range 300 {
		e.Header[fmt.Sprint("N", i)] = slices.Repeat([]string{""}, i)
	}
	r := Accepted{Begun: e}
	if n := int64(len(r.Append(nil))); n > r.Bound() {
		t.Fatalf("%d bytes are more than the bound %d", n, r.Bound())
	}
}

// FuzzDecode reads hostile bytes with every decoder: no panic, no large
// allocation, and what is taken is written as it was read.
func FuzzDecode(f *testing.F) {
	e := (&Accepted{Subject: Subject{storage.Identity{1}, storage.ID{1}}, Begun: testEvent(1), Key: "key"}).begun(0, 9, Place{1, 4096, 512})
	for _, r := range sampleRecords() {
		f.Add(r.Kind(), r.Append(nil))
		if r, ok := r.(transition); ok && r.allows(e) && r.Kind() != kindPurged {
			e = after(e, r, e.Sequence+1)
		}
	}
	f.Add(byte(0), e.Append(nil))
	e.Chain = Chain{ReplayOf: storage.ID{1}, First: storage.ID{2}, Newest: storage.ID{3}}
	f.Add(byte(0), e.Append(nil))
	e.Further = 2
	f.Add(byte(0), e.Append(nil))
	f.Add(byte(1), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, kind byte, raw []byte) {
		if r, err := Decode(kind, raw, true); err == nil {
			again, err := Decode(r.Kind(), r.Append(nil), true)
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Fatalf("%+v\n%+v\n%v", r, again, err)
			}
		}
		_, _ = Decode(kind, raw, false)
		if e, err := DecodeEvent(storage.Identity{1}, storage.ID{2}, raw); err == nil {
			again, err := DecodeEvent(storage.Identity{1}, storage.ID{2}, e.Append(nil))
			if err != nil || !reflect.DeepEqual(e, again) {
				t.Fatalf("%+v\n%+v\n%v", e, again, err)
			}
		}
		if c, err := DecodeDedupeEntry(raw); err == nil {
			if again, err := DecodeDedupeEntry(c.Append(nil)); err != nil || again != c {
				t.Fatal(c, again, err)
			}
		}
	})
}
