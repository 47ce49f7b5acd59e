package storagetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Peer is one of several handles of a place, as in a process of its own.
type Peer interface {
	storage.Backend
	// Pause cuts the handle off, as if its process were stopped: the others see no
	// sign of life, and soon its session is lost. It is told nothing. Calls reach
	// the storage all the same, as those of a process that does not know yet.
	Pause()
	// Resume undoes Pause.
	Resume()
}

// Several checks what a storage must hold that processes share. open opens one more
// handle of a place; a silent one should lose its session within a second.
func Several(t *testing.T, open func(t *testing.T, place string) Peer) {
	for _, test := range []struct {
		name    string
		handles int
		run     func(*severalTest)
	}{
		{"processes are counted", 1, severalPeers},
		{"copies at once are one event", 3, severalCopies},
		{"an event is one session's", 2, severalOwners},
		{"who queues again has the event", 2, severalRequeue},
		{"a clean end hands over", 2, severalEnd},
		{"a silent session loses its events", 2, severalSilence},
		{"a lost session is refused", 2, severalFence},
		{"a lost session is told, and another begins", 2, severalLost},
		{"a new process takes over", 1, severalLate},
		{"events are given to others", 3, severalGiveBack},
		{"a drop is for all", 3, severalDrop},
		{"a drop sees what others hold", 2, severalDropPending},
		{"replays at once store one", 3, severalReplays},
		{"IDs of one process ascend", 2, severalIDs},
		{"counts are of all", 3, severalCounts},
		{"each event is delivered once", 3, severalLives},
		{"one of many writers wins", 3, severalWriters},
		{"what others write is told", 3, severalChanges},
		{"who was silent is told later", 2, severalMissed},
		{"what others have changed is stale", 2, severalStale},
		{"no append begins that is stale", 2, severalStaleAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) {
			place := NewPlace()
			s := &severalTest{T: t, open: func() *peer { return newPeer(t, open(t, place)) }}
			for range test.handles {
				s.peers = append(s.peers, s.open())
			}
			test.run(s)
		})
	}
}

type severalTest struct {
	*testing.T
	open  func() *peer
	peers []*peer
}

// peer is a handle that is watched.
type peer struct {
	Peer
	*eventsTest
	watcher *watcher
	lost    chan int // how many events it had been told of when its session was lost
}

func newPeer(t *testing.T, handle Peer) *peer {
	t.Helper()
	p := &peer{Peer: handle, eventsTest: &eventsTest{T: t, log: logOf(handle)}, lost: make(chan int, 10)}
	p.watcher = &watcher{refs: make(map[storage.ID][]storage.Ref)}
	_, err := handle.Events().Watch(storage.Watcher{Pending: p.watcher.pending, Lost: func() { p.lost <- p.watcher.total() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.Close() })
	return p
}

// total counts the refs that were shown.
func (w *watcher) total() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, refs := range w.refs {
		n += len(refs)
	}
	return n
}

// told waits until the peer was told of events, each so often.
func (p *peer) told(times int, ids ...storage.ID) {
	p.Helper()
	p.eventually("it is told of its events", func() bool {
		return !slices.ContainsFunc(ids, func(id storage.ID) bool { return len(p.watcher.seen(id)) < times })
	})
	for _, id := range ids {
		if n := len(p.watcher.seen(id)); n != times {
			p.Fatalf("it was told %d times of an event, not %d", n, times)
		}
	}
}

// untold checks that the peer was not told of events.
func (p *peer) untold(ids ...storage.ID) {
	p.Helper()
	for _, id := range ids {
		if len(p.watcher.seen(id)) > 0 {
			p.Fatal("it was told of another's event")
		}
	}
}

