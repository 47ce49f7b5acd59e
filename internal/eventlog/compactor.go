package eventlog

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// errStopped means that the log is being closed.
var errStopped = errors.New("the log is being closed")

// relocateRate bounds in bytes a second how fast events are kept in another place
// because of their age or their key.
const relocateRate = 4 << 20

// maxTurn is how long an append waits for a turn that may make room for it.
const maxTurn = time.Second

// compactor is the goroutine that makes room. It purges what has been kept long
// enough, and more than that where a limit asks for it.
//
// There is one way to free the disk: the oldest segment is read, what still
// counts in it is purged or kept, which is to be written anew behind all else,
// and the file is removed. So the log always is a run of segments without a gap,
// and the index can be made from it.
type compactor struct {
	log  *Log
	kick chan struct{}
	quit chan struct{}
	done chan struct{}

	surveyed atomic.Bool                    // every integration's number of events was looked at
	resting  time.Time                      // until then, nothing is kept for relocateRate
	barren   map[storage.Identity]time.Time // until then, there is nothing to purge

	vain  time.Time // until then, nothing is gained by freeing the disk
	loose int64     // bytes of failed events that were purged and lie in segments

	mu     sync.Mutex
	turned chan struct{} // closed when this turn ends
}

func newCompactor(l *Log) *compactor {
	return &compactor{
		log: l, kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		barren: make(map[storage.Identity]time.Time), turned: make(chan struct{}),
	}
}

func (c *compactor) run() {
	defer close(c.done)
	for {
		timer := time.NewTimer(c.period())
		select {
		case <-c.quit:
			timer.Stop()
			return
		case <-timer.C:
		case <-c.kick:
			timer.Stop()
		}
		if err := c.turn(); err != nil && !c.stopping() {
			c.log.Logger.Warn("old events cannot be purged yet", zap.Error(err))
		}
	}
}

// hurry has the compactor take a turn now.
func (c *compactor) hurry() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// survey has it look at every integration, too.
func (c *compactor) survey() {
	c.surveyed.Store(false)
	c.hurry()
}

// stop ends the compactor and waits for it.
func (c *compactor) stop() {
	close(c.quit)
	<-c.done
}

func (c *compactor) stopping() bool {
	select {
	case <-c.quit:
		return true
	default:
		return false
	}
}

// period is how long the compactor waits between two turns: an eighth of what
// events are kept, between a second and a minute, and no longer than it rests.
func (c *compactor) period() time.Duration {
	usual := min(max(shorter(c.log.limits.Load())/8, time.Second), time.Minute)
	if rest := time.Until(c.resting); rest > 0 {
		return min(usual, rest)
	}
	return usual
}

// shorter is how long the events are kept that are kept for the shorter time; an
// hour when both are kept for ever.
func shorter(limits *storage.Limits) time.Duration {
	switch {
	case limits.Delivered == 0 && limits.Failed == 0:
		return time.Hour
	case limits.Delivered == 0:
		return limits.Failed
	case limits.Failed == 0:
		return limits.Delivered
	}
	return min(limits.Delivered, limits.Failed)
}

func (c *compactor) turn() error {
	defer c.endTurn()
	c.log.clock.look()
	return errors.Join(c.tick(), c.thin(), ignorePinned(c.expire()), ignorePinned(c.relieve()))
}

// tick has the writer note the clock every minute, and begin another segment when
// this one has been written to for an eighth of the time that events are kept: on
// a quiet gateway, none would fill.
func (c *compactor) tick() error {
	l := c.log
	now, ripe := l.clock.now(), int64(0)
	if limits := l.limits.Load(); limits.Delivered > 0 || limits.Failed > 0 {
		ripe = min(max(shorter(limits)/8, time.Second), 24*time.Hour).Milliseconds()
	}
	if now-l.noted.Load() < noteEvery.Milliseconds() && (ripe == 0 || now-l.journal.Begun() < ripe) {
		return nil
	}
	return l.journal.Do(&l.newTick(ripe).Call)
}

// submit has the writer do one command and waits for it.
func (c *compactor) submit(command state.Command) error {
	return c.log.journal.Do(&c.log.newOp(command).Call)
}

// ignorePinned takes for no error that a segment is pinned: the next turn tries
// again.
func ignorePinned(err error) error {
	if errors.Is(err, journal.ErrPinned) {
		return nil
	}
	return err
}

// expire removes the segments whose events have all been there for the shorter
// time that events are kept, and those that a replaced key has sealed. What is
// kept for longer costs a write each time.
func (c *compactor) expire() error {
	for {
		s, ok := c.log.journal.First()
		if !ok || !c.isOver(s) || time.Now().Before(c.resting) {
			return nil
		}
		done, err := c.compact(s, state.PastTime)
		if err != nil {
			return err
		}
		c.resting = time.Now().Add(time.Duration(done.relocated.bytes) * time.Second / relocateRate)
	}
}

