package gate

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/internal/network"
	"github.com/hookgate/hookgate/module/storage"
)

const (
	// patience is how long a body may take, in addition to a second for each
	// leastRate bytes of it that have arrived.
	patience  = 10 * time.Second
	leastRate = 64 << 10
	// tinyBody is the size, in bytes, of a body that arrives in a piece or two. It
	// never waits for room, and no more than this of an announced large body is
	// received before it has its room.
	tinyBody = 64 << 10
	// holdTime is in what time as much of a body should arrive as has already
	// arrived.
	holdTime = 64 * time.Second
)

// upload is a body being received. What others may see of it while it is
// incomplete is guarded by the shard of its integration.
type upload struct {
	holding
	// control ends a read that cannot be ended otherwise.
	control *http.ResponseController
	// announced is the announced size, -1 if none was announced, and most is the
	// largest size allowed.
	announced, most int64
	start           time.Time
	// mark is the time for which what has arrived was enough at leastRate, or at
	// the rate of what it holds: never later than the arrival of its last bytes,
	// however many they were, except while it waits for room.
	mark time.Time
	// seated is when it took the room of a large body.
	seated time.Time
	// waitsFor is the share in which it waits for that room.
	waitsFor *share
	// stalls means that its network has held others up before.
	stalls bool
	// ended is why others have ended it.
	ended *overflow

	// come is how much has arrived, claim how much room it has taken or waits for
	// as a large body, roomy whether it has that room, and waited how long it has
	// waited. Only the upload itself uses them.
	come, claim int64
	roomy       bool
	waited      time.Duration

	// generation distinguishes the uploads that the memory is used for, and is 0
	// while it is in no list; listed means that others may have seen it there, and
	// is used only by the upload itself.
	generation atomic.Uint64
	listed     bool
	prev, next *upload
}

// begin prepares for a body of the integration, of at most that many bytes.
// proven means that it is already authenticated.
func (u *upload) begin(f *Flight, identity storage.Identity, client string, announced, most int64, proven bool, control *http.ResponseController, now time.Time) {
	u.holding = holding{flight: f, identity: identity, client: network.Of(client), proven: proven}
	u.control, u.announced, u.most = control, announced, most
	u.start, u.mark = now, now
}

// take adds n bytes that were received; whole means that they are the last
// ones. If there is no room for them, it makes room. It returns why the request
// must end, if it must.
func (u *upload) take(n int64, now time.Time, whole bool) *overflow {
	u.come += n
	by := u.needs(n, now)
	for {
		ended, lacking := u.tryTake(n, by, now, whole)
		if ended != nil || lacking.of == nil {
			return ended
		}
		if refused := u.flight.makeRoom(u, lacking, now); refused != nil {
			u.giveUp()
			return refused
		}
		now = time.Now()
	}
}

// needs returns the room that the last n bytes need: their own, or, if they
// show that the body is large, all that it will need.
func (u *upload) needs(n int64, now time.Time) held {
	switch {
	case u.roomy && u.come <= u.claim:
		return held{}
	case u.roomy:
		return held{bytes: n, large: n}
	case u.come > smallBody || u.announced > smallBody && u.come > tinyBody:
		u.claim = u.announced
		if u.announced < 0 {
			u.claim = min(u.most+1, LargestBody(u.flight.Limit()))
		}
		u.claim = max(u.claim, u.come)
		u.stalls = u.flight.stallers.know(u.client, now)
		return held{bytes: u.claim - (u.come - n), large: u.claim}
	}
	return held{bytes: n}
}

func (u *upload) tryTake(n int64, by held, now time.Time, whole bool) (*overflow, need) {
	if by.large > 0 {
		if of := u.flight.ahead(u); of != nil {
			return nil, need{of: of, by: by, behind: true}
		}
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	if u.ended != nil {
		return u.ended, need{}
	}
	if l := u.receive(s, n, by); l.of != nil {
		l.by = by
		return nil, l
	}
	if by.large > 0 {
		u.wait(nil)
		u.roomy, u.seated = true, now
	}
	rate := max(leastRate, u.received/int64(holdTime/time.Second))
	u.mark = earlier(now, u.mark.Add(time.Duration(n)*time.Second/time.Duration(rate)))
	switch {
	case whole:
		s.unfinished.remove(u)
	case !u.listed:
		s.unfinished.add(u)
		u.listed = true
	}
	return nil, need{}
}

// wait records in which share the upload waits for the room of a large body, or
// that it no longer waits. Its shard is locked.
func (u *upload) wait(of *share) {
	switch {
	case u.waitsFor == nil && of != nil:
		u.flight.waiting.Add(1)
	case u.waitsFor != nil && of == nil:
		u.flight.waiting.Add(-1)
	}
	u.waitsFor = of
}

// giveUp lets others take precedence over the upload, which no longer waits.
func (u *upload) giveUp() {
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	u.wait(nil)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// complete records that everything has arrived. From then on nobody else ends
// it.
func (u *upload) complete() *overflow {
	if !u.listed {
		return nil
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	s.unfinished.remove(u)
	if u.ended == nil {
		spare := u.bytes - u.received
		u.giveBack(s, held{spare, min(spare, u.large)})
	}
	u.listed = u.ended != nil
	return u.ended
}

// wasEnded returns why others have ended the upload, if they have.
func (u *upload) wasEnded() *overflow {
	if !u.listed {
		return nil
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	return u.ended
}

// release releases what the upload holds, complete or not.
func (u *upload) release() {
	if !u.listed && u.waitsFor == nil {
		u.holding.release()
		return
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	s.unfinished.remove(u)
	u.wait(nil)
	u.giveBack(s, u.held)
}

// reset prepares the memory for another upload.
func (u *upload) reset() {
	u.holding, u.control, u.ended = holding{}, nil, nil
	u.come, u.claim, u.roomy, u.waited = 0, 0, false, 0
	u.listed, u.stalls = false, false
}

// list is the list of a shard's uploads.
type list struct {
	first *upload
	// last is the last generation used: no two lists use the same one.
	last uint64
}

func (l *list) add(u *upload) {
	l.last += shards
	u.generation.Store(l.last)
	u.prev, u.next = nil, l.first
	if l.first != nil {
		l.first.prev = u
	}
	l.first = u
}

func (l *list) remove(u *upload) {
	if u.generation.Load() == 0 {
		return
	}
	u.generation.Store(0)
	if u.prev != nil {
		u.prev.next = u.next
	} else {
		l.first = u.next
	}
	if u.next != nil {
		u.next.prev = u.prev
	}
	u.prev, u.next = nil, nil
}
