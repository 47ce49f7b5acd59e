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
	// provenPause is how long a project's circuit that is open because much in the
	// project fails keeps a proven resource waiting.
	provenPause = firstPause / 2
)

// health is what an attempt tells of what a circuit protects.
type health int

const (
	silent  health = iota // nothing: it was not asked, or does not matter
	well                  // it works
	ill                   // it failed in a way that may pass
	refused               // it will fail until someone fixes it
)

// circuit keeps attempts away from what fails: an endpoint, a project's use of
// it, or a resource. All times are since the start of the schedule. Its zero
// value is closed.
type circuit struct {
	pause, until time.Duration
	failures     int32 // in a row
	// cycle counts the openings, so that the end of an attempt that began in
	// an earlier one is not taken for the end of the probe.
	cycle   int32
	open    bool
	probing bool
	// better is the standing of a probe that is late: one of a better standing
	// need not wait for its end.
	better standing
}

// allows reports whether an attempt may begin now, of a resource of that standing.
func (c *circuit) allows(k standing, now time.Duration) bool {
	return !c.open || now >= c.until && (!c.probing || k < c.better)
}

// begin notes that an attempt begins. Pass its result to end: it is not 0 for the
// probe of an open circuit.
func (c *circuit) begin() (probe int32) {
	if !c.open {
		return 0
	}
	c.probing, c.better = true, 0
	return c.cycle
}

// await notes that an attempt is late.
func (c *circuit) await(probe int32, k standing) {
	if c.isProbe(probe) {
		c.better = k
	}
}

// isProbe reports whether an attempt that began so is what the circuit waits for.
func (c *circuit) isProbe(probe int32) bool { return c.open && probe == c.cycle }

// end takes in how an attempt ended and reports whether that opened the circuit,
// for the first time or again. A failure that asks for a wait opens the circuit,
// and keeps it open for at least that long.
func (c *circuit) end(probe int32, h health, least, now time.Duration) (opened bool) {
	isProbe := c.isProbe(probe)
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
		c.until = max(c.until, now+least)
		return false // it began before the circuit opened and adds nothing else
	}
	c.failures++
	isFault := c.open && c.pause > 0 || h == refused || c.failures >= tolerated
	if !isFault && least == 0 {
		c.open = false // it was open for as long as was asked
		return false
	}
	c.open = true
	c.cycle++
	if isFault {
		c.pause = min(max(2*c.pause, firstPause), longestPause)
	}
	c.until = now + max(c.pause, least)
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
