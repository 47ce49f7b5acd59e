package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Copies that reach different processes at once, for several resources: one is
// stored, and each of its events is shown to one process, once.
func severalCopies(s *severalTest) {
	identity := newIdentity()
	const rounds, copies = 20, 12
	var firsts []storage.ID
	for round := range rounds {
		firsts = append(firsts, atOnce(s.T, copies, func(i int) (storage.ID, storage.Outcome, error) {
			events := s.peers[i%len(s.peers)].Events()
			return events.Append(s.Context(), newEvent(identity, "x"), dedupe(fmt.Sprint(round)), further...)
		}))
	}
	want := rounds * (1 + len(further))
	total := func() (n int) {
		for _, p := range s.peers {
			n += p.watcher.total()
		}
		return n
	}
	s.peers[0].eventually("all are shown", func() bool { return total() >= want })
	if n := total(); n != want {
		s.Fatalf("%d events were shown, %d are there", n, want)
	}
	for _, id := range firsts {
		for _, p := range s.peers {
			p.get(identity, id)
		}
	}
}

func severalRequeue(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	d := dedupe("key")
	id := a.append(newEvent(identity, "x"), d)
	b.again(identity, d, id, storage.Duplicate)
	a.attempt(identity, id, storage.Failed)
	b.again(identity, d, id, storage.Requeued)
	b.told(1, id)
	a.told(1, id)
	a.refusedAll(identity, id)
	a.again(identity, d, id, storage.Duplicate)
	b.attempt(identity, id, storage.Failed)
	// So it is with a replay.
	replay := a.replay(identity, id)
	a.told(1, replay)
	b.refusedAll(identity, replay)
	b.again(identity, d, id, storage.Duplicate)
	a.attempt(identity, replay, storage.Failed)
	b.again(identity, d, id, storage.Requeued)
	b.told(1, replay)
	b.attempt(identity, replay, storage.Delivered)
}

// A drop at one process while others append: nothing is left, and nothing comes.
func severalDrop(s *severalTest) {
	a := s.peers[0]
	for range 5 {
		identity := newIdentity()
		ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
		var wait sync.WaitGroup
		begun := make(chan struct{}, 6)
		for i := range cap(begun) {
			wait.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					_, _, err := s.peers[i%len(s.peers)].Events().Append(s.Context(), newEvent(identity, "x"), storage.Dedupe{})
					switch {
					case errors.Is(err, storage.ErrNotFound):
						return
					case err != nil:
						s.Error(err)
						return
					case n == 3:
						begun <- struct{}{}
					}
				}
				s.Error("an append goes on after the drop")
			})
		}
		for range cap(begun) {
			<-begun
		}
		a.wantError(a.Events().Drop(ctx, identity, false), storage.ErrPending)
		if err := a.Events().Drop(ctx, identity, true); err != nil {
			s.Fatal(err)
		}
		check := func() {
			s.Helper()
			for _, p := range s.peers {
				if left := p.listAll(identity, "", 10); len(left) != 0 || !p.Events().Dropped(identity) {
					s.Fatalf("%d are left, dropped %v", len(left), p.Events().Dropped(identity))
				}
				_, _, err := p.Events().Append(s.Context(), newEvent(identity, "late"), storage.Dedupe{})
				p.wantError(err, storage.ErrNotFound)
			}
		}
		check()
		wait.Wait()
		cancel()
		check()
	}
}

func severalDropPending(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	identity := newIdentity()
	id := a.append(newEvent(identity, "x"), storage.Dedupe{})
	for _, p := range s.peers {
		p.wantError(p.Events().Drop(s.Context(), identity, false), storage.ErrPending)
		if p.Events().Dropped(identity) {
			s.Fatal("an integration with a pending event counts as dropped")
		}
	}
	a.claim(identity, id)
	if err := b.Events().Drop(s.Context(), identity, true); err != nil {
		s.Fatal(err)
	}
	a.wantError(a.Events().Finish(s.Context(), identity, id, storage.Attempt{}, storage.Delivered, now()), storage.ErrNotFound)
	if !a.Events().Dropped(identity) {
		s.Fatal("another's drop is not known")
	}
}

