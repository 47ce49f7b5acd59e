package dispatch

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// schedule knows every pending event and which of them is next. It keeps no
// clock and no lock: the Dispatcher does.
//
// An event that may be attempted waits in the lane of its integration and
// resource type, one whose time has not come in the heap of delays. The lanes
// of a type take turns, and so do the types, so that what one integration has
// pending delays another's first event by no more than one round.
type schedule struct {
	limits Concurrency

	stations map[string]*station
	order    []*station // all stations
	turn     int        // whose turn it is in order
	delays   heap[delayed]

	all     load // under way
	running map[storage.Identity]load
	untold  int // results that the storage does not take at present

	// changes counts what may have changed an integration's state. A lane is
	// held on the word of an earlier state only if nothing has changed since.
	changes uint64
}

// station is where the events of one resource type wait.
type station struct {
	resourceType string
	guest        *guest // nil while no trigger serves the type
	lanes        map[storage.Identity]*lane
	ring         queue[*lane] // lanes with events that may be attempted
	overdue      queue[delayed]
	pending      int
	running      int
	warned       bool // that no trigger serves the type
}

// lane is where the events of one integration and resource type wait.
type lane struct {
	station   *station
	identity  storage.Identity
	webhookID string
	fresh     heap[item]  // came from the storage
	again     queue[item] // had a worker before
	events    int32       // all that belong to the lane, delayed and in flight too
	inRing    bool
	held      bool
	dropped   bool
	freshNext bool
}

func (l *lane) empty() bool { return len(l.fresh)+len(l.again) == 0 }

// peek returns what pop will. Both queues take turns: old failures and a fresh
// backlog do not starve each other.
func (l *lane) peek() item {
	if l.isFreshNext() {
		return l.fresh[0]
	}
	return l.again[0]
}

func (l *lane) pop() item {
	fresh := l.isFreshNext()
	l.freshNext = !fresh
	if fresh {
		return l.fresh.pop()
	}
	return l.again.pop()
}

func (l *lane) isFreshNext() bool { return len(l.again) == 0 || l.freshNext && len(l.fresh) > 0 }

// job is an event in the hands of a worker.
type job struct {
	item    item
	lane    *lane
	guest   *guest // the one to attempt it, also when another plan comes
	probe   int    // what circuit.end wants to know
	changes uint64 // schedule.changes when the job began
	weight  int64  // what it counts for in Concurrency.Bytes
	// queued is when the event was accepted or queued again, once it is claimed.
	queued time.Duration
	left   bool // the endpoint: its result is being recorded
	// overdue means that the event's time ran out behind an open circuit.
	overdue bool
}

// fate is what the schedule does with an event that a worker hands back.
type fate int

const (
	forget fate = iota // it is no longer pending
	later              // it waits until its time
	hold               // its integration is disabled
	drop               // its integration is deleted
)

// station returns the place of a resource type.
func (s *schedule) station(resourceType string) *station {
	st := s.stations[resourceType]
	if st == nil {
		st = &station{
			resourceType: strings.Clone(resourceType),
			lanes:        make(map[storage.Identity]*lane),
		}
		s.stations[st.resourceType] = st
		s.order = append(s.order, st)
	}
	return st
}

// add takes in a pending event that is due at the given time, and returns
// where it waits.
func (s *schedule) add(ref storage.Ref, due, now time.Duration) *station {
	st := s.station(ref.ResourceType)
	l := st.lanes[ref.Integration]
	if l == nil {
		l = &lane{station: st, identity: ref.Integration, webhookID: strings.Clone(ref.WebhookID)}
		st.lanes[l.identity] = l
	}
	l.events++
	st.pending++
	// A fresh event is due when it was queued. For one that was attempted
	// before this process began it is the best that is known.
	it := item{id: ref.ID, size: sizeOf(ref), queued: seconds(min(due, now))}
	if due > now {
		s.delays.push(delayed{due: due, lane: l, item: it})
		return st
	}
	l.fresh.push(it)
	s.line(l)
	return st
}

// line puts a lane into its ring if it has something to do there.
func (s *schedule) line(l *lane) {
	if l.inRing || l.held || l.dropped || l.empty() {
		return
	}
	l.inRing = true
	l.station.ring.push(l)
}

// ripen moves the events whose time has come into their lanes.
func (s *schedule) ripen(now time.Duration) {
	for len(s.delays) > 0 && s.delays[0].due <= now {
		d := s.delays.pop()
		switch {
		case d.lane.dropped:
			continue
		case d.item.id.IsZero():
			d.lane.held = false
		default:
			d.lane.again.push(d.item)
		}
		s.line(d.lane)
	}
}

// take picks the next event to attempt, if one may be attempted now.
func (s *schedule) take(now time.Duration) (job, bool) {
	if s.all.attempts >= s.limits.Total || s.untold > 0 {
		return job{}, false
	}
	for range s.order {
		st := s.order[s.turn]
		s.turn = (s.turn + 1) % len(s.order)
		if st.guest == nil {
			continue
		}
		j, ok := s.takeReady(st, now)
		if !ok {
			j, ok = s.takeOverdue(st)
		}
		if ok {
			j.guest = st.guest
			j.changes = s.changes
			s.enter(&j)
			return j, true
		}
	}
	return job{}, false
}

