package state

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// FuzzHistory has a log live through any history of commands, and recovers it from
// what it wrote: from all of its records, from those behind any index that it had,
// and without those that compaction made superfluous. Each time it must be the log
// that it was.
func FuzzHistory(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomBytes(seed, 300))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		newHistory(t, script[:min(len(script), 2000)]).run() // each check recovers everything
	})
}

func TestHistories(t *testing.T) {
	start := rand.Uint64()
	for n := range uint64(100) {
		t.Run(fmt.Sprint(start+n), func(t *testing.T) { newHistory(t, randomBytes(start+n, 600)).run() })
	}
}

func randomBytes(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	script := make([]byte, n)
	for i := range script {
		script[i] = byte(random.Uint32())
	}
	return script
}

// history is a log in memory, and what must be true of it.
type history struct {
	*testing.T
	script []byte
	limits storage.Limits
	now    int64
	lastID uint64

	log      []written
	sequence uint64
	group    []written // under way
	staged   *Memtable
	tables            // all that is published
	flushed  []tables // the index, as it was at some times, the newest last
	expected map[storage.ID]*expectation
}

// written is a record in the log.
type written struct {
	record   Record
	sequence uint64
	at       Place
}

// tables is the index and what was published behind it: a Base.
type tables struct {
	h       *history
	events  map[storage.ID]*Event
	entries map[DedupeKey]DedupeEntry
	dropped map[storage.Identity]struct{}
	mark    uint64 // the last record in it
}

// expectation is what the commands' answers say of an event.
type expectation struct {
	of      storage.Identity
	status  storage.Status
	claimed bool
	gone    bool
	tries   int
}

func newHistory(t *testing.T, script []byte) *history {
	h := &history{
		T: t, script: script, staged: NewMemtable(), expected: make(map[storage.ID]*expectation),
		limits: storage.Limits{Delivered: 50 * time.Millisecond, Failed: 100 * time.Millisecond, Remember: 200 * time.Millisecond},
	}
	h.tables = tables{h: h, events: map[storage.ID]*Event{}, entries: map[DedupeKey]DedupeEntry{}, dropped: map[storage.Identity]struct{}{}}
	h.flush()
	return h
}

func (b *tables) Find(_ storage.Identity, id storage.ID, _ *Known) (Change, error) {
	if e := b.events[id]; e != nil {
		return Change{Now: e, Indexed: e}, nil
	}
	return Change{}, storage.ErrNotFound
}

func (b *tables) Entry(key DedupeKey, _ *Known) (DedupeEntry, error) { return b.entries[key], nil }

func (b *tables) IsDropped(identity storage.Identity) bool {
	_, ok := b.dropped[identity]
	return ok
}

func (b *tables) PendingOf(identity storage.Identity) (n int) {
	for _, e := range b.events {
		if e.Integration == identity && e.Status == storage.Pending && !e.Purged {
			n++
		}
	}
	return n
}

func (b *tables) Admit(_ *storage.Event, n int, _ int64) (id storage.ID, err error) {
	binary.BigEndian.PutUint64(id[8:], b.h.lastID+1)
	b.h.lastID += uint64(n)
	return id, nil
}

// take publishes a memtable.
func (b *tables) take(m *Memtable) {
	for _, of := range m.Events {
		for id, c := range of {
			b.events[id] = c.Now
		}
	}
	maps.Copy(b.entries, m.Entries)
	for identity := range m.Dropped {
		b.dropped[identity] = struct{}{}
		maps.DeleteFunc(b.events, func(_ storage.ID, e *Event) bool { return e.Integration == identity })
		maps.DeleteFunc(b.entries, func(key DedupeKey, _ DedupeEntry) bool { return key.Integration == identity })
	}
}

func (b *tables) clone() tables {
	c := *b
	c.events, c.entries, c.dropped = maps.Clone(b.events), maps.Clone(b.entries), maps.Clone(b.dropped)
	maps.DeleteFunc(c.events, func(_ storage.ID, e *Event) bool { return e.Purged })
	maps.DeleteFunc(c.entries, func(_ DedupeKey, e DedupeEntry) bool { return e == DedupeEntry{} })
	return c
}

func (h *history) next(n int) int {
	if len(h.script) == 0 {
		return 0
	}
	b := h.script[0]
	h.script = h.script[1:]
	return int(b) % n
}

func (h *history) run() {
	for len(h.script) > 0 {
		h.step()
	}
	h.commit()
	h.check()
}

func (h *history) step() {
	h.now += int64(h.next(8))
	switch h.next(16) {
	case 0, 1, 2, 3:
		h.append()
	case 4, 5, 6, 7, 8:
		h.attempt()
	case 9:
		h.replay()
	case 10:
		if id, e := h.some(); e != nil {
			h.do(&Purge{Subject: Subject{e.of, id}, Policy: Policy(h.next(3))})
		}
	case 11:
		h.compact(h.next(6))
	case 12:
		if h.next(8) == 0 {
			h.drop()
		}
	case 13:
		h.flush()
	case 14:
		h.abort()
	case 15:
		h.check()
	}
	if h.next(3) == 0 {
		h.commit()
	}
}

func (h *history) identity() storage.Identity { return storage.Identity{byte(1 + h.next(2))} }

