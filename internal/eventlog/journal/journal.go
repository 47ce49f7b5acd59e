package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

var (
	// ErrClosed is what calls get after Stop.
	ErrClosed = fmt.Errorf("%w: it is closed", storage.ErrUnavailable)

	// errBroken is the answer while the log cannot be written.
	errBroken = fmt.Errorf("%w: the event log cannot be written", storage.ErrUnavailable)

	// ErrUnreadable means that a record is not there as it was written.
	ErrUnreadable = fmt.Errorf("reading an event: %w", storage.ErrCorrupt)
)

// Options of a journal. All are required, but for MaxSegment.
type Options struct {
	Dir    string // of the segments; it exists
	Key    seal.Key
	Logger *zap.Logger
	Disk   segment.Disk

	// SegmentSize in bytes. A larger record gets a larger segment, and a nearly
	// full disk a smaller one.
	SegmentSize int64
	// MaxSegment bounds it further, for segments to come; 0 does not.
	MaxSegment func() int64
	// GroupSize bounds in bytes what is written before a sync, unless one record
	// is larger.
	GroupSize int64
	// After a failed write or sync the journal tries again after RetryMin,
	// doubling to RetryMax.
	RetryMin, RetryMax time.Duration

	Now func() time.Time
	Age func() int64 // the log's clock, in milliseconds
}

// Owner is whose journal it is. The writer goroutine calls its methods.
type Owner interface {
	// Begin is called when calls were taken, before they are decided on.
	Begin(age int64)
	// Publish shows everybody what was staged since the last Publish or Discard:
	// it is written, and durable if it must be.
	Publish()
	// Discard forgets what was staged.
	Discard()
	// End is called when all that was taken has been decided on.
	End()
	// LastID is the newest event ID, for the header of a segment.
	LastID() [16]byte
	// Rotated is called when another segment was begun.
	Rotated(age int64)
}

// Position is where a record stands.
type Position struct {
	Segment uint64
	Offset  int64
	Length  int64
}

// Mark is a place between two records.
type Mark struct {
	Segment  uint64
	Offset   int64
	Sequence uint64              // of the last record before it
	Salt     [seal.SaltSize]byte // of the segment
	Oldest   uint64              // oldest segment that still exists, according to the log
}

// Journal is an open journal.
type Journal struct {
	Options
	owner    Owner
	found    []Segment // as they were when it was opened
	segments *segments
	pins     *pins
	queue    *queue
	writer   *writer
	wait     sync.WaitGroup

	place    atomic.Pointer[Place]
	durable  atomic.Uint64 // the number of the last durable record
	failing  atomic.Bool   // the last write or sync failed
	failedAt atomic.Pointer[time.Time]
}

// Open reads the headers of all segments. A key that is not theirs is an error
// before anything is changed.
func Open(options Options, owner Owner) (*Journal, error) {
	j := &Journal{Options: options, owner: owner, queue: newQueue(), pins: newPins()}
	j.segments = newSegments(&j.Options)
	j.writer = newWriter(j)
	var err error
	j.found, err = j.findSegments()
	return j, err
}

// Activate begins another segment behind what was recovered.
func (j *Journal) Activate() error {
	for _, s := range j.found {
		j.segments.add(s)
	}
	if err := j.writer.activate(segment.Overhead); err != nil {
		return fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	return nil
}

// Run begins to write what is queued.
func (j *Journal) Run() { j.wait.Go(j.writer.run) }

// Stop refuses further calls, and waits for those that are queued.
func (j *Journal) Stop() {
	j.queue.close()
	j.wait.Wait()
}

// Close closes the files of a journal whose writer does not run.
func (j *Journal) Close() error { return errors.Join(j.writer.close(), j.segments.close()) }

// Found returns the segments as they were when the journal was opened, in order.
func (j *Journal) Found() []Segment { return j.found }

// Failing reports whether the last write or sync failed. failedAt is when one
// last did; nil when none did.
func (j *Journal) Failing() (failing bool, failedAt *time.Time) {
	return j.failing.Load(), j.failedAt.Load()
}

// SetOldest notes, on the writer goroutine, that a record says that all segments
// before the number are removed.
func (j *Journal) SetOldest(number uint64) { j.writer.oldest = number }

func (j *Journal) path(number uint64) string { return filepath.Join(j.Dir, segmentName(number)) }