func (s *schedule) takeReady(st *station, now time.Duration) (job, bool) {
	if len(st.ring) == 0 || !st.guest.circuit.allows(now) || st.guest.running() >= st.guest.limit {
		return job{}, false
	}
	for range len(st.ring) {
		l := st.ring.pop()
		l.inRing = false
		if l.held || l.dropped || l.empty() {
			continue
		}
		if !s.fits(l.identity, l.peek()) {
			s.line(l) // few lanes can be at a limit at once
			continue
		}
		it := l.pop()
		s.line(l)
		return job{item: it, lane: l, probe: st.guest.circuit.begin()}, true
	}
	return job{}, false
}

// takeOverdue picks an event whose time is over: it is not attempted, so
// neither the circuit nor the trigger's limit counts.
func (s *schedule) takeOverdue(st *station) (job, bool) {
	for len(st.overdue) > 0 {
		d := st.overdue[0]
		if !d.lane.dropped && !d.lane.held && !s.fits(d.lane.identity, d.item) {
			return job{}, false // few are at a limit while a circuit is open
		}
		st.overdue.pop()
		switch {
		case d.lane.dropped:
		case d.lane.held:
			d.lane.again.push(d.item)
		default:
			return job{item: d.item, lane: d.lane, overdue: true}, true
		}
	}
	return job{}, false
}

// giveBack ends a job. With later and hold the event waits for the delay;
// for hold, 0 means until something changes.
func (s *schedule) giveBack(j *job, f fate, delay, now time.Duration) {
	s.all.attempts--
	l := j.lane
	if l.dropped {
		return
	}
	switch f {
	case forget:
		l.station.pending--
		if l.events--; l.events == 0 {
			delete(l.station.lanes, l.identity)
		}
	case later:
		s.delays.push(delayed{due: now + delay, lane: l, item: j.item})
	case hold:
		l.again.push(j.item)
		if j.changes == s.changes && !l.held {
			l.held = true
			if delay > 0 {
				s.delays.push(delayed{due: now + delay, lane: l})
			}
		}
		s.line(l)
	case drop:
		l.dropped = true
		l.fresh, l.again = nil, nil
		l.station.pending -= int(l.events)
		delete(l.station.lanes, l.identity)
	}
}

// expire looks for events whose time has run out while the guest's circuit is
// open. Who has no fault of the endpoint's to wait for is never expired so.
func (s *schedule) expire(g *guest, now time.Duration) {
	latest := seconds(now - g.plan.Retry.For)
	for _, st := range g.stations {
		for _, l := range st.lanes {
			if l.held {
				continue
			}
			isOver := func(it item) bool {
				if it.queued >= latest {
					return false
				}
				st.overdue.push(delayed{lane: l, item: it})
				return true
			}
			l.again = slices.DeleteFunc(l.again, isOver)
			fresh := l.fresh
			l.fresh = fresh[:0]
			for _, it := range fresh {
				if !isOver(it) {
					l.fresh.push(it)
				}
			}
		}
	}
}

// reinstate gives what expire found another chance: the endpoint may answer.
func (s *schedule) reinstate(st *station) {
	for len(st.overdue) > 0 {
		d := st.overdue.pop()
		if !d.lane.dropped {
			d.lane.again.push(d.item)
			s.line(d.lane)
		}
	}
}

// clamp brings nearer what is due later than the given time. The heap stays
// one: the order of two due times is never turned round.
func (s *schedule) clamp(latest time.Duration) {
	for i := range s.delays {
		s.delays[i].due = min(s.delays[i].due, latest)
	}
}

// serve puts the guests in charge of the resource types they name.
func (s *schedule) serve(guests []*guest) {
	for _, st := range s.order {
		st.guest, st.warned = nil, false
	}
	for _, g := range guests {
		for _, resourceType := range g.trigger.ResourceTypes() {
			if st := s.station(resourceType); st.guest == nil {
				st.guest = g
				g.stations = append(g.stations, st)
			}
		}
	}
	for _, st := range s.order {
		s.reinstate(st)
		for _, l := range st.lanes {
			l.held = false
			s.line(l)
		}
	}
	s.changes++
}

// release lets an integration's held lanes go on.
func (s *schedule) release(identity storage.Identity) {
	for _, st := range s.order {
		if l := st.lanes[identity]; l != nil {
			l.held = false
			s.line(l)
		}
	}
	s.changes++
}

// next is when something happens by itself again.
func (s *schedule) next(now time.Duration) (time.Duration, bool) {
	at := time.Duration(math.MaxInt64)
	if len(s.delays) > 0 {
		at = s.delays[0].due
	}
	for _, st := range s.order {
		if st.guest != nil && len(st.ring) > 0 && st.guest.circuit.state(now) == StateOpen {
			at = min(at, st.guest.circuit.until)
		}
	}
	return at, at < math.MaxInt64
}

// seconds converts a time of the schedule's for an item.
func seconds(t time.Duration) int32 {
	return int32(min(max(t/time.Second, math.MinInt32), math.MaxInt32))
}
