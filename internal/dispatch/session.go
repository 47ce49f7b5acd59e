package dispatch

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/storage"
)

// session is the storage's hold on this process: while it lasts, the events that
// the storage tells of are the dispatcher's to attempt.
type session struct {
	context.Context // of the attempts; it is done when they must end
	end             context.CancelFunc
}

func newSession(parent context.Context) *session {
	ctx, end := context.WithCancel(parent)
	return &session{ctx, end}
}

// errLost stands in for the storage's own refusal of a result whose claim now
// belongs to another process.
var errLost = storage.ErrNotPending

// isLost reports whether the job's session was lost. Its result is then not
// recorded: the storage would refuse it, or take it for that of a later claim.
func (d *Dispatcher) isLost(j *job) bool { return j.session.Err() != nil && d.cut.Err() == nil }

// lose is called by the storage when the session is lost. Attempts are cut, and
// their results dropped, with all that is known of pending events.
func (d *Dispatcher) lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut.Err() != nil {
		return
	}
	d.session.end()
	d.session = newSession(d.cut)
	n := d.schedule.lose(d.now())
	d.logger.Warn("the storage has lost contact with this process: its pending events are left to others", zap.Int("events", n))
	d.pump()
}

// lose forgets all pending events, and returns how many there were. What is known
// of resources and endpoints stays.
func (s *schedule) lose(now time.Duration) (events int) {
	for _, st := range s.order {
		events += st.pending
		for _, l := range st.lanes {
			s.drop(l, now)
		}
	}
	s.delays = nil
	clear(s.held)
	s.changes++
	return events
}

// drop forgets the events of a lane. Jobs with others of them end on their own.
func (s *schedule) drop(l *lane, now time.Duration) {
	l.dropped = true
	l.fresh, l.again = nil, nil
	l.resource.queue.pending -= int(l.events)
	s.discard(l, now)
}
