package eventlog

import (
	"errors"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// recovery applies the records that the index does not have.
type recovery struct {
	log     *Log
	journal *journal.Recovery
	state   state.Recovery
	mark    watermark // where the index ends
	full    int       // so many events in memory are written to the index
	doubted bool      // of what is recovered the index may have parts already
	note    note      // the last one of the clock
}

func newRecovery(l *Log, mark watermark) *recovery {
	r := &recovery{
		log: l, mark: mark, full: l.recoveryChunk(), doubted: mark != watermark{}, note: mark.note,
		state: state.Recovery{Step: state.Step{Staged: state.NewMemtable(), Base: &l.machine.base}, Dropped: l.dropped},
	}
	r.journal = &journal.Recovery{Apply: r.apply, Reached: r.reached, AtLeast: l.AtLeast}
	l.active.Doubted = r.doubted
	return r
}

// recoveryChunk is how many events recovery keeps in memory before it writes them
// to the index.
func (l *Log) recoveryChunk() int { return min(20_000, l.MaxBehind) }

func (r *recovery) run() error {
	l := r.log
	ids := &l.machine.base.ids
	ids.saw(r.mark.lastID)
	for _, s := range l.journal.Found() {
		if s.Err == nil {
			r.note = r.note.later(note{wall: s.Header.Created, age: s.Header.Age})
			ids.saw(s.Header.LastID)
		}
	}
	mark, damaged, err := l.journal.Recover(r.mark.Mark, r.journal)
	if err != nil {
		return err
	}
	if damaged {
		l.lost.Store(true)
	}
	if err := r.countCrashes(); err != nil {
		return err
	}
	if err := r.reached(mark); err != nil {
		return err
	}
	if l.active.Empty() {
		l.active.Doubted = false
	}
	return nil
}

// apply does again what the writer did when it published the record.
func (r *recovery) apply(frame segment.Frame, at journal.Position) (full bool, err error) {
	l := r.log
	record, err := state.Decode(frame.Kind, frame.Payload, false)
	if err != nil {
		l.Logger.Error("a record of the event log cannot be read", zap.Uint64("sequence", frame.Sequence), zap.Error(err))
		r.journal.Lost()
		return false, nil
	}
	state.IDs(record, l.machine.base.ids.saw)
	switch record := record.(type) {
	case *state.Clocked:
		r.note = r.note.later(note{wall: wire.Millis(record.At), age: record.Age})
	case *state.Removed:
		r.journal.Removed(record.Segment, record.Last)
	}
	r.state.Active = l.active
	err = r.state.Apply(record, frame.Sequence, state.Place(at))
	return l.active.Count >= r.full, err
}

// reached writes what was recovered up to a mark to the index.
func (r *recovery) reached(mark journal.Mark) error {
	r.mark = watermark{Mark: mark, lastID: r.log.machine.base.ids.last, note: r.note}
	return r.flush()
}

// countCrashes ends the claims that no process holds any more.
func (r *recovery) countCrashes() error {
	l := r.log
	for _, of := range l.active.Events {
		for id, c := range of {
			if c.Now.Claimed {
				of[id] = state.Change{Now: c.Now.Crashed(), Indexed: c.Indexed}
			}
		}
	}
	view := l.index.View()
	defer view.Close()
	return view.Keys([]byte{claimKey}, func(key []byte) (bool, error) {
		identity, id, err := parseIDKey(key)
		if err != nil {
			return false, err
		}
		if l.active.Get(identity, id) != nil {
			return true, nil // it has gone on since
		}
		e, err := l.indexed(identity, id)
		if errors.Is(err, storage.ErrNotFound) {
			return true, nil // its integration is being purged
		}
		if _, gone := l.dropped[identity]; err == nil && !gone && e.Claimed {
			l.active.Put(e.Crashed(), e)
		}
		return err == nil, err
	})
}

// flush writes what was recovered to the index. Without the space for that it is
// kept in memory, within twice the bound that holds in service, and tried again
// with the next chunk: at each event it would take forever.
func (r *recovery) flush() error {
	l := r.log
	if r.mark.Segment == 0 {
		return nil // there is nothing yet
	}
	err := l.write(l.active, r.mark)
	if errors.Is(err, storage.ErrUnavailable) && l.active.Count <= 2*l.MaxBehind {
		l.Logger.Warn("the event index cannot keep up with the log yet", zap.Error(err))
		l.active.Doubted = true
		r.full = min(l.active.Count+l.recoveryChunk(), 2*l.MaxBehind+1)
		return nil
	}
	if err == nil {
		l.active = state.NewMemtable()
		l.active.Doubted = r.doubted
		r.full = l.recoveryChunk()
	}
	return err
}
