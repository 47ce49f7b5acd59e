package eventlog

import (
	"context"
	"io"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/seal"
)

// Names in a log's directory.
const (
	segmentsDir = "segments"
	indexDir    = "index"
)

// Segments passes each segment of the log to write, the oldest first: its name,
// its size, and its bytes as they are, sealed. Together they are the log as a
// crash would have left it at a moment after the call: everything that was
// acknowledged before is there. The log is used meanwhile, and grows by what it
// could remove of segments that are still to be copied; once that is in the way of
// new events, the copy ends with an error.
//
// The index is not a part of it: it is rebuilt when a log is opened without one.
func (l *Log) Segments(ctx context.Context, write func(name string, size int64, content io.Reader) error) error {
	if err := l.enter(); err != nil {
		return err
	}
	held := l.journal.Pin()
	l.leave() // a slow copy must not be in the way of Close
	defer held.Release()
	return l.journal.Copy(ctx, held, write)
}

// SegmentPath returns where Open looks for a segment that Segments has passed,
// below the directory of a log; ok is false for what is not a segment's name.
func SegmentPath(dir, name string) (path string, ok bool) {
	if !journal.IsSegment(name) {
		return "", false
	}
	return filepath.Join(dir, segmentsDir, name), true
}

// Sealed tells how many bytes of segments each key has sealed.
func (l *Log) Sealed() map[[seal.KeyIDSize]byte]int64 { return l.journal.Sealed() }

// KeyIDs tells which keys sealed the segments of the log in a directory, which
// may be open. A segment whose header is damaged names none.
func KeyIDs(dir string) (map[[seal.KeyIDSize]byte]bool, error) {
	return journal.KeyIDs(filepath.Join(dir, segmentsDir))
}

// Rekey prepares the log in a directory, which is not open, for a key that has
// replaced others: its index is opened by the present one from then on. The open
// log rewrites the segments of the others.
func Rekey(dir string, key seal.Key) error {
	return index.Rekey(filepath.Join(dir, indexDir), key)
}
