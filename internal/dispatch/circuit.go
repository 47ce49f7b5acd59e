package dispatch

import "time"

// The states of a circuit, as the status page shows them.
const (
	StateClosed   = "closed"
	StateOpen     = "open"
	StateHalfOpen = "half_open"
)

const (
	// tolerated failures in a row open a circuit.
	tolerated = 5
	// A circuit opens for firstPause; each probe that fails doubles it up to
	// longestPause.
	firstPause   = time.Second
	longestPause = time.Minute
)

// health is what an attempt says about the endpoint behind a trigger.
type health int

const (
	silent  health = iota // nothing: the endpoint was not asked, or did not matter
	well                  // it answers
	ill                   // it failed in a way that may pass
	refused               // it refused the operator's credential
)

// circuit keeps attempts away from an endpoint that fails. All times are
// since the start of the schedule. Its zero value is closed.
type circuit struct {
	failures int // in a row
	open     bool
	pause    time.Duration
	until    time.Duration
	// cycle counts the openings, so that the end of an attempt that began in
	// an earlier one is not taken for the end of the probe.
	cycle   int
	probing bool
}

// allows says whether an attempt may begin now.
func (c *circuit) allows(now time.Duration) bool {
	return !c.open || !c.probing && now >= c.until
}

// begin notes that an attempt begins. It returns what end wants to know: not
// 0 for the probe of an open circuit.
func (c *circuit) begin() (probe int) {
	if !c.open {
		return 0
	}
	c.probing = true
	return c.cycle
}

// end takes in how an attempt ended and says whether the circuit was opened
// by it, for the first time or again.
func (c *circuit) end(probe int, h health, now time.Duration) (opened bool) {
	isProbe := c.open && probe == c.cycle
	if isProbe {
		c.probing = false
	}
	switch {
	case h == silent:
		return false
	case h == well:
		*c = circuit{cycle: c.cycle}
		return false
	case c.open && !isProbe:
		return false // it began before the circuit opened and adds nothing
	}
	c.failures++
	if !c.open && h != refused && c.failures < tolerated {
		return false
	}
	c.open = true
	c.cycle++
	c.pause = min(max(2*c.pause, firstPause), longestPause)
	c.until = now + c.pause
	return true
}

// state returns the word for the status page.
func (c *circuit) state(now time.Duration) string {
	switch {
	case !c.open:
		return StateClosed
	case now < c.until:
		return StateOpen
	default:
		return StateHalfOpen
	}
}
