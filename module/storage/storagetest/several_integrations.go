package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func severalWriters(s *severalTest) {
	in := storage.Integration{WebhookID: "hook", Project: "demo"}
	var last uint64
	for range 20 {
		var wait sync.WaitGroup
		var won atomic.Uint64
		for i := range 9 {
			wait.Go(func() {
				next := in
				next.Value = fmt.Append(nil, i)
				revision, err := s.peers[i%len(s.peers)].Integrations().Put(s.Context(), next, last)
				switch {
				case err == nil:
					if !won.CompareAndSwap(0, revision) {
						s.Error("two writers replaced one revision")
					}
				case !errors.Is(err, storage.ErrConflict):
					s.Error(err)
				}
			})
		}
		wait.Wait()
		if won.Load() <= last {
			s.Fatalf("revision %d came after %d", won.Load(), last)
		}
		last = won.Load()
		for _, p := range s.peers { // reads see what has returned, elsewhere too
			if got, err := p.Integrations().Get(s.Context(), "hook"); err != nil || got.Revision != last {
				s.Fatalf("another reads revision %d of %d, %v", got.Revision, last, err)
			}
		}
	}
}

// changes collects what a peer is told of, with the revision that it reads then.
type changes struct {
	mu        sync.Mutex
	revisions map[string]uint64
	count     int
}

func (s *severalTest) follow(p *peer) (*changes, func()) {
	s.Helper()
	c := &changes{revisions: make(map[string]uint64)}
	stop, err := p.Integrations().Changes(func(webhookID string) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		in, err := p.Integrations().Get(ctx, webhookID)
		if err != nil {
			s.Errorf("told of %s: %v", webhookID, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.revisions[webhookID] = max(c.revisions[webhookID], in.Revision)
		c.count++
	})
	if err != nil {
		s.Fatal(err)
	}
	return c, stop
}

func (c *changes) of(webhookID string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revisions[webhookID]
}

func severalChanges(s *severalTest) {
	a, b, c := s.peers[0], s.peers[1], s.peers[2]
	own, _ := s.follow(a)
	told, stop := s.follow(b)
	other, _ := s.follow(c)
	in := storage.Integration{WebhookID: "hook", Project: "demo", Value: []byte("1")}
	var revision uint64
	for _, change := range []func(){
		func() {}, func() { in.Value = []byte("2") }, func() { in.Deleted = true }, func() { in.Deleted = false },
	} {
		change()
		revision = put(s.T, a, in, revision)
		for _, c := range []*changes{told, other} {
			a.eventually("others are told", func() bool { return c.of("hook") == revision })
		}
	}
	stop()
	before := told.of("hook")
	revision = put(s.T, a, in, revision)
	a.eventually("the other is told", func() bool { return other.of("hook") == revision })
	if told.of("hook") != before {
		s.Error("it was told after it had stopped")
	}
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.count != 0 {
		s.Errorf("it was told %d times of its own writes", own.count)
	}
}

func severalMissed(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	told, _ := s.follow(b)
	in := storage.Integration{WebhookID: "hook", Project: "demo"}
	first := put(s.T, a, in, 0)
	a.eventually("the other is told", func() bool { return told.of("hook") == first })
	b.Pause()
	second := put(s.T, a, in, first)
	b.Resume()
	a.eventually("the other is told", func() bool { return told.of("hook") == second })
}

func severalStale(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	in := storage.Integration{WebhookID: "hook", Project: "demo"}
	revision := put(s.T, a, in, 0)
	for _, p := range s.peers {
		if err := appendAt(s.T, p, "hook", revision); err != nil {
			s.Fatal(err)
		}
	}
	for _, writer := range []*peer{b, a, b} {
		next := put(s.T, writer, in, revision)
		for _, p := range s.peers {
			wantStale(s.T, p, "hook", revision, next)
		}
		revision = next
	}
	in.Deleted = true
	deleted := put(s.T, a, in, revision)
	wantStale(s.T, b, "hook", revision, deleted)
}

// Once a write has returned at one process, no append begins at another with an
// earlier revision, however many are under way.
func severalStaleAtOnce(s *severalTest) {
	a, b := s.peers[0], s.peers[1]
	in := storage.Integration{WebhookID: "hook", Project: "demo"}
	var written atomic.Uint64
	written.Store(put(s.T, a, in, 0))
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	var appends sync.WaitGroup
	for range 4 {
		appends.Go(func() {
			for ctx.Err() == nil {
				seen := written.Load()
				at := max(seen, 2) - 1 // as one that read just before
				event := newEvent(newIdentity(), "x")
				event.WebhookID, event.Revision = "hook", at
				if _, _, err := b.Events().Append(s.Context(), event, storage.Dedupe{}); at < seen && !errors.Is(err, storage.ErrStale) {
					s.Errorf("an append of revision %d began after %d was written: %v", at, seen, err)
					return
				}
			}
		})
	}
	for range 50 {
		written.Store(put(s.T, a, in, written.Load()))
	}
	cancel()
	appends.Wait()
}
