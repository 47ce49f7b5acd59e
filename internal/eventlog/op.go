package eventlog

import (
	"sync"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// op is a command on its way to the writer, which decides on it upon the machine's
// state.
type op struct {
	journal.Call
	log      *Log
	command  state.Command
	decision state.Decision
	after    *state.Event // the first event of the record after it
}

func (l *Log) newOp(command state.Command) *op {
	o := &op{log: l, command: command}
	o.Init(o)
	return o
}

// Bound implements journal.Work.
func (o *op) Bound() int64 { return o.command.Bound() }

// Decide implements journal.Work.
func (o *op) Decide() (verdict journal.Verdict, record journal.Record, err error) {
	o.decision, err = state.Decide(&o.log.machine.step, o.command)
	return verdicts[o.decision.Verdict], o.decision.Record, err
}

var verdicts = [...]journal.Verdict{
	state.NoOp: journal.NoOp, state.Wait: journal.Wait, state.Write: journal.Write, state.Apply: journal.Apply,
}

// Stage implements journal.Work.
func (o *op) Stage(sequence uint64, at journal.Position) {
	if removed, ok := o.decision.Record.(*state.Removed); ok {
		o.log.journal.SetOldest(removed.Segment + 1)
	}
	o.after = o.decision.Apply(o.log.machine.staged, sequence, state.Place(at))
}

// appendOp is the op of an append with its command: the two live together.
type appendOp struct {
	op
	state.Append
}

var appendOps = sync.Pool{New: func() any { return new(appendOp) }}

func (l *Log) newAppendOp(e *storage.Event, dedupe storage.Dedupe, further []storage.Resource) *appendOp {
	a := appendOps.Get().(*appendOp)
	a.Append = state.NewAppend(e, dedupe, further)
	a.log, a.command = l, &a.Append
	a.Init(&a.op)
	return a
}

// free gives the op back.
func (a *appendOp) free() {
	a.Append, a.log, a.decision, a.after = state.Append{}, nil, state.Decision{}, nil
	appendOps.Put(a)
}

// tick notes the clock.
type tick struct {
	op
	clocked state.Clocked
}

// newTick has the clock noted, or another segment begun when this one is so old
// and has anything.
func (l *Log) newTick(ripe int64) *tick {
	t := &tick{}
	t.log, t.command = l, &state.Note{Record: &t.clocked}
	t.Init(t)
	t.Tick(ripe)
	return t
}

// Decide implements journal.Work.
func (t *tick) Decide() (journal.Verdict, journal.Record, error) {
	now := t.log.machine.step.Now
	t.log.noted.Store(now)
	t.clocked.Age, t.clocked.At = now, wire.Moment(t.log.clock.note().wall)
	return t.op.Decide()
}
