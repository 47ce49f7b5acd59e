package retention

import (
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// vainFor is how long the disk limit is left alone after it could not be met.
const vainFor = 10 * time.Second

// evictForDisk makes room on the disk: delivered events are purged before their time,
// the oldest first, and if they are not enough, failed ones of the integration that
// has most. Each segment is visited once at most: where little can be purged,
// relocating the rest costs more than it gains.
//
// The index grows with every change to its entries, and shrinks when it merges its
// files. A turn counts on that and does not purge events in its place; if the index
// has not shrunk, the next turn purges more.
func (c *Compactor) evictForDisk() error {
	if time.Now().Before(c.vain) {
		return nil
	}
	indexed := c.Log.IndexBytes()
	asked, _ := c.excess(indexed)
	freed := int64(0)
	for range c.Journal.Count() {
		s, ok := c.Journal.First()
		excess, useful := c.excess(indexed)
		if !ok || excess <= 0 || !useful {
			return nil
		}
		if c.Journal.Pinned(s.Number) {
			if !c.isUrgent() {
				return journal.ErrPinned
			}
			c.Logger.Error("a backup is aborted, because its events take the space of new ones")
			c.Journal.Unpin()
		}
		each := c.indexEach()
		failed, err := c.purgeFailed(excess - c.loose)
		c.loose += failed.Bytes
		if err != nil {
			return err
		}
		done, err := c.compact(s, state.Delivered)
		if err != nil {
			return err
		}
		gone := s.Size - done.relocated.Bytes
		freed += gone
		c.loose = max(c.loose-gone, 0)
		indexed = max(indexed-each*int64(failed.Events+done.purged.Events), 0)
	}
	c.loose = 0 // every segment was compacted
	if freed < asked/4 {
		c.vain = time.Now().Add(vainFor)
	}
	return nil
}

// isUrgent reports whether events are refused, or are about to be, for lack of space.
func (c *Compactor) isUrgent() bool {
	disk := c.Limits().Disk
	return disk > 0 && (c.Journal.Size()+c.Log.IndexBytes()) > disk/32*31 || c.Log.Low()
}

// excess returns how many bytes of segments should go, given what the index will
// take, and whether compaction is worth it: it is not if four fifths of them are
// pending, which stays.
func (c *Compactor) excess(indexed int64) (bytes int64, useful bool) {
	inSegments := c.Journal.Size()
	used := inSegments + min(indexed, c.Log.IndexBytes())
	if disk := c.Limits().Disk; disk > 0 && used > disk/10*9 {
		// The rest goes from the index, with the events.
		bytes = int64(float64(used-disk/8*7) * float64(inSegments) / float64(used))
	}
	if c.Log.Low() {
		bytes = max(bytes, c.SegmentSize)
	}
	c.Lock.Lock()
	defer c.Lock.Unlock()
	return bytes, c.Tallies.all[state.PendingCode].Bytes < c.Journal.ClosedSize()/5*4
}

// purgeFailed purges failed events, of the integration that uses most at a time,
// until they and what was delivered make up so many bytes.
func (c *Compactor) purgeFailed(excess int64) (all Amount, err error) {
	spent := make(map[storage.Identity]bool)
	hasFailed := func(identity storage.Identity, of *tally) bool {
		return of.Sums[state.FailedCode].Events > 0 && !spent[identity]
	}
	for {
		c.Lock.Lock()
		missing, counted := excess-c.Tallies.all[state.DeliveredCode].Bytes-all.Bytes, c.Tallies.Counted()
		identity, largest := c.Tallies.largest(hasFailed)
		_, next := c.Tallies.largest(func(other storage.Identity, of *tally) bool { return other != identity && hasFailed(other, of) })
		most := missing
		if largest != nil && next != nil {
			// A little further, so that two of one size do not take turns by events.
			most = min(most, largest.total().Bytes-next.total().Bytes+excess/8)
		}
		c.Lock.Unlock()
		if !counted || largest == nil || missing <= 0 {
			return all, nil
		}
		purged, err := c.purge(identity, true, func(purged Amount) bool { return purged.Bytes >= most })
		all.Add(purged)
		if err != nil {
			return all, err
		}
		spent[identity] = purged.Events == 0
	}
}

// indexEach is how many bytes an event takes in the index, about; 0 while that is
// not known.
func (c *Compactor) indexEach() int64 {
	c.Lock.Lock()
	defer c.Lock.Unlock()
	if !c.Tallies.Counted() {
		return 0
	}
	return c.Log.IndexBytes() / int64(max(c.Tallies.all.total().Events, 1))
}
