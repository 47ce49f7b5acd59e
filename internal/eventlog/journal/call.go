package journal

// Record is a record as a journal sees it.
type Record interface {
	Kind() byte
	// Append writes the record; Bound is the most bytes that it writes.
	Append(buf []byte) []byte
	Bound() int64

	// Lazy reports whether nobody waits for the record to be durable. It belongs
	// to the journal until it is.
	Lazy() bool
	// Deferrable reports whether the record counts at once, and may be written
	// later, while the journal cannot be written.
	Deferrable() bool
	// Note reports whether the record is about the log alone.
	Note() bool
}

// Verdict is what a call needs.
type Verdict int

// The verdicts.
const (
	NoOp  Verdict = iota // nothing: it is answered as it stands
	Wait                 // it is answered with the group that it relies on
	Write                // its record is written
	Apply                // it has an effect that needs no record
)

// Work is what a call is about. The writer goroutine calls its methods.
type Work interface {
	// Bound estimates the size in bytes of the record that it may write.
	Bound() int64
	// Decide says what becomes of it upon all that was staged before. It may be
	// called again.
	Decide() (Verdict, Record, error)
	// Stage keeps the effect of the last Decide. sequence is the number of the
	// record, or of the last one before when there is none; at is zero then.
	Stage(sequence uint64, at Position)
}

// Call is work on its way. Until it is answered it belongs to the writer.
type Call struct {
	work    Work
	record  Record // of the last decision
	barrier func(Mark)
	tick    bool
	rotate  int64

	err  error
	done chan struct{}
}

// Init prepares a call, also one that was answered.
func (c *Call) Init(work Work) {
	if c.done == nil {
		c.done = make(chan struct{}, 1)
	}
	c.work, c.record, c.err = work, nil, nil
}

// Tick marks the call as one to skip while the journal cannot be written. If the
// present segment has been open for at least rotate milliseconds of the log's clock and
// holds more than notes, the call begins another one; 0 never does. It has no other
// effect.
func (c *Call) Tick(rotate int64) { c.tick, c.rotate = true, rotate }

// Err is the answer.
func (c *Call) Err() error { return c.err }

func (c *Call) decide() (verdict Verdict, err error) {
	verdict, c.record, err = c.work.Decide()
	return verdict, err
}

func (c *Call) answer(err error) {
	c.err = err
	c.done <- struct{}{}
}

// Queue hands calls to the writer, together: either all are queued or none, which
// is ErrClosed.
func (j *Journal) Queue(calls ...*Call) error {
	if !j.queue.put(calls) {
		return ErrClosed
	}
	return nil
}

// Wait waits for the answer to a call that was queued.
func (j *Journal) Wait(c *Call) error {
	<-c.done
	return c.err
}

// Do queues a call and waits for its answer.
func (j *Journal) Do(c *Call) error {
	if !j.queue.putOne(c) {
		return ErrClosed
	}
	<-c.done
	return c.err
}

// Queued counts the calls that the writer has not taken.
func (j *Journal) Queued() int { return j.queue.length() }

// Barrier calls fn on the writer goroutine once all that was queued before is durable.
// If that fails, fn is not called.
func (j *Journal) Barrier(fn func(Mark)) {
	c := &Call{barrier: fn}
	c.Init(nil)
	_ = j.Do(c) // without an answer fn was not called
}
