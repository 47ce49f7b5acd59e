// Package index keeps what can be rebuilt from the event log: small values by
// key. It knows nothing of what they mean.
//
// An index is a list of runs. A run is a file of sorted keys with their values or
// deletions, and is never changed: each batch makes one, and a goroutine merges
// eight of a level into one of the next, and all of them when less than half of
// their entries count still. The manifest names the runs that count. All files are
// sealed, so damage is an error, at the latest when it is read.
package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/seal"
)

// ErrNotFound means that there is no such key.
var ErrNotFound = errors.New("there is no such key in the index")

// ErrDamaged means that the index is not what was written, or not sealed under
// the key.
var ErrDamaged = errors.New("the index is damaged")

// ErrBehind means that there are too many runs to add another one, because they
// cannot be merged.
var ErrBehind = errors.New("the index has too many runs")

// maxRuns bounds the runs, which are open files, and which a search asks one
// after the other.
const maxRuns = 256

// Options of an index. Key is required.
type Options struct {
	// Key seals the manifest. Those that it has replaced open it, too.
	Key seal.Key
	// Logger defaults to none.
	Logger *zap.Logger
	// Spare says whether there is disk space for a file of some bytes, which is
	// asked before runs are merged; default always.
	Spare func(bytes int64) error
}

// Index is an open index.
type Index struct {
	Options
	dir    string
	data   seal.Key // seals the runs
	merger *merger
	cache  cache
	spare  []write // room for the next batch

	installing sync.Mutex // held while the manifest is replaced

	mu    sync.Mutex // guards what follows
	now   *snapshot
	next  uint64     // number of the next run
	room  *sync.Cond // there are fewer runs, or stuck has changed
	stuck error      // why runs are not merged
}

// Open opens the index in a directory, or makes one, and verifies all of it.
func Open(dir string, options Options) (*Index, error) {
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	if options.Spare == nil {
		options.Spare = func(int64) error { return nil }
	}
	x := &Index{Options: options, dir: dir}
	x.room = sync.NewCond(&x.mu)
	if err := x.open(); err != nil {
		return nil, fmt.Errorf("opening the event index: %w", err)
	}
	x.merger = startMerger(x)
	return x, nil
}

func (x *Index) open() error {
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return err
	}
	m, err := readManifest(x.dir, x.Key)
	if errors.Is(err, os.ErrNotExist) {
		m, err = x.create()
	}
	if err != nil {
		return err
	}
	x.data, x.next = m.data, m.next
	var runs []*run
	for _, meta := range m.runs {
		r, err := openRun(x.dir, x.data, meta)
		if err != nil {
			return errors.Join(err, closeRuns(runs))
		}
		runs = append(runs, r)
	}
	if err := x.removeOrphans(runs); err != nil {
		return errors.Join(err, closeRuns(runs))
	}
	x.now = newSnapshot(x, runs)
	return nil
}

// create makes the manifest of an empty index. Where other files are, there was
// one.
func (x *Index) create() (manifest, error) {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return manifest{}, err
	}
	for _, entry := range entries {
		if entry.Name() != manifestName+asideSuffix {
			return manifest{}, fmt.Errorf("%w: it has no manifest", ErrDamaged)
		}
	}
	m := manifest{data: seal.NewKey(), next: 1}
	_, err = m.write(x.dir, x.Key)
	return m, err
}

// removeOrphans removes the files that a crash has left, before they counted or
// after.
func (x *Index) removeOrphans(runs []*run) error {
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(x.dir, entry.Name())
		counts := slices.ContainsFunc(runs, func(r *run) bool { return r.path == path })
		if !counts && (strings.HasSuffix(path, runSuffix) || strings.HasSuffix(path, asideSuffix)) {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends the index. A merge under way is given up.
func (x *Index) Close() error {
	x.merger.stop()
	return x.now.release()
}

// Size is the number of bytes in the runs.
func (x *Index) Size() (size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return sizeOf(x.now.runs)
}

// install replaces runs, which stand side by side, by one that may be nil. The
// newest come first: with none to replace, the one is the newest.
func (x *Index) install(old []*run, with *run) error {
	x.installing.Lock()
	defer x.installing.Unlock()
	x.mu.Lock()
	runs, next := slices.Clone(x.now.runs), x.next
	x.mu.Unlock()
	at := 0
	if len(old) > 0 {
		at = slices.Index(runs, old[0])
	}
	runs = slices.Delete(runs, at, at+len(old))
	if with != nil {
		runs = slices.Insert(runs, at, with)
	}
	m := manifest{data: x.data, next: next}
	for _, r := range runs {
		m.runs = append(m.runs, r.meta)
	}
	if named, err := m.write(x.dir, x.Key); err != nil {
		if with != nil {
			err = errors.Join(err, with.file.Close())
			if !named {
				err = errors.Join(err, os.Remove(with.path))
			}
		}
		return err
	}
	for _, r := range old {
		r.replaced = true
	}
	fresh := newSnapshot(x, runs)
	x.mu.Lock()
	before := x.now
	x.now = fresh
	x.room.Broadcast()
	x.mu.Unlock()
	return before.release()
}

// number takes the number of a new run.
func (x *Index) number() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next++
	return x.next - 1
}
