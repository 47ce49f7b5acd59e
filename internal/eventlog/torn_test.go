package eventlog

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// scarceDisk has space for as many keys of the index as a test says.
type scarceDisk struct {
	*faultyDisk
	mu   sync.Mutex
	keys int // negative: any number
}

func (d *scarceDisk) Space(dir string) (free int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.keys == 0 {
		return 1, nil
	}
	d.keys--
	return d.faultyDisk.Space(dir)
}

func (d *scarceDisk) allow(keys int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys = keys
}

// TestIndexTornByACrash ends the process behind each key that the index gets of
// an event: what it has then and what the log has make the same events.
func TestIndexTornByACrash(t *testing.T) {
	options, faulty := faultyOptions(t, t.TempDir())
	disk := &scarceDisk{faultyDisk: faulty, keys: -1}
	options.disk, options.chunk, options.FlushEvery = disk, 1, time.Hour
	l := mustOpen(t, options)

	// The index has events in every state, and then each of them changes.
	identity := storage.Identity{1}
	add := func(key string) storage.ID { return mustAppend(t, l, testEvent(1, key), keyed(key)) }
	finish := func(id storage.ID, status storage.Status) {
		t.Helper()
		if err := l.Finish(t.Context(), identity, id, storage.Attempt{}, status, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	claim := func(id storage.ID) {
		t.Helper()
		if _, err := l.Claim(t.Context(), identity, id); err != nil {
			t.Fatal(err)
		}
	}
	want := make(map[storage.ID]storage.Status)
	delivered, claimed, requeued, replayedOnce := add("delivered"), add("claimed"), add("requeued"), add("replayed")
	claim(claimed)
	fail(t, l, requeued)
	fail(t, l, replayedOnce)
	gone := add("purged")
	fail(t, l, gone)
	l.flusher.flush(false)
	_, known, err := (compaction{l}).Look(identity, gone)
	if err != nil {
		t.Fatal(err)
	}
	purge := l.newOp(&state.Purge{Subject: state.Subject{Of: identity, ID: gone}, Policy: state.Settled, Known: known})
	if err := l.submit(t.Context(), purge); err != nil || !purge.after.Purged {
		t.Fatal(purge.after, err)
	}
	want[gone] = ""
	claim(delivered)
	finish(delivered, storage.Delivered)
	finish(claimed, storage.Failed)
	add("requeued")
	want[delivered], want[claimed], want[requeued], want[replayedOnce] = storage.Delivered, storage.Failed, storage.Pending, storage.Failed
	want[mustReplay(t, l, replayedOnce)] = storage.Pending
	keys := map[string]storage.ID{"delivered": delivered, "requeued": requeued, "purged": gone}
	for _, key := range []string{"new", "new and claimed"} {
		keys[key] = add(key)
		want[keys[key]] = storage.Pending
	}
	claim(keys["new and claimed"])

	mark := l.mark(t)
	for id, c := range l.active.Events[identity] {
		one := state.NewMemtable()
		one.Put(c.Now, c.Indexed)
		for name, of := range l.active.Entries {
			if of.ID == id {
				one.Entries[name] = of
			}
		}
		for n, whole := 1, false; !whole; n++ {
			t.Run(fmt.Sprintf("%s %d", id, n), func(t *testing.T) {
				dir := copied(t, l.Dir)
				whole = writeTorn(t, dir, l.Options, disk, n, one, mark)
				checkTorn(t, dir, identity, want, keys)
			})
		}
	}
}

// writeTorn writes a memtable to the index of a log that is not open, and ends
// behind n keys.
func writeTorn(t *testing.T, dir string, options Options, disk *scarceDisk, n int, o *state.Memtable, mark watermark) (whole bool) {
	t.Helper()
	l := &Log{Options: options, dedupe: newDedupeFilter()}
	l.Dir = dir
	l.space = &space{disk: disk, dir: dir, now: l.now, indexSize: l.indexSize}
	var err error
	if l.index, err = l.newIndex(); err != nil {
		t.Fatal(err)
	}
	disk.allow(n)
	err = l.write(o, mark)
	disk.allow(-1)
	if err != nil && !errors.Is(err, storage.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := l.index.Close(); err != nil {
		t.Fatal(err)
	}
	return err == nil
}

// checkTorn opens a log and looks at its events by all ways that lead
// to them.
func checkTorn(t *testing.T, dir string, identity storage.Identity, want map[storage.ID]storage.Status, keys map[string]storage.ID) {
	t.Helper()
	l := mustOpen(t, quietOptions(t, dir))
	var pending, failed int
	for id, status := range want {
		if status == "" {
			if _, err := l.Get(t.Context(), identity, id); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%v: %v; it was purged", id, err)
			}
			continue
		}
		if r, err := l.Get(t.Context(), identity, id); err != nil || r.Status != status {
			t.Errorf("%v: %+v, %v; it is %s", id, r, err, status)
		}
		switch status {
		case storage.Pending:
			pending++
		case storage.Failed:
			failed++
		}
	}
	if c := l.Counts(); c.Pending != pending || c.Failed != failed || l.PendingOf(identity) != pending {
		t.Errorf("counted %+v, %d of the integration; there are %d pending and %d failed", c, l.PendingOf(identity), pending, failed)
	}
	for _, status := range []storage.Status{storage.Pending, storage.Failed} {
		records, _, _, err := l.List(t.Context(), identity, storage.Query{Status: status, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if want[r.ID] != status {
				t.Errorf("%v is listed as %s and is %s", r.ID, status, want[r.ID])
			}
		}
		if got := map[storage.Status]int{storage.Pending: pending, storage.Failed: failed}[status]; len(records) != got {
			t.Errorf("%d of %d are listed as %s", len(records), got, status)
		}
	}
	var mu sync.Mutex
	var seen []storage.ID
	stop, err := l.Watch(storage.Watcher{Pending: func(ref storage.Ref) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, ref.ID)
	}})
	if err != nil {
		t.Fatal(err)
	}
	last := mustAppend(t, l, testEvent(1, "last"), storage.Dedupe{})
	eventually(t, "the last event", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(seen, last)
	})
	stop()
	if len(seen) != pending+1 {
		t.Errorf("the watcher saw %d of %d", len(seen), pending+1)
	}
	for key, id := range keys {
		if stands, outcome, err := l.Append(t.Context(), testEvent(1, key), keyed(key)); stands != id || outcome != storage.Duplicate || err != nil {
			t.Errorf("a copy of %q: %v, %v, %v", key, stands, outcome, err)
		}
	}
}