// refused checks that nothing that is told of another's event is taken.
func (p *peer) refusedAll(identity storage.Identity, id storage.ID) {
	p.Helper()
	before := p.get(identity, id)
	events := p.Events()
	_, err := events.Claim(p.Context(), identity, id)
	p.wantError(err, storage.ErrNotPending)
	p.wantError(events.Save(p.Context(), identity, id, []byte("progress")), storage.ErrNotPending)
	p.wantError(events.Release(p.Context(), identity, id, now().Add(time.Hour)), storage.ErrNotPending)
	p.wantError(events.Finish(p.Context(), identity, id, storage.Attempt{}, storage.Delivered, now()), storage.ErrNotPending)
	if after := p.get(identity, id); after.Status != before.Status || after.Tries != before.Tries || !after.Due.Equal(before.Due) || string(after.Progress) != string(before.Progress) {
		p.Fatalf("what was refused made %+v of %+v", after.State, before.State)
	}
}

func severalPeers(s *severalTest) {
	count := func(want int) {
		s.Helper()
		s.peers[0].eventually("all are counted", func() bool {
			return !slices.ContainsFunc(s.peers, func(p *peer) bool { return p.Events().Peers() != want })
		})
	}
	count(1)
	s.peers = append(s.peers, s.open(), s.open())
	count(3)
	s.peers[2].Pause()
	silent := s.peers[2]
	s.peers = s.peers[:2]
	count(2)
	silent.Resume()
	s.peers = append(s.peers, silent)
	count(3)
	if err := s.peers[0].Close(); err != nil {
		s.Fatal(err)
	}
	s.peers = s.peers[1:]
	count(2)
}

func severalOwners(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	id := a.append(newEvent(identity, "x"), storage.Dedupe{})
	a.told(1, id)
	b.refusedAll(identity, id)
	a.claim(identity, id)
	b.refusedAll(identity, id)
	if r := b.get(identity, id); string(r.Body) != "x" || r.Status != storage.Pending {
		s.Fatalf("another sees %+v", r)
	}
	a.finish(identity, id, storage.Pending, now())
	b.refusedAll(identity, id)
	a.attempt(identity, id, storage.Delivered)
	if r := b.get(identity, id); r.Status != storage.Delivered || r.Tries != 2 {
		s.Fatalf("another sees %+v", r.State)
	}
	b.untold(id)
}

func severalEnd(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	waiting := a.append(newEvent(identity, "waiting"), storage.Dedupe{})
	claimed := a.append(newEvent(identity, "claimed"), storage.Dedupe{})
	done := a.append(newEvent(identity, "done"), storage.Dedupe{})
	a.attempt(identity, done, storage.Delivered)
	a.claim(identity, claimed)
	if err := a.Close(); err != nil {
		s.Fatal(err)
	}
	b.told(1, waiting, claimed)
	b.untold(done)
	for _, id := range []storage.ID{waiting, claimed} {
		if r := b.claim(identity, id); r.Crashes != 0 {
			s.Fatalf("a clean end counts as %d crashes", r.Crashes)
		}
	}
}

func severalSilence(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	waiting := a.append(newEvent(identity, "waiting"), storage.Dedupe{})
	claimed := a.append(newEvent(identity, "claimed"), storage.Dedupe{})
	a.claim(identity, claimed)
	if err := a.Events().Save(s.Context(), identity, claimed, []byte("progress")); err != nil {
		s.Fatal(err)
	}
	b.untold(waiting, claimed)
	a.Pause()
	b.told(1, waiting, claimed)
	if r := b.claim(identity, waiting); r.Crashes != 0 {
		s.Fatalf("an event that was not claimed has %d crashes", r.Crashes)
	}
	if r := b.claim(identity, claimed); r.Crashes != 1 || string(r.Progress) != "progress" || string(r.Body) != "claimed" {
		s.Fatalf("what was claimed is %+v", r)
	}
}

