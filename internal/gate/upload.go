package gate

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/internal/network"
	"github.com/hookgate/hookgate/module/storage"
)

const (
	// patience is how long a body may take, beside a second for each leastRate
	// bytes of it that have come.
	patience  = 10 * time.Second
	leastRate = 64 << 10
	// holdTime is how long bytes may be held in the time of others: what has
	// come should have come within that.
	holdTime = 64 * time.Second
)

// upload is a body on its way in. What others may see of it while it is
// unfinished is guarded by the shard of its integration.
type upload struct {
	holding
	// control ends a read that nobody else can end.
	control *http.ResponseController
	// announced is how large the body says to be, -1 when it says nothing.
	announced int64
	start     time.Time
	// mark is the time for which what has come was enough: never later than the
	// last of it came, however much that was, but while it waits for room.
	mark time.Time
	// waited is how long it has waited for room.
	waited time.Duration
	// ended is why others have ended it.
	ended *overflow

	// generation tells the uploads apart that the memory is used for, and is 0
	// while it is in no list; listed says that others may have seen it there,
	// and is the upload's own.
	generation atomic.Uint64
	listed     bool
	prev, next *upload
}

// begin prepares for a body of the integration. proven says that it is
// authenticated already.
func (u *upload) begin(f *Flight, identity storage.Identity, client string, announced int64, proven bool, control *http.ResponseController, now time.Time) {
	u.holding = holding{flight: f, identity: identity, client: network.Of(client), proven: proven}
	u.control, u.announced = control, announced
	u.start, u.mark = now, now
}

// take adds n bytes that were received, and whole says that they are the last
// ones. Where there is no room for them it is made. It returns why the request
// must end, if it must.
func (u *upload) take(n int64, now time.Time, whole bool) *overflow {
	for {
		ended, need := u.tryTake(n, now, whole)
		if ended != nil || need.of == nil {
			return ended
		}
		if refused := u.flight.makeRoom(u, need, n, now); refused != nil {
			return refused
		}
		now = time.Now()
	}
}

func (u *upload) tryTake(n int64, now time.Time, whole bool) (*overflow, need) {
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	if u.ended != nil {
		return u.ended, need{}
	}
	by := held{bytes: n}
	switch {
	case u.large > 0:
		by.large = n
	case max(u.announced, u.bytes+n) > smallBody:
		by.large = u.bytes + n
	}
	if l := u.add(s, by); l.of != nil {
		l.size = u.bytes + n
		return nil, l
	}
	rate := max(leastRate, u.bytes/int64(holdTime/time.Second))
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

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// complete says that nothing more comes. From then on nobody else ends it.
func (u *upload) complete() *overflow {
	if !u.listed {
		return nil
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	s.unfinished.remove(u)
	u.listed = u.ended != nil
	return u.ended
}

// wasEnded says why others have ended the upload, if they have.
func (u *upload) wasEnded() *overflow {
	if !u.listed {
		return nil
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	return u.ended
}

// release gives back what the upload holds, finished or not.
func (u *upload) release() {
	if !u.listed {
		u.holding.release()
		return
	}
	s := u.flight.integrations.shard(u.identity)
	s.Lock()
	defer s.Unlock()
	s.unfinished.remove(u)
	u.giveBack(s)
}

// reset prepares the memory for another upload.
func (u *upload) reset() {
	u.holding, u.control, u.ended = holding{}, nil, nil
	u.waited, u.listed = 0, false
}

// list is the list of a shard's uploads.
type list struct {
	first *upload
	// last is the generation given last: no list gives one that another one gives.
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
