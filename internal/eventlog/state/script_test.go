package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func (h *history) append() {
	of := h.identity()
	e := testEvent(0)
	e.Integration, e.ReceivedAt = of, time.UnixMilli(1_790_000_000_000+h.now).UTC()
	dedupe := storage.Dedupe{Window: time.Duration(h.next(4)) * 100 * time.Millisecond, Requeues: h.next(3)}
	if n := h.next(5); n > 0 {
		dedupe.Key = fmt.Append(nil, n)
	}
	further := make([]storage.Resource, max(h.next(6)-3, 0))
	c := NewAppend(e, dedupe, further)
	_, err := h.do(&c)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		if _, staged := h.staged.Dropped[of]; !staged && !h.IsDropped(of) {
			h.Fatal("an integration that is not dropped refuses an event")
		}
	case err != nil:
		h.Fatal(err)
	case c.Outcome == storage.Accepted:
		for n := range 1 + len(further) {
			h.expected[Forward(c.Stands, uint64(n))] = &expectation{of: of, status: storage.Pending}
		}
	case dedupe.Key == nil:
		h.Fatal("an event without a key is a duplicate")
	case c.Outcome == storage.Requeued:
		if dedupe.Requeues == 0 {
			h.Fatal("a duplicate queued an event again that must not be")
		}
		IDs(&c.requeued, func(id storage.ID) {
			if h.expected[id].status != storage.Failed {
				h.Fatalf("event %v is queued again and was %s", id, h.expected[id].status)
			}
			h.expected[id].status = storage.Pending
		})
	}
}

func (h *history) attempt() {
	id, want := h.some()
	if want == nil {
		return
	}
	of := Subject{want.of, id}
	due := time.UnixMilli(1_790_000_000_000 + h.now).UTC()
	var err error
	allowed := want.claimed
	then := *want
	switch h.next(5) {
	case 0, 1:
		allowed = want.status == storage.Pending && !want.claimed
		then.claimed = true
		_, err = h.do(&Claim{Subject: of})
	case 2:
		_, err = h.do(&Save{Subject: of, Progress: []byte("p")})
	case 3:
		then.claimed, then.tries = false, want.tries+1
		then.status = []storage.Status{storage.Pending, storage.Delivered, storage.Failed, storage.Failed}[h.next(4)]
		_, err = h.do(&Finish{Subject: of, Status: then.status, Due: due, Attempt: storage.Attempt{StatusCode: 500}})
	case 4:
		then.claimed = false
		_, err = h.do(&Release{Subject: of, Due: due})
	}
	switch {
	case err == nil && allowed:
		*want = then
	case errors.Is(err, storage.ErrNotPending) && !allowed:
	case errors.Is(err, storage.ErrNotFound): // that it is gone is seen when the group is published
	default:
		h.Fatalf("%+v: %v", want, err)
	}
}

func (h *history) replay() {
	id, want := h.some()
	if want == nil {
		return
	}
	e := testEvent(0)
	e.Integration = want.of
	c := NewReplay(id, e)
	c.Once = h.next(2) == 0
	_, err := h.do(c)
	switch {
	case err == nil:
		if want.status == storage.Pending {
			h.Fatalf("event %v is replayed and pending", id)
		}
		h.expected[c.ID()] = &expectation{of: want.of, status: storage.Pending}
	case !errors.Is(err, storage.ErrPending) && !errors.Is(err, storage.ErrReplayed) && !errors.Is(err, storage.ErrNotFound):
		h.Fatal(err)
	}
}

// compact empties the first records of the log and removes them, as compaction
// does.
func (h *history) compact(n int) {
	h.commit()
	n = min(n, len(h.log))
	for _, w := range h.log[:n] {
		switch r := w.record.(type) {
		case Whole:
			var there []Shared
			for i := range r.Count() {
				if e := h.events[r.ID(i)]; e != nil && !e.Purged && e.Place == w.at {
					there = append(there, Shared{ID: e.ID})
				}
			}
			if len(there) == 0 {
				continue
			}
			if len(there) > 1 {
				for _, one := range there {
					h.must(&Purge{Subject: Subject{r.Integration(), one.ID}, Policy: PastTime})
				}
			}
			relocate := &Relocate{Of: r.Integration(), Sharing: there, From: w.at, Content: r.Event(0), Policy: PastTime}
			h.must(relocate)
			before := h.sequence
			if h.must(relocate); h.sequence != before {
				h.Fatalf("a record at %+v is relocated twice", w.at)
			}
		case *Purged:
			if r.Key != "" {
				h.must(&Remember{Record: *r})
			}
		}
	}
	h.flush() // no index from before it is left when a segment is removed
	h.flushed = h.flushed[len(h.flushed)-1:]
	h.log = h.log[n:]
}

func (h *history) drop() {
	c := &Drop{Of: h.identity(), Force: h.next(2) == 0}
	pending := false
	for _, want := range h.expected {
		pending = pending || want.of == c.Of && want.status == storage.Pending && !want.gone
	}
	if _, err := h.do(c); errors.Is(err, storage.ErrPending) != (pending && !c.Force && !h.IsDropped(c.Of)) {
		if _, staged := h.staged.Dropped[c.Of]; !staged {
			h.Fatalf("dropping with pending events %t, forced %t: %v", pending, c.Force, err)
		}
	}
}

func (h *history) must(c Command) {
	h.Helper()
	if _, err := h.do(c); err != nil && !errors.Is(err, storage.ErrNotFound) {
		h.Fatal(err)
	}
}

func describe(e *Event) string {
	if e == nil {
		return "not there"
	}
	c := *e
	return fmt.Sprintf("%+v", c)
}

// layers is an index with a memtable above it.
type layers struct {
	*tables
	active *Memtable
}

func (l *layers) Find(identity storage.Identity, id storage.ID, known *Known) (Change, error) {
	if c, ok := l.active.Events[identity][id]; ok {
		return c, nil
	}
	return l.tables.Find(identity, id, known)
}

func (l *layers) Entry(key DedupeKey, known *Known) (DedupeEntry, error) {
	if entry, ok := l.active.Entry(key); ok {
		return entry, nil
	}
	return l.tables.Entry(key, known)
}
