package retention

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// ErrStopped means that the log is being closed.
var ErrStopped = errors.New("the log is being closed")

// relocateRate bounds, in bytes a second, how fast events are relocated because of
// their age or their key.
const relocateRate = 4 << 20

// maxTurn is how long an append waits for a turn that may make room for it.
const maxTurn = time.Second

// noteEvery is how often the clock is noted.
const noteEvery = time.Minute

// Log is what the compactor needs of the log whose events it purges.
type Log interface {
	// Look returns an event as it stands, with all that the writer needs of the
	// index, or storage.ErrNotFound.
	Look(identity storage.Identity, id storage.ID) (*state.Event, state.Known, error)
	// LookEntry returns what the writer needs of the index for a dedupe key.
	LookEntry(key state.DedupeKey) (state.Known, error)
	// Do has the writer do commands together, and calls done with the first event
	// after each that did something. An event that is not there is not an error.
	Do(commands []state.Command, done func(after *state.Event)) error
	// Tick has the writer note the clock, or begin another segment when this one
	// has been written to for so long and has anything.
	Tick(ripe int64) error
	// Flush waits until the index has all that the log has, or quit is closed.
	Flush(quit <-chan struct{}) error
	// Walk calls fn with the events of an integration in the index, the oldest first,
	// until it returns false; only failed ones if failed is set.
	Walk(identity storage.Identity, failed bool, fn func(id storage.ID, pending bool) (bool, error)) error
	// WalkAll calls fn with all events in the index.
	WalkAll(fn func(*state.Event) (bool, error)) error
	// Damaged notes that accepted events were found damaged.
	Damaged()
	// LookAtClock looks for jumps of the wall clock, and Noted is when the log's
	// clock was last noted.
	LookAtClock()
	Noted() int64
	// IndexBytes is the size of the index, and Low reports whether there is too
	// little space for new events.
	IndexBytes() int64
	Low() bool
}

// Options of a Compactor. All are required.
type Options struct {
	Log         Log
	Journal     *journal.Journal
	Tallies     *Tallies
	Lock        sync.Locker // guards the tallies
	Limits      func() *storage.Limits
	Age         func() int64 // the log's clock
	Logger      *zap.Logger
	SegmentSize int64
	KeyID       [seal.KeyIDSize]byte // that seals segments now
}

// Compactor is the goroutine that makes room. It purges what has been kept long
// enough, and more than that where a limit asks for it.
//
// There is one way to free the disk: the oldest segment is read, what still counts
// in it is purged, or copied to the end of the log ("relocated"), and the file is
// removed. So the log always is a run of segments without a gap, and the index can
// be made from it.
type Compactor struct {
	Options
	kick chan struct{}
	quit chan struct{}
	done chan struct{}

	surveyed atomic.Bool                    // every integration's number of events was looked at
	resting  time.Time                      // until then, nothing is relocated for relocateRate
	barren   map[storage.Identity]time.Time // until then, there is nothing to purge

	vain  time.Time // until then, nothing is gained by freeing the disk
	loose int64     // bytes of purged failed events whose segments still exist

	mu     sync.Mutex
	turned chan struct{} // closed when this turn ends
}

// New returns a compactor that does not run yet.
func New(options Options) *Compactor {
	return &Compactor{
		Options: options, kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		barren: make(map[storage.Identity]time.Time), turned: make(chan struct{}),
	}
}

// Run takes turns until Stop.
func (c *Compactor) Run() {
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
		if err := c.turn(); err != nil && !c.Stopping() {
			c.Logger.Warn("old events cannot be purged yet", zap.Error(err))
		}
	}
}

// Hurry starts a turn now.
func (c *Compactor) Hurry() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Survey makes the next turn look at every integration.
func (c *Compactor) Survey() {
	c.surveyed.Store(false)
	c.Hurry()
}

// Stop ends the compactor and waits for it.
func (c *Compactor) Stop() {
	close(c.quit)
	<-c.done
}

// Stopping reports whether Stop was called.
func (c *Compactor) Stopping() bool {
	select {
	case <-c.quit:
		return true
	default:
		return false
	}
}

// period is how long the compactor waits between two turns: an eighth of what
// events are kept, between a second and a minute, and no longer than it rests.
func (c *Compactor) period() time.Duration {
	usual := min(max(Shorter(c.Limits())/8, time.Second), time.Minute)
	if rest := time.Until(c.resting); rest > 0 {
		return min(usual, rest)
	}
	return usual
}

// Shorter returns the shorter of the two retention times; an hour if both are
// unlimited.
func Shorter(limits *storage.Limits) time.Duration {
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

func (c *Compactor) turn() error {
	defer c.endTurn()
	c.Log.LookAtClock()
	return errors.Join(c.tick(), c.evictCrowded(), ignorePinned(c.expire()), ignorePinned(c.evictForDisk()))
}

// tick has the writer note the clock every minute, and begin another segment when
// this one has been written to for an eighth of the time that events are kept: on
// a quiet gateway, none would fill.
func (c *Compactor) tick() error {
	now, ripe := c.Age(), int64(0)
	if limits := c.Limits(); limits.Delivered > 0 || limits.Failed > 0 {
		ripe = min(max(Shorter(limits)/8, time.Second), 24*time.Hour).Milliseconds()
	}
	if now-c.Log.Noted() < noteEvery.Milliseconds() && (ripe == 0 || now-c.Journal.Begun() < ripe) {
		return nil
	}
	return c.Log.Tick(ripe)
}

// ignorePinned drops the error that a segment is pinned: the next turn tries again.
func ignorePinned(err error) error {
	if errors.Is(err, journal.ErrPinned) {
		return nil
	}
	return err
}

// expire removes the segments whose events have all been there for the shorter
// time that events are kept, and those that a replaced key has sealed. What is
// kept for longer costs a write each time.
func (c *Compactor) expire() error {
	for {
		s, ok := c.Journal.First()
		if !ok || !c.isOver(s) || time.Now().Before(c.resting) {
			return nil
		}
		done, err := c.compact(s, state.PastTime)
		if err != nil {
			return err
		}
		c.resting = time.Now().Add(time.Duration(done.relocated.Bytes) * time.Second / relocateRate)
	}
}

// isOver reports whether a segment is to go although its space is not needed. After
// a key was replaced its segments are rewritten soon, unless space is short.
func (c *Compactor) isOver(s journal.Oldest) bool {
	limits := c.Limits()
	if limits.Delivered+limits.Failed > 0 && c.Age()-s.Ended >= Shorter(limits).Milliseconds() {
		return true
	}
	return s.Err == nil && s.Header.KeyID != c.KeyID && !c.Log.Low()
}

// endTurn wakes those that wait for it.
func (c *Compactor) endTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.turned)
	c.turned = make(chan struct{})
}

// WaitTurn waits until a turn has ended, for a while.
func (c *Compactor) WaitTurn(ctx context.Context) {
	c.mu.Lock()
	turned := c.turned
	c.mu.Unlock()
	c.Hurry()
	timer := time.NewTimer(maxTurn)
	defer timer.Stop()
	select {
	case <-turned:
	case <-timer.C:
	case <-ctx.Done():
	case <-c.quit:
	}
}

// Turned returns what is closed when the turn under way has ended, or the next.
func (c *Compactor) Turned() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turned
}
