package eventlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/module/storage"
)

// model is what a log must hold: what happened to each event that was
// acknowledged, by the test's own record.
type model struct {
	*testing.T
	random  *rand.Rand
	options Options
	clock   *fakeTime
	log     *Log
	limits  storage.Limits
	events  map[storage.ID]*modelled
	owners  map[string]storage.ID // of the dedupe keys
	ids     []storage.ID          // in the order of acceptance
}

type modelled struct {
	body   string
	key    string
	status storage.Status
	born   time.Duration
	since  time.Duration // when it got to its status
	newest storage.ID    // of its chain, in the first event
	first  storage.ID
	leads  []storage.ID // to those that were accepted with it
	gone   bool         // it was seen to be gone
}

// TestRandomHistory does random things to a log that purges and collects, and
// opens it again with and without its index, closed and killed.
func TestRandomHistory(t *testing.T) {
	rounds := 3
	switch {
	case os.Getenv("HOOKGATE_TEST_FULL") == "1":
		rounds = 20
	case testing.Short():
		rounds = 1
	}
	for round := range rounds {
		seed := uint64(time.Now().UnixNano()) + uint64(round)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomHistory(t, seed) })
	}
}

// memoryDir is a directory in memory, where there is one with some space: what a
// process leaves behind is the same there, and a sync costs nothing.
func memoryDir(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	if free, err := fsutil.Free(memory); err != nil || free < 1<<30 {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "hookgate-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func randomHistory(t *testing.T, seed uint64) {
	m := &model{
		T: t, random: rand.New(rand.NewPCG(seed, 0)), events: make(map[storage.ID]*modelled), owners: make(map[string]storage.ID),
		limits: storage.Limits{Delivered: 2 * day, Failed: 5 * day, Remember: day},
	}
	m.options, m.clock = timedOptions(t, filepath.Join(memoryDir(t), "log"))
	m.options.Logger = zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	m.open()
	for range 1500 {
		m.step()
	}
	m.check()
	closeSegment(t, m.log, m.clock)
	m.clock.pass(6 * day)
	collected(t, m.log)
	closeSegment(t, m.log, m.clock) // with what was kept until then
	m.clock.pass(3 * day)
	collected(t, m.log)
	m.check()
	for id, e := range m.events {
		if !e.gone && !m.stays(e, id) && !slices.ContainsFunc(e.leads, func(id storage.ID) bool { return m.stays(m.events[id], id) }) {
			t.Fatalf("event %v is %s and was not purged", id, e.status)
		}
	}
}

// stays reports whether an event stays because it or the newest of its chain is
// pending.
func (m *model) stays(e *modelled, id storage.ID) bool {
	return e.status == storage.Pending || m.events[m.first(e, id).newest].status == storage.Pending
}

func (m *model) open() {
	m.log = mustOpen(m.T, m.options)
	m.log.SetLimits(m.limits)
}

func (m *model) step() {
	switch n := m.random.IntN(100); {
	case n < 45:
		m.append()
	case n < 75:
		m.attempt()
	case n < 80:
		m.replay()
	case n < 84:
		m.copy()
	case n < 96:
		m.clock.pass(time.Duration(m.random.Int64N(int64(6 * time.Hour))))
		m.log.compactor.Hurry()
	case n < 98:
		turned(m, m.log)
	default:
		m.reopen()
	}
}

func (m *model) append() {
	body := payload(m.random.IntN(10000))
	key := fmt.Sprint(len(m.ids))
	dedupe := storage.Dedupe{Key: []byte(key), Window: day}
	ids := make([]storage.ID, 1)
	if m.random.IntN(6) == 0 {
		ids = mustAppendAll(m, m.log, body, dedupe)
	} else {
		ids[0] = mustAppend(m, m.log, testEvent(1, body), dedupe)
	}
	for _, id := range ids {
		m.add(id, body, id)
	}
	m.events[ids[0]].leads = ids[1:]
	m.own(key, ids[0])
}

func (m *model) add(id storage.ID, body string, first storage.ID) {
	m.events[id] = &modelled{body: body, status: storage.Pending, born: m.clock.uptime(), since: m.clock.uptime(), first: first, newest: id}
	m.ids = append(m.ids, id)
	m.events[first].newest = id
}

func (m *model) own(key string, id storage.ID) { m.events[id].key, m.owners[key] = key, id }

// first is the first event of a chain.
func (m *model) first(e *modelled, id storage.ID) *modelled {
	if first := m.events[e.first]; first != nil {
		return first
	}
	return m.events[id]
}

// some is an event that was not seen to be gone.
func (m *model) some(status storage.Status) (storage.ID, *modelled) {
	for range 50 {
		if len(m.ids) == 0 {
			break
		}
		// The newer ones more often.
		id := m.ids[len(m.ids)-1-min(m.random.IntN(len(m.ids)), m.random.IntN(len(m.ids)))]
		if e := m.events[id]; !e.gone && e.status == status {
			return id, e
		}
	}
	return storage.ID{}, nil
}

func (m *model) attempt() {
	id, e := m.some(storage.Pending)
	if e == nil {
		return
	}
	if _, err := m.log.Claim(m.Context(), storage.Identity{1}, id); err != nil {
		m.Fatal(err)
	}
	status := []storage.Status{storage.Pending, storage.Delivered, storage.Delivered, storage.Failed}[m.random.IntN(4)]
	if err := m.log.Finish(m.Context(), storage.Identity{1}, id, storage.Attempt{}, status, time.Time{}); err != nil {
		m.Fatal(err)
	}
	if status != storage.Pending {
		e.status, e.since = status, m.clock.uptime()
	}
}

func (m *model) replay() {
	id, e := m.some([]storage.Status{storage.Delivered, storage.Failed}[m.random.IntN(2)])
	if e == nil {
		return
	}
	first := m.first(e, id)
	replay, err := m.log.Replay(m.Context(), storage.Identity{1}, id, again)
	switch {
	case errors.Is(err, storage.ErrPending) && m.events[first.newest].status == storage.Pending:
	case errors.Is(err, storage.ErrNotFound):
		m.gone(id)
	case err != nil:
		m.Fatal(err)
	case first.gone:
		m.add(replay, e.body, id)
		m.events[id].first = id
	default:
		m.add(replay, e.body, e.first)
	}
}

// copy sends an event again whose key must be known still.
func (m *model) copy() {
	if len(m.ids) == 0 {
		return
	}
	e := m.events[m.ids[len(m.ids)-1-m.random.IntN(min(len(m.ids), 20))]]
	if e.key == "" { // a replay
		return
	}
	id := m.owners[e.key]
	got, outcome, err := m.log.Append(m.Context(), testEvent(1, e.body), storage.Dedupe{Key: []byte(e.key), Window: 6 * time.Hour})
	late := m.clock.uptime()-m.events[id].born > 6*time.Hour
	if err != nil || late != (outcome == storage.Accepted) || outcome == storage.Duplicate && got != id {
		m.Fatalf("a copy of %v is of %v, %v, %v", id, got, outcome, err)
	}
	if outcome == storage.Accepted {
		m.add(got, e.body, got)
		m.own(e.key, got)
	}
}

// gone notes that an event was purged, and wants that to be allowed.
func (m *model) gone(id storage.ID) {
	m.Helper()
	e := m.events[id]
	if e.gone {
		return
	}
	keep := map[storage.Status]time.Duration{storage.Delivered: m.limits.Delivered, storage.Failed: m.limits.Failed}[e.status]
	if keep == 0 || m.clock.uptime()-e.since < keep {
		m.Fatalf("event %v is gone, which is %s since %v", id, e.status, m.clock.uptime()-e.since)
	}
	e.gone = true
}

// check compares every event, until the compactor was quiet meanwhile.
func (m *model) check() {
	m.Helper()
	purged := func() uint64 { usage := m.log.Usage(); return usage.PurgedDelivered + usage.PurgedFailed }
	for {
		before := purged()
		wrong := m.compare()
		switch {
		case purged() != before:
		case wrong != "":
			m.Fatal(wrong)
		default:
			return
		}
	}
}

func (m *model) compare() (wrong string) {
	m.Helper()
	pending, failed, there := 0, 0, 0
	for _, id := range m.ids {
		e := m.events[id]
		r, err := m.log.Get(m.Context(), storage.Identity{1}, id)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			m.gone(id)
			continue
		case err != nil:
			m.Fatal(err)
		case e.gone:
			m.Fatalf("event %v is back", id)
		case r.Status != e.status || string(r.Body) != e.body:
			m.Fatalf("event %v is %s, want %s", id, r.Status, e.status)
		}
		there++
		switch e.status {
		case storage.Pending:
			pending++
		case storage.Failed:
			failed++
		}
	}
	if counts := m.log.Counts(); counts.Pending != pending || counts.Failed != failed {
		return fmt.Sprintf("the counts are %+v, of %d pending and %d failed events", counts, pending, failed)
	}
	eventually(m, "all is counted", func() bool { return m.log.Usage().Counted })
	if usage := m.log.Usage(); usage.Events != there || usage.Bytes > 3*m.log.journal.Size() { // what three share counts for each
		return fmt.Sprintf("the usage is %+v of %d events", usage, there)
	}
	if state := m.log.Health().State; state != "ok" {
		return fmt.Sprintf("the state is %q", state)
	}
	return ""
}