// do decides on a command, twice, and keeps what it does.
func (h *history) do(c Command) (after *Event, err error) {
	h.Helper()
	step := Step{Now: h.now, Limits: &h.limits, Staged: h.staged, Base: &h.tables}
	if _, err = Decide(&step, c); err != nil {
		return nil, err
	}
	d, err := Decide(&step, c)
	if err != nil {
		h.Fatalf("deciding again on %T: %v", c, err)
	}
	var at Place
	switch d.Verdict {
	case Write:
		if raw := int64(len(d.Record.Append(nil))); raw > d.Record.Bound() {
			h.Fatalf("%T takes %d bytes, more than its bound %d", d.Record, raw, d.Record.Bound())
		}
		h.sequence++
		at = Place{Segment: 1, Offset: int64(h.sequence), Length: 64}
		h.group = append(h.group, written{h.copied(d.Record), h.sequence, at})
	case Apply:
	default:
		return nil, nil
	}
	after = d.Apply(h.staged, h.sequence, at)
	return after, nil
}

// copied is a record as it is read again.
func (h *history) copied(r Record) Record {
	read, err := Decode(r.Kind(), r.Append(nil), true)
	if err != nil {
		h.Fatal(err)
	}
	return read
}

// commit publishes the group, and holds it against what is expected.
func (h *history) commit() {
	h.log = append(h.log, h.group...)
	h.take(h.staged)
	h.mark = h.sequence
	for id, want := range h.expected {
		e := h.events[id]
		if h.IsDropped(want.of) || e != nil && e.Purged {
			if want.status == storage.Pending && !h.IsDropped(want.of) {
				h.Fatalf("event %v was purged and is pending", id)
			}
			want.gone = true
			continue
		}
		switch {
		case want.gone && e != nil:
			h.Fatalf("event %v is back", id)
		case e == nil && !want.gone:
			h.Fatalf("event %v is lost", id)
		case e != nil && (e.Status != want.status || e.Claimed != want.claimed || e.Tries != want.tries):
			h.Fatalf("event %v is %+v, want %+v", id, e, want)
		}
	}
	h.chains()
	h.group = nil
	h.staged.Clear()
}

// chains makes sure that only the newest of a chain is pending, and that nothing
// of a chain goes before that.
func (h *history) chains() {
	for id, e := range h.events {
		first := e.Chain.First
		if first.IsZero() {
			first = id
		}
		of := h.events[first]
		if of == nil || of.Chain.Newest.IsZero() {
			continue
		}
		newest := h.events[of.Chain.Newest]
		switch {
		case newest == nil || newest.Purged:
		case e.Purged && newest.Status == storage.Pending:
			h.Fatalf("event %v was purged, and %v of its chain is pending", id, newest.ID)
		case !of.Purged && !e.Purged && e.Status == storage.Pending && id != newest.ID:
			h.Fatalf("event %v is pending, and %v is the newest of its chain", id, newest.ID)
		}
	}
}

// abort is a group that could not be written: nothing of it has happened. What is
// expected is taken from what there is.
func (h *history) abort() {
	h.group = nil
	h.staged.Clear()
	h.expected = make(map[storage.ID]*expectation)
	for id, e := range h.events {
		h.expected[id] = &expectation{of: e.Integration, status: e.Status, claimed: e.Claimed, gone: e.Purged, tries: e.Tries}
	}
}

// flush keeps what the index is now.
func (h *history) flush() {
	h.commit()
	h.flushed = append(h.flushed, h.clone())
}

// some is an event that was not seen to be gone.
func (h *history) some() (storage.ID, *expectation) {
	ids := slices.SortedFunc(maps.Keys(h.expected), CompareIDs)
	if len(ids) == 0 {
		return storage.ID{}, nil
	}
	id := ids[len(ids)-1-h.next(min(len(ids), 12))]
	return id, h.expected[id]
}

// check recovers the log in every way.
func (h *history) check() {
	h.commit()
	empty := tables{h: h, events: map[storage.ID]*Event{}, entries: map[DedupeKey]DedupeEntry{}, dropped: map[storage.Identity]struct{}{}}
	h.recovered("all of its records", empty, 0)
	for _, index := range h.flushed {
		h.recovered("the records behind an index", index.clone(), index.mark)
		// A crash may have come before the index noted how far it is.
		h.recovered("an index that says it is older than it is", index.clone(), max(h.log0(), index.mark)-1)
	}
}

// log0 is the number of the first record that is there.
func (h *history) log0() uint64 {
	if len(h.log) == 0 {
		return h.sequence + 1
	}
	return h.log[0].sequence
}

func (h *history) recovered(from string, index tables, mark uint64) {
	r := Recovery{
		Step: Step{Now: h.now, Limits: &h.limits, Staged: NewMemtable()}, Active: NewMemtable(), Dropped: maps.Clone(index.dropped),
	}
	r.Base = &layers{tables: &index, active: r.Active}
	for _, w := range h.log {
		if w.sequence <= mark {
			continue
		}
		if err := r.Apply(w.record, w.sequence, w.at); err != nil {
			h.Fatal(err)
		}
	}
	index.take(r.Active)
	got, want := index.clone(), h.clone()
	for id, e := range want.events {
		if g := got.events[id]; g == nil || describe(g) != describe(e) {
			h.Fatalf("from %s, event %v is\n%s\nwant\n%s", from, id, describe(g), describe(e))
		}
	}
	for id, e := range got.events {
		if want.events[id] == nil && !h.IsDropped(e.Integration) {
			h.Fatalf("from %s, event %v is back:\n%s", from, id, describe(e))
		}
	}
	for key, entry := range want.entries {
		if got.entries[key] != entry {
			h.Fatalf("from %s, %q leads to %+v, want %+v", from, key.Key, got.entries[key], entry)
		}
	}
	for key, entry := range got.entries {
		if e := want.events[entry.ID]; e != nil && e.Key == key.Key && !entry.Purged {
			continue // a newer event had the key and was forgotten: the older one may be found again
		}
		if _, ok := want.entries[key]; !ok && !h.IsDropped(key.Integration) {
			h.Fatalf("from %s, %q leads to %+v again", from, key.Key, entry)
		}
	}
}
