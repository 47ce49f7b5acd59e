package index

import (
	"errors"
	"os"
)

// snapshot is the list of runs at one moment, newest first. The index and its views
// hold it, and a run is closed with the last snapshot that has it.
type snapshot struct {
	index *Index
	runs  []*run
	holds int // guarded by Index.mu
}

// newSnapshot returns a snapshot with one hold.
func newSnapshot(x *Index, runs []*run) *snapshot {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range runs {
		r.snapshots++
	}
	return &snapshot{index: x, runs: runs, holds: 1}
}

// hold returns the present snapshot, held.
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
	for _, r := range last {
		s.index.cache.forget(r)
	}
	return closeRuns(last)
}

// closeRuns closes the files of runs, and removes those that were replaced.
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