func severalFence(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	id := a.append(newEvent(identity, "x"), dedupe("x"))
	a.claim(identity, id)
	a.Pause()
	b.told(1, id)
	a.refusedAll(identity, id) // before the other has claimed it
	b.claim(identity, id)
	a.refusedAll(identity, id) // and after
	_, _, err := a.Events().Append(s.Context(), newEvent(identity, "late"), storage.Dedupe{})
	a.wantError(err, storage.ErrUnavailable)
	if n := b.Events().PendingOf(identity); n != 1 {
		s.Fatalf("%d events are pending: a lost session has stored one", n)
	}
	b.finish(identity, id, storage.Failed, now())
	if _, _, err := a.Events().Append(s.Context(), newEvent(identity, "x"), dedupe("x")); !errors.Is(err, storage.ErrUnavailable) {
		s.Fatalf("a lost session has queued an event again: %v", err)
	}
	if _, err := a.Events().Replay(s.Context(), identity, id, storage.Replay{}); !errors.Is(err, storage.ErrUnavailable) {
		s.Fatalf("a lost session has stored a replay: %v", err)
	}
	if n := b.Events().PendingOf(identity); n != 0 {
		s.Fatalf("%d events are pending", n)
	}
}

func severalLost(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	id := a.append(newEvent(identity, "x"), storage.Dedupe{})
	a.told(1, id)
	a.claim(identity, id)
	a.Pause()
	b.told(1, id)
	a.Resume()
	select {
	case told := <-a.lost:
		if told != 1 {
			s.Fatalf("it was told of %d events before", told)
		}
	case <-time.After(10 * time.Second):
		s.Fatal("nobody was told that the session is lost")
	}
	a.refusedAll(identity, id)
	// The other goes: what it had is the new session's.
	if err := b.Close(); err != nil {
		s.Fatal(err)
	}
	a.told(2, id)
	fresh := a.append(newEvent(identity, "fresh"), storage.Dedupe{})
	a.told(1, fresh)
	a.attempt(identity, id, storage.Delivered)
	a.attempt(identity, fresh, storage.Delivered)
	if len(a.lost)+len(b.lost) != 0 {
		s.Fatal("a session was lost that was not silent")
	}
}

func severalLate(s *severalTest) {
	a := s.peers[0]
	identity := newIdentity()
	id := a.append(newEvent(identity, "x"), storage.Dedupe{})
	a.claim(identity, id)
	a.Pause()
	b := s.open()
	b.told(1, id)
	if r := b.claim(identity, id); r.Crashes != 1 {
		s.Fatalf("it has %d crashes", r.Crashes)
	}
}

func severalGiveBack(s *severalTest) {
	a, b, c := s.peers[0], s.peers[1], s.peers[2]
	identity := newIdentity()
	var given []storage.ID
	var refs []storage.Ref
	for range 4 {
		given = append(given, a.append(newEvent(identity, "given"), storage.Dedupe{}))
	}
	claimed := a.append(newEvent(identity, "claimed"), storage.Dedupe{})
	done := a.append(newEvent(identity, "done"), storage.Dedupe{})
	others := b.append(newEvent(identity, "another's"), storage.Dedupe{})
	a.told(1, slices.Concat(given, []storage.ID{claimed, done})...)
	b.told(1, others)
	for _, id := range append(given, claimed, done) {
		refs = append(refs, a.watcher.seen(id)...)
	}
	refs = append(refs, b.watcher.seen(others)...)
	a.claim(identity, claimed)
	a.attempt(identity, done, storage.Delivered)
	if err := a.Events().GiveBack(s.Context(), refs, "unserved"); err != nil {
		s.Fatal(err)
	}
	for _, id := range given {
		a.refusedAll(identity, id)
		a.eventually("another is told", func() bool { return len(b.watcher.seen(id))+len(c.watcher.seen(id)) == 1 })
		owner := b
		if len(b.watcher.seen(id)) == 0 {
			owner = c
		}
		if r := owner.claim(identity, id); r.Crashes != 0 {
			s.Fatalf("an event was given with %d crashes", r.Crashes)
		}
	}
	a.told(1, given...)
	b.untold(claimed, done)
	c.untold(claimed, done, others)
	a.finish(identity, claimed, storage.Delivered, now())
	b.attempt(identity, others, storage.Delivered)
}
