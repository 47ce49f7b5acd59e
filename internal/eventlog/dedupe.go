package eventlog

import "github.com/hookgate/hookgate/module/storage"

// copyName is a dedupe key of one integration.
type copyName struct {
	identity storage.Identity
	key      string
}

// copyOf is what a dedupe key leads to. The zero value leads to nothing: in an
// memtable it hides what the index has.
type copyOf struct {
	id   storage.ID
	born int64 // when the event was accepted, by the log's clock
	gone bool  // the event was purged, and is remembered for its copies alone
}

// within says whether the event was accepted no longer ago than a window.
func (c copyOf) within(window, now int64) bool { return now-c.born <= window }

func (c copyOf) append(buf []byte) []byte {
	gone := byte(0)
	if c.gone {
		gone = 1
	}
	return append(appendInt(append(buf, c.id[:]...), c.born), gone)
}

func decodeCopyOf(raw []byte) (copyOf, error) {
	d := decoder{raw: raw}
	c := copyOf{id: d.id(), born: d.int(), gone: d.byte() != 0}
	return c, d.err()
}
