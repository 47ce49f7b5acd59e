// Package memory is a storage in memory that several gateways may share, each by a
// handle of its own. It keeps every promise of package storage, but that nothing
// survives its place: it is there to try the suite in storagetest, and for tests of
// what is built on a storage.
package memory

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Place is what the handles share. One mutex guards all of it: each call is one step.
type Place struct {
	// session is how long a process may be silent before its events are others'.
	session time.Duration

	mu           sync.Mutex
	sessions     []*session // those that live, the oldest first
	turn         int        // whose turn it is to take over
	events       map[storage.Identity]map[storage.ID]*event
	copies       map[copyName]copyOf
	newest       map[storage.Identity]map[storage.ID]storage.ID // of a chain, by its first event
	dropped      map[storage.Identity]bool
	settled      []settlement // in the order of time
	lastID       storage.ID
	integrations map[string]*integration
	revision     uint64
}

// session is what a handle has until its process is not seen any more.
type session struct {
	*Handle
	lost bool
}

// event is a stored event. Its header and body are never changed.
type event struct {
	storage.Record
	owner   *session // who is to attempt it; nil for nobody
	claimed bool
	queued  time.Time // QueuedAt by a clock that does not jump
	since   time.Time // it has its status
	first   storage.ID
	further int // events that were accepted with it
	size    int64
}

// NewPlace returns an empty place. session is how long a handle may be paused before
// it has lost its session.
func NewPlace(session time.Duration) *Place {
	return &Place{
		session:      session,
		events:       make(map[storage.Identity]map[storage.ID]*event),
		copies:       make(map[copyName]copyOf),
		newest:       make(map[storage.Identity]map[storage.ID]storage.ID),
		dropped:      make(map[storage.Identity]bool),
		integrations: make(map[string]*integration),
	}
}

// begin opens a session for a handle, which takes over what nobody has.
func (p *Place) begin(h *Handle) {
	h.session = &session{Handle: h}
	p.sessions = append(p.sessions, h.session)
	p.adopt()
}

// end ends a session. What it has claimed is released; unless that is a clean end it
// counts as a crash.
func (p *Place) end(s *session, clean bool) {
	if s.lost {
		return
	}
	s.lost = true
	p.sessions = slices.DeleteFunc(p.sessions, func(other *session) bool { return other == s })
	for e := range p.all {
		if e.owner == s {
			if e.claimed && !clean {
				e.Crashes++
			}
			e.owner = nil
		}
	}
	p.adopt()
}

// adopt gives what nobody has to those who live, each in turn, the oldest first.
func (p *Place) adopt() {
	if len(p.sessions) == 0 {
		return
	}
	var orphans []*event
	for e := range p.all {
		if e.Status == storage.Pending && e.owner == nil {
			orphans = append(orphans, e)
		}
	}
	slices.SortFunc(orphans, func(a, b *event) int { return compare(a.ID, b.ID) })
	for _, e := range orphans {
		p.give(e, p.sessions...)
	}
}

// give has one of the sessions attempt the event.
func (p *Place) give(e *event, to ...*session) {
	p.turn++
	p.own(e, to[p.turn%len(to)])
}

func (p *Place) own(e *event, s *session) {
	e.owner, e.claimed = s, false
	s.watch.tell(e.ref())
}

// all calls yield for each event.
func (p *Place) all(yield func(*event) bool) {
	for _, of := range p.events {
		for _, e := range of {
			if !yield(e) {
				return
			}
		}
	}
}

func (e *event) ref() storage.Ref {
	return storage.Ref{
		ID: e.ID, Integration: e.Integration, WebhookID: e.WebhookID, Project: e.Project,
		ResourceType: e.ResourceType, ResourceID: e.ResourceID, Due: e.Due, Size: e.size,
	}
}

// nextIDs returns the first of n consecutive IDs.
func (p *Place) nextIDs(now time.Time, n int) storage.ID {
	var id storage.ID
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(now.UnixMilli()))
	copy(id[:6], millis[2:])
	rand.Read(id[6:])
	if compare(id, p.lastID) <= 0 {
		id = forward(p.lastID, 1)
	}
	p.lastID = forward(id, n-1)
	return id
}

// forward returns the n-th ID behind another one.
func forward(id storage.ID, n int) storage.ID {
	for ; n > 0; n-- {
		for i := len(id) - 1; i >= 0; i-- {
			if id[i]++; id[i] != 0 {
				break
			}
		}
	}
	return id
}

func compare(a, b storage.ID) int { return slices.Compare(a[:], b[:]) }

// largest returns the key of the largest value, and false without any.
func largest[K comparable](of map[K]int64) (key K, found bool) {
	best := int64(-1)
	for k, n := range of {
		if cmp.Less(best, n) {
			key, best, found = k, n, true
		}
	}
	return key, found
}
