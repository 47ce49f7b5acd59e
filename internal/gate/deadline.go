package gate

import (
	"context"
	"sync"
	"time"
)

// deadline is a context with the values of another one and its own end.
// context.WithTimeout would start a timer for each request: this one starts it
// only when something waits, which does not happen if the disk accepts an
// append at once.
type deadline struct {
	context.Context // for its values
	at              time.Time

	mu    sync.Mutex
	timed context.Context // nil until something waits
	end   context.CancelFunc
}

// within returns a context that ends after a time, whatever happens to ctx.
// finish must be called.
func within(ctx context.Context, wait time.Duration) *deadline {
	return &deadline{Context: ctx, at: time.Now().Add(wait)}
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} { return d.wait(true).Done() }

// Err implements context.Context.
func (d *deadline) Err() error {
	if timed := d.wait(!time.Now().Before(d.at)); timed != nil {
		return timed.Err()
	}
	return nil
}

// wait returns the context to wait for. Without need it is nil if nothing has
// waited.
func (d *deadline) wait(needed bool) context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timed == nil && needed {
		d.timed, d.end = context.WithDeadline(context.WithoutCancel(d.Context), d.at)
	}
	return d.timed
}

// finish releases the timer, if there is one.
func (d *deadline) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.end != nil {
		d.end()
	}
}
