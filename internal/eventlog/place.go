package eventlog

import (
	"path/filepath"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/seal"
)

// Place is a position in a log; comparing it reveals an outdated copy.
type Place = journal.Place

// Place returns how far the log is, also once it is closed.
func (l *Log) Place() Place { return l.journal.Place() }

// Age is the clock by which events grow old, in milliseconds. It goes on with the
// machine's own time, and from one process to the next by a day at most.
func (l *Log) Age() int64 { return l.clock.now() }

// Found is what a log is, held against a place.
type Found = journal.Found

// The values of Found.
const (
	Nothing = journal.Nothing // no segment
	Older   = journal.Older   // a log of before the place, or another one
	Fits    = journal.Fits
)

// Find says what the log in a directory is, which is not open.
func Find(dir string, key seal.Key, place Place) (Found, error) {
	return journal.Find(filepath.Join(dir, segmentsDir), key, place)
}
