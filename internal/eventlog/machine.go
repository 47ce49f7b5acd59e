package eventlog

import (
	"github.com/hookgate/hookgate/internal/eventlog/retention"
	"github.com/hookgate/hookgate/internal/eventlog/state"
)

// machine is the state that the writer decides upon: what the group under way does,
// above the log as it was before. It is the owner of the journal.
type machine struct {
	log    *Log
	base   base
	staged *state.Memtable
	step   state.Step
}

func newMachine(l *Log) *machine {
	m := &machine{log: l, staged: state.NewMemtable(), base: base{log: l, taken: retention.NewTaken()}}
	m.step = state.Step{Staged: m.staged, Base: &m.base}
	return m
}

// Begin implements journal.Owner.
func (m *machine) Begin(age int64) { m.step.Now, m.step.Limits = age, m.log.limits.Load() }

// Publish implements journal.Owner.
func (m *machine) Publish() {
	m.log.publish(m.staged)
	m.Discard()
}

// Discard implements journal.Owner.
func (m *machine) Discard() {
	m.staged.Clear()
	m.base.taken.Clear()
}

// End implements journal.Owner.
func (m *machine) End() {
	if m.log.active.Count > m.log.MaxBehind/4 {
		m.log.flusher.hurry()
	}
}

// LastID implements journal.Owner.
func (m *machine) LastID() [16]byte { return m.base.ids.last }

// Rotated implements journal.Owner.
func (m *machine) Rotated(age int64) {
	m.log.noted.Store(age)
	m.log.compactor.Hurry()
}