// Replays at once, and a copy between them, at different processes: one of the chain
// is pending.
func severalReplays(s *severalTest) {
	identity := newIdentity()
	d := dedupe("key")
	d.Requeues = 100
	id := s.peers[0].append(newEvent(identity, "x"), d)
	s.peers[0].attempt(identity, id, storage.Failed)
	for range 15 {
		var mu sync.Mutex
		stored, owner := 0, s.peers[0]
		var wait sync.WaitGroup
		for i := range 9 {
			p := s.peers[i%len(s.peers)]
			wait.Go(func() {
				var err error
				if i == 4 {
					var outcome storage.Outcome
					if _, outcome, err = p.Events().Append(s.Context(), newEvent(identity, "x"), d); err == nil && outcome != storage.Requeued {
						err = storage.ErrPending
					}
				} else {
					_, err = p.Events().Replay(s.Context(), identity, id, elsewhere)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					stored, owner = stored+1, p
				case !errors.Is(err, storage.ErrPending):
					s.Error(err)
				}
			})
		}
		wait.Wait()
		if n := owner.Events().PendingOf(identity); n != 1 || stored != 1 {
			s.Fatalf("%d are pending, %d were stored", n, stored)
		}
		for _, p := range s.peers {
			if r := p.get(identity, p.get(identity, id).Newest); r.Status != storage.Pending {
				s.Fatalf("the newest is %s", r.Status)
			}
		}
		owner.attempt(identity, owner.get(identity, id).Newest, storage.Failed)
	}
}

func severalIDs(s *severalTest) {
	identity := newIdentity()
	last := make([]storage.ID, len(s.peers))
	seen := make(map[storage.ID]bool)
	for n := range 400 {
		at := n % len(s.peers)
		id := s.peers[at].append(newEvent(identity, ""), storage.Dedupe{})
		if bytes.Compare(id[:], last[at][:]) <= 0 || seen[id] {
			s.Fatalf("%v came after %v", id, last[at])
		}
		last[at], seen[id] = id, true
	}
	if got := s.peers[0].listAll(identity, "", 50); len(got) != 400 || !slices.IsSortedFunc(got, func(a, b storage.ID) int { return bytes.Compare(b[:], a[:]) }) {
		s.Fatalf("%d are listed, or not the newest first", len(got))
	}
}

func severalCounts(s *severalTest) {
	identity := newIdentity()
	for i, p := range s.peers {
		for range i + 1 {
			p.append(newEvent(identity, "x"), storage.Dedupe{})
		}
		if n := p.Events().PendingOf(identity); n < i+1 {
			s.Fatalf("one that holds %d events counts %d", i+1, n)
		}
		p.attempt(identity, p.append(newEvent(identity, "x"), storage.Dedupe{}), storage.Failed)
	}
	failed := len(s.peers)
	pending := failed * (failed + 1) / 2
	for _, p := range s.peers {
		p.eventually("all are counted", func() bool {
			c := p.Events().Counts()
			return c.Pending == pending && c.Failed == failed && !c.OldestPending.IsZero() && p.Events().PendingOf(identity) == pending
		})
	}
}

// Processes come, go, fall silent and wake up while each attempts what it is told of:
// in the end each event was delivered once, whoever did that.
func severalLives(s *severalTest) {
	identity := newIdentity()
	var mu sync.Mutex
	delivered := make(map[storage.ID]int)
	work := func(p *peer, quit <-chan struct{}) {
		tried := make(map[storage.ID]int)
		for {
			select {
			case <-quit:
				return
			case <-time.After(time.Millisecond):
			}
			for id, times := range p.watcher.times() {
				if times == tried[id] {
					continue
				}
				tried[id] = times
				if _, err := p.Events().Claim(context.Background(), identity, id); err != nil {
					continue
				}
				if p.Events().Finish(context.Background(), identity, id, storage.Attempt{}, storage.Delivered, now()) == nil {
					mu.Lock()
					delivered[id]++
					mu.Unlock()
				}
			}
		}
	}
	quit := make(chan struct{})
	var workers sync.WaitGroup
	start := func(p *peer) { workers.Go(func() { work(p, quit) }) }
	stable := s.peers[0]
	const events = 120
	for n := range events {
		p := s.peers[n%len(s.peers)]
		p.append(newEvent(identity, fmt.Sprint(n)), storage.Dedupe{})
		switch n {
		case events / 2:
			for _, p := range s.peers {
				start(p)
			}
		case events * 2 / 3:
			s.peers[1].Pause()
			s.peers = slices.Delete(s.peers, 1, 2)
		case events * 3 / 4:
			if err := s.peers[1].Close(); err != nil {
				s.Fatal(err)
			}
			s.peers[1] = s.open()
			start(s.peers[1])
		}
	}
	stable.eventually("all are delivered", func() bool { return stable.Events().PendingOf(identity) == 0 })
	close(quit)
	workers.Wait()
	for id, n := range delivered {
		if n != 1 {
			s.Errorf("%v was delivered %d times", id, n)
		}
	}
	if len(delivered) != events {
		s.Errorf("%d of %d events were delivered", len(delivered), events)
	}
}

// times returns how often each event was shown.
func (w *watcher) times() map[storage.ID]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := make(map[storage.ID]int)
	for id, refs := range w.refs {
		times[id] = len(refs)
	}
	return times
}
