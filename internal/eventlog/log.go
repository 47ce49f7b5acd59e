package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/retention"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/module/storage"
)

// Log is an open event log.
type Log struct {
	Options
	lock       *os.File
	clock      *clock
	noted      atomic.Int64 // what the clock said when it was noted
	index      *index.Index
	indexBytes atomic.Int64
	start      index.View              // the index as it was at the start, for countIndexed
	recent     map[storage.ID]struct{} // events that were in memory then
	dedupe     *dedupeFilter
	space      *space
	machine    *machine
	journal    *journal.Journal
	flusher    *flusher
	compactor  *retention.Compactor
	lost       atomic.Bool // damage was found
	limits     atomic.Pointer[storage.Limits]

	// life is held by every call, and by Close.
	life   sync.RWMutex
	closed bool
	wait   sync.WaitGroup

	mu         sync.Mutex      // guards what follows; never held during input or output
	active     *state.Memtable // what the writer adds to
	flushing   *state.Memtable // what the flusher is writing; nil when it is not
	generation uint64          // grows when flushing is let go
	caughtUp   chan struct{}
	tallies    *retention.Tallies
	dropped    map[storage.Identity]struct{}
	claims     map[storage.ID]storage.Identity
	watch      *watch
}

// Interface guards
var (
	_ storage.Events       = (*Log)(nil)
	_ storage.Limiter      = (*Log)(nil)
	_ storage.Meter        = (*Log)(nil)
	_ storage.DiskMeter    = (*Log)(nil)
	_ storage.ClockWatcher = (*Log)(nil)
)

// Open opens the log in a directory, or makes one, and recovers what a crash
// left. A key that is not the log's is an error before anything is changed; too
// little space for that is storage.ErrUnavailable.
func Open(options Options) (*Log, error) {
	options.setDefaults()
	l, err := recoverLog(options)
	if errors.Is(err, index.ErrDamaged) {
		// Recovery has read a part of the index that is not verified when it is opened.
		options.Logger.Error("the event index cannot be used; it is rebuilt from the log", zap.Error(err))
		if err := l.distrustIndex(); err != nil {
			return nil, fmt.Errorf("opening the event log: %w", err)
		}
		l, err = recoverLog(options)
	}
	if err != nil {
		return nil, err
	}
	l.journal.Run()
	l.wait.Go(l.flusher.run)
	l.wait.Go(l.compactor.Run)
	l.wait.Go(l.fillFilter)
	l.wait.Go(l.countIndexed)
	return l, nil
}

// recoverLog opens the log without its goroutines. After an error the log is closed.
func recoverLog(options Options) (*Log, error) {
	l := &Log{
		Options:    options,
		dedupe:     newDedupeFilter(),
		active:     state.NewMemtable(),
		caughtUp:   make(chan struct{}),
		generation: 1, // what is known of none is of 0
		clock:      &clock{wall: options.now, uptime: options.uptime},
		tallies:    retention.NewTallies(),
		recent:     make(map[storage.ID]struct{}),
		dropped:    make(map[storage.Identity]struct{}),
		claims:     make(map[storage.ID]storage.Identity),
	}
	l.limits.Store(&storage.Limits{})
	l.space = &space{disk: l.disk, dir: l.Dir, minFree: l.MinFree, now: l.now, indexSize: l.indexSize}
	if err := l.open(); err != nil {
		return l, errors.Join(err, l.release())
	}
	return l, nil
}

func (l *Log) open() error {
	if err := makeDirs(l.Dir, l.segmentDir()); err != nil {
		return fmt.Errorf("creating the event log: %w", err)
	}
	var err error
	if l.lock, err = fsutil.Lock(filepath.Join(l.Dir, "lock")); err != nil {
		return fmt.Errorf("opening the event log: %w", err)
	}
	l.machine = newMachine(l)
	l.flusher = newFlusher(l)
	return l.recover()
}

// release lets go of what open took.
func (l *Log) release() error {
	var errs []error
	if l.journal != nil {
		errs = append(errs, l.journal.Close())
	}
	if l.index != nil {
		errs = append(errs, l.index.Close())
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
	}
	return errors.Join(errs...)
}

func (l *Log) indexSize() int64 {
	if l.index == nil {
		return 0
	}
	return l.index.Size()
}

// Close ends the log. Calls under way are waited for; what was acknowledged is
// durable already.
func (l *Log) Close() error {
	l.life.Lock()
	if l.closed {
		l.life.Unlock()
		return nil
	}
	l.closed = true
	l.life.Unlock()

	l.mu.Lock()
	watch := l.watch
	l.mu.Unlock()
	if watch != nil {
		watch.stop()
	}
	l.compactor.Stop()
	l.flusher.stop() // writes the index once more
	l.journal.Stop()
	l.wait.Wait()
	return l.release()
}

// enter begins a call; leave ends it.
func (l *Log) enter() error {
	l.life.RLock()
	if l.closed {
		l.life.RUnlock()
		return journal.ErrClosed
	}
	return nil
}

func (l *Log) leave() { l.life.RUnlock() }

// Health returns how the log is: "ok", "failed" (the last write or sync failed and
// is tried again), "full" (the disk's free space is below MinFree), "corrupt"
// (acknowledged records or the index were found damaged) or "closed".
func (l *Log) Health() storage.Health {
	if l.enter() != nil {
		return storage.Health{State: "closed"}
	}
	defer l.leave()
	health := storage.Health{State: "ok"}
	failing, at := l.journal.Failing()
	if at != nil {
		health.FailedAt = *at
	}
	switch {
	case failing:
		health.State = "failed"
	case l.space.low():
		health.State = "full"
	case l.lost.Load():
		health.State = "corrupt"
	}
	return health
}

// Disk returns the room that the log takes, and what is left of the disk.
func (l *Log) Disk() storage.Disk {
	if l.enter() != nil {
		return storage.Disk{}
	}
	defer l.leave()
	free, _ := l.space.ask() // 0 when it is not known
	return storage.Disk{SizeBytes: l.used(), FreeBytes: free}
}

// ClockJump implements storage.ClockWatcher.
func (l *Log) ClockJump() time.Duration { return l.clock.jumped() }

func (l *Log) segmentDir() string { return filepath.Join(l.Dir, segmentsDir) }
func (l *Log) indexDir() string   { return filepath.Join(l.Dir, indexDir) }

func makeDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := fsutil.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}
