package index

import (
	"errors"
	"os"
)

// snapshot is the list of runs at one moment, the newest first. The index and
// each view of it hold it, and a run is closed with its last snapshot.
type snapshot struct {
	index *Index
	runs  []*run
	holds int // guarded by Index.mu
}

// newSnapshot returns a snapshot that is held once.
func newSnapshot(x *Index, runs []*run) *snapshot {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range runs {
		r.snapshots++
	}
	return &snapshot{index: x, runs: runs, holds: 1}
}

// hold holds what the index has now.
func (x *Index) hold() *snapshot {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now.holds++
	return x.now
}

// release undoes one hold.
func (s *snapshot) release() error {
	var last []*run
	s.index.mu.Lock()
	if s.holds--; s.holds == 0 {
		for _, r := range s.runs {
			if r.snapshots--; r.snapshots == 0 {
				last = append(last, r)
			}
		}
	}
	s.index.mu.Unlock()
	return closeRuns(last)
}

// closeRuns closes files, and removes those that do not count any more.
func closeRuns(runs []*run) error {
	var errs []error
	for _, r := range runs {
		errs = append(errs, r.file.Close())
		if r.replaced {
			errs = append(errs, os.Remove(r.path))
		}
	}
	return errors.Join(errs...)
}