// isOver says whether a segment is to go, with no need for its space. Who has
// replaced a key does not want to wait; but that can wait for a disk with space.
func (c *compactor) isOver(s journal.Oldest) bool {
	limits := c.log.limits.Load()
	if limits.Delivered+limits.Failed > 0 && c.log.clock.now()-s.Ended >= shorter(limits).Milliseconds() {
		return true
	}
	return s.Err == nil && s.Header.KeyID != c.log.Key.ID() && !c.log.space.low()
}

// thin brings integrations down that come near their number of events.
func (c *compactor) thin() error {
	l := c.log
	limits := l.limits.Load()
	l.mu.Lock()
	if limits.Events > 0 && l.tallies.counted() && !c.surveyed.Swap(true) {
		for identity := range l.tallies.of {
			l.crowd(identity, limits)
		}
	}
	crowded := l.crowded
	l.crowded = make(map[storage.Identity]int)
	l.mu.Unlock()
	maps.DeleteFunc(c.barren, func(_ storage.Identity, until time.Time) bool { return time.Now().After(until) })
	for identity, room := range crowded {
		if err := c.thinOne(identity, room, limits); err != nil {
			return err
		}
	}
	return nil
}

// thinOne does so for one. A search among many pending events that finds too
// little is not repeated at once; it must be later, for what is settled meanwhile
// may be the last thing that happens to an integration whose events are refused.
func (c *compactor) thinOne(identity storage.Identity, room int, limits *storage.Limits) error {
	l := c.log
	_, barren := c.barren[identity]
	l.mu.Lock()
	excess, settled := 0, 0
	if of := l.tallies.of[identity]; of != nil && limits.Events > 0 {
		total := of.total().events
		excess, settled = total-min(lowEvents(limits), max(limits.Events-room, 0)), total-of.sums[state.PendingCode].events
	}
	if barren && excess > 0 {
		l.crowded[identity] = max(l.crowded[identity], room)
	}
	l.mu.Unlock()
	if barren || excess <= 0 || settled == 0 {
		return nil
	}
	began := time.Now()
	purged, err := c.purge(identity, eventKey, func(purged amount) bool { return purged.events >= excess })
	if err == nil && purged.events < excess {
		c.barren[identity] = time.Now().Add(min(10*time.Since(began), time.Minute))
		l.mu.Lock()
		l.crowded[identity] = max(l.crowded[identity], room)
		l.mu.Unlock()
	}
	return err
}

// endTurn wakes who waits for it.
func (c *compactor) endTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.turned)
	c.turned = make(chan struct{})
}

// waitTurn waits until a turn has ended, for a while.
func (c *compactor) waitTurn(ctx context.Context) {
	c.mu.Lock()
	turned := c.turned
	c.mu.Unlock()
	c.hurry()
	timer := time.NewTimer(maxTurn)
	defer timer.Stop()
	select {
	case <-turned:
	case <-timer.C:
	case <-ctx.Done():
	case <-c.quit:
	}
}

// purge purges settled events of an integration, the oldest first, until it is
// enough. They are found by the keys of the index that begin with prefix. Those
// that were accepted at once go together: none that has failed stays behind the
// first, by which a copy would find it.
func (c *compactor) purge(identity storage.Identity, prefix byte, enough func(purged amount) bool) (amount, error) {
	if err := c.flushIndex(); err != nil {
		return amount{}, err
	}
	view := c.log.index.View()
	defer view.Close()
	b := batch{compactor: c}
	var together storage.ID // the last of those that were accepted with the one before
	err := view.Ascend(identityKey(prefix, identity), func(key, value []byte) (bool, error) {
		_, id, err := parseIDKey(key)
		switch {
		case err != nil:
			return false, err
		case c.stopping(), state.CompareIDs(id, together) > 0 && enough(b.promised()):
			return false, nil
		case prefix == eventKey && len(value) > state.StatusAt && value[state.StatusAt] == state.PendingCode:
			return true, nil
		}
		e, known, err := c.log.lookWhole(identity, id)
		if err != nil {
			return true, ignoreNotFound(err)
		}
		if last := state.Forward(id, uint64(e.Further)); state.CompareIDs(last, together) > 0 {
			together = last
		}
		purge := &state.Purge{Subject: state.Subject{Of: identity, ID: id}, Policy: state.Settled, Known: known}
		return true, b.add(purge, amountOf(e))
	})
	err = errors.Join(err, b.flush())
	return b.purged, err
}

// flushIndex has the index follow up to here.
func (c *compactor) flushIndex() error {
	reply := make(chan bool, 1)
	select {
	case c.log.flusher.asked <- reply:
	case <-c.quit:
		return errStopped
	}
	select {
	case ok := <-reply:
		if !ok {
			return errors.New("the event index cannot follow the log")
		}
		return nil
	case <-c.quit:
		return errStopped
	}
}
