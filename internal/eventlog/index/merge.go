package index

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// fanIn is how many runs of a level are merged into one of the next level.
const fanIn = 8

// mergeRetry is how long the merger waits after a failure, or for disk space.
const mergeRetry = 5 * time.Second

var errClosing = errors.New("the index is being closed")

// merger is the goroutine that merges runs.
type merger struct {
	index *Index
	kick  chan struct{}
	quit  chan struct{}
	done  chan struct{}
}

func startMerger(x *Index) *merger {
	m := &merger{index: x, kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go m.run()
	return m
}

// hurry wakes the merger.
func (m *merger) hurry() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

func (m *merger) stop() {
	close(m.quit)
	<-m.done
}

func (m *merger) run() {
	defer close(m.done)
	retry := time.NewTicker(mergeRetry)
	defer retry.Stop()
	warned := false
	for {
		err := m.mergeAll()
		m.index.setStuck(err)
		if errors.Is(err, ErrDamaged) {
			m.index.Damaged(err)
		}
		if err != nil && !errors.Is(err, errClosing) && !warned {
			m.index.Logger.Warn("the event index cannot be merged", zap.Error(err))
		}
		if warned = err != nil; warned {
			// Another commit is no reason to try again at once.
			select {
			case <-m.quit:
				return
			case <-retry.C:
			}
			continue
		}
		select {
		case <-m.quit:
			return
		case <-m.kick:
		}
	}
}

func (x *Index) setStuck(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stuck = err
	x.room.Broadcast()
}

// mergeAll merges until nothing is left to merge. When there is no space for a merge,
// or it would need a damaged run, one of another level may still be possible.
func (m *merger) mergeAll() error {
	x := m.index
	for {
		at := x.hold()
		var none error
		merged := false
		for _, p := range plans(at.runs) {
			if none = x.mergeable(at.runs[p.from:p.to]); none != nil {
				continue
			}
			merged, none = true, m.merge(at.runs, p)
			break
		}
		if err := errors.Join(none, at.release()); err != nil || !merged {
			return err
		}
		x.setStuck(nil)
	}
}

// mergeable returns why runs cannot be merged. Trying it with a damaged one would write
// the same again and again, up to where the damage is.
func (x *Index) mergeable(runs []*run) error {
	for _, r := range runs {
		if r.damaged.Load() {
			return fmt.Errorf("%w: run %d", ErrDamaged, r.number)
		}
	}
	return x.Spare(sizeOf(runs))
}

// plan is a merge to do: of which adjacent runs, and into which level.
type plan struct {
	from, to int
	level    uint64
}

// plans returns the merges that are due, cheapest first: eight runs of one level, and
// all runs when more than half of all entries are dead.
func plans(runs []*run) (plans []plan) {
	entries, dead := count(runs)
	from := 0
	for i, r := range runs {
		if r.level != runs[from].level {
			from = i
		}
		if end := i+1 == len(runs) || runs[i+1].level != r.level; end && i+1-from >= fanIn {
			plans = append(plans, plan{from: i + 1 - fanIn, to: i + 1, level: r.level + 1})
		}
	}
	if len(runs) >= fanIn && 2*dead > entries {
		plans = append(plans, plan{to: len(runs), level: runs[len(runs)-1].level})
	}
	return plans
}

// count sums up the entries of runs, and those that are dead because of them.
func count(runs []*run) (entries, dead int64) {
	for _, r := range runs {
		entries, dead = entries+r.entries, dead+r.dead
	}
	return entries, dead
}

// merge writes one run in place of several. It leaves out a deletion when no older run
// can have the key.
func (m *merger) merge(runs []*run, p plan) error {
	x, old, older := m.index, runs[p.from:p.to], runs[p.to:]
	entries, dead := count(old)
	it, err := newIterator(old, nil, nil, false)
	if err != nil {
		return fmt.Errorf("merging the event index: %w", err)
	}
	w, err := x.newRun(p.level, entries)
	if err != nil {
		return fmt.Errorf("merging the event index: %w", err)
	}
	if err := m.copy(w, it, older); err != nil {
		return fmt.Errorf("merging the event index: %w", errors.Join(err, w.cancel()))
	}
	if len(older) == 0 {
		dead = 0 // however exactly it was counted
	}
	w.count(entries, dead)
	merged, err := w.finish()
	if err == nil {
		err = x.install(old, merged)
	}
	if err != nil {
		return fmt.Errorf("merging the event index: %w", err)
	}
	return nil
}

func (m *merger) copy(w *runWriter, it *iterator, older []*run) error {
	for {
		e, more, err := it.next()
		if err != nil || !more {
			return err
		}
		if e.deleted {
			hash := hashOf(e.key)
			if !slices.ContainsFunc(older, func(r *run) bool { return r.filter.mayHold(hash) }) {
				continue
			}
		}
		if err := w.add(e); err != nil {
			return err
		}
		select {
		case <-m.quit:
			return errClosing
		default:
		}
	}
}
