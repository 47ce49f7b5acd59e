package eventlog

import (
	"sync"
	"time"
)

// clock is the time by which events grow old, in milliseconds. It began as the
// wall clock and goes on with the machine's own time, so that no change of the
// wall clock makes an event older. From one process to the next it goes on by
// what the wall clock says, but never back, and by a day at most.
type clock struct {
	wall   func() time.Time
	uptime func() time.Duration

	// Set once, at the start: the time at an uptime.
	start int64
	at    time.Duration

	mu   sync.Mutex
	last reading       // the one before
	jump time.Duration // the last one that was seen
}

// reading is what both clocks of the machine said at one moment.
type reading struct {
	wall   time.Time
	uptime time.Duration
}

// note pairs a time of the log's clock with one of the wall clock, in milliseconds. It
// is kept in the log, for the next start.
type note struct {
	wall, age int64
}

// later returns the note that was made last.
func (n note) later(other note) note {
	if other.age > n.age {
		return other
	}
	return n
}

const (
	// mostAway is how much the clock goes on while no process is there.
	mostAway = 24 * time.Hour
	// leastJump is the smallest difference of the wall clock that counts as a jump.
	leastJump = time.Minute
)

// begin sets the clock by the last note of the process before; the zero note is
// that there was none.
func (c *clock) begin(last note) {
	c.last = c.read()
	wall := c.last.wall.UnixMilli()
	c.start, c.at = wall, c.last.uptime
	if last == (note{}) {
		return
	}
	away := time.Duration(wall-last.wall) * time.Millisecond
	c.start = last.age + min(max(away, 0), mostAway).Milliseconds()
	if away > mostAway || away < -leastJump {
		c.jump = away
	}
}

func (c *clock) read() reading {
	// Without its own reading of the machine's time, the wall clock is compared
	// as it shows.
	return reading{wall: c.wall().Round(0), uptime: c.uptime()}
}

// now is the time in milliseconds.
func (c *clock) now() int64 { return c.start + (c.uptime() - c.at).Milliseconds() }

// note is what both clocks say now.
func (c *clock) note() note { return note{wall: c.wall().UnixMilli(), age: c.now()} }

// look compares the wall clock with the machine's time since the last look.
func (c *clock) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.read()
	jump := next.wall.Sub(c.last.wall) - (next.uptime - c.last.uptime)
	if jump.Abs() > leastJump {
		c.jump = jump
	}
	c.last = next
}

func (c *clock) jumped() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jump
}
