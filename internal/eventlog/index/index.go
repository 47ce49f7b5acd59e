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

// ErrNotFound is returned when the index does not have the key.
var ErrNotFound = errors.New("no such key in the index")

// ErrDamaged is returned when the index is not what was written, or was not sealed
// under the key.
var ErrDamaged = errors.New("the index is damaged")

// ErrBehind is returned when there are too many runs to add another one, because
// they cannot be merged.
var ErrBehind = errors.New("the index has too many runs")

// maxRuns bounds the runs. Each is an open file, and a lookup asks one after the
// other.
const maxRuns = 256

// Options of an index. Key is required.
type Options struct {
	// Key seals the manifest. The keys that it has replaced open it, too.
	Key seal.Key
	// Logger defaults to none.
	Logger *zap.Logger
	// Spare returns an error when the disk has no space for a file of so many bytes.
	// It is called before runs are merged. By default there always is.
	Spare func(bytes int64) error
	// Verify is how many bytes of blocks Open verifies, those of the newest runs
	// first; default 64 MiB. The others are verified whenever they are read.
	Verify int64
	// Damaged is called each time that a merge finds damage. Others who find some are
	// told by an error.
	Damaged func(error)
}

// verifyDefault is read within a second even from a slow disk. It is the state of
// some 200,000 events.
const verifyDefault = 64 << 20

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
	room  *sync.Cond // signals fewer runs, or a change of stuck
	stuck error      // why runs cannot be merged
}

// Open opens the index in a directory, or creates one. It verifies that all runs are
// there, their tails, and as many of their blocks as Options.Verify says.
func Open(dir string, options Options) (*Index, error) {
	if options.Logger == nil {
		options.Logger = zap.NewNop()
	}
	if options.Spare == nil {
		options.Spare = func(int64) error { return nil }
	}
	if options.Verify == 0 {
		options.Verify = verifyDefault
	}
	if options.Damaged == nil {
		options.Damaged = func(error) {}
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
	verify := x.Verify
	for _, meta := range m.runs {
		r, err := openRun(x.dir, x.data, meta, &verify)
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

// create writes the manifest of an empty index. Where there are other files, there
// was one, which is lost.
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

// removeOrphans removes the files that a crash left behind: before the manifest named
// them, or after it ceased to.
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

// Close closes the index and abandons a merge under way.
func (x *Index) Close() error {
	x.merger.stop()
	return x.now.release()
}

// Size returns the size of all runs in bytes.
func (x *Index) Size() (size int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return sizeOf(x.now.runs)
}

// install replaces adjacent runs by one, or by none if that is nil. The newest run
// comes first: where it replaces none, the one becomes the newest.
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

// number reserves the number of a new run.
func (x *Index) number() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.next++
	return x.next - 1
}