// reopen ends the log in one of several ways, and looks whether it is the same.
func (m *model) reopen() {
	m.Helper()
	// What is purged in the last moment of a process that is killed may be there
	// again, so there is no such moment.
	turned(m, m.log)
	m.check()
	before := content(m, m.log)
	killed := m.random.IntN(2) == 0
	image := ""
	if killed {
		held := m.log.journal.Pin() // so the files stand still
		turned(m, m.log)
		if err := m.log.submit(m.Context(), m.log.newOp(&state.Note{Record: &state.Closed{}})); err != nil {
			m.Fatal(err) // all before it is synced with it
		}
		image = copiedTo(m, func() string { return filepath.Join(filepath.Dir(m.options.Dir), fmt.Sprint(m.random.Uint64())) }, m.options.Dir)
		held.Release()
	}
	if err := m.log.Close(); err != nil {
		m.Fatal(err)
	}
	if killed {
		m.options.Dir = image
	}
	if m.random.IntN(2) == 0 {
		removeIndex(m.T, m.options.Dir)
	}
	m.clock.pass(time.Duration(m.random.Int64N(int64(time.Hour))))
	m.open()
	for id, r := range content(m, m.log) {
		want, ok := before[id]
		if want.Newest != r.Newest {
			// An end of the chain was purged, before the end or meanwhile.
			_, err := m.log.Get(m.Context(), storage.Identity{1}, want.Newest)
			_, firstErr := m.log.Get(m.Context(), storage.Identity{1}, m.events[id].first)
			ok = ok && (errors.Is(err, storage.ErrNotFound) || errors.Is(firstErr, storage.ErrNotFound))
		}
		if !ok || want.Status != r.Status || want.Tries != r.Tries || !want.Due.Equal(r.Due) {
			m.Fatalf("event %v is\n%+v\nnewest %v, and was\n%+v\nnewest %v", id, r.State, r.Newest, want.State, want.Newest)
		}
	}
	m.check()
}
