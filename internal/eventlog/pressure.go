package eventlog

import (
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// vainFor is how long a limit on the disk is left alone that could not be kept.
const vainFor = 10 * time.Second

// relieve makes room on the disk: delivered events go before their time, the
// oldest first, and when they are not enough, failed ones of the integration that
// has most. Each segment is looked at once at most, for where little can go,
// keeping the rest costs more than it brings.
//
// The index grows by all that happens to its entries, and gives back what is out
// of date when it merges its files. A turn counts on that and lets no more events
// go in its stead; when it has not come true, the next one does.
func (c *compactor) relieve() error {
	if time.Now().Before(c.vain) {
		return nil
	}
	indexed := c.log.indexBytes.Load()
	asked, _ := c.excess(indexed)
	freed := int64(0)
	for range c.log.journal.Count() {
		s, ok := c.log.journal.First()
		excess, useful := c.excess(indexed)
		if !ok || excess <= 0 || !useful {
			return nil
		}
		if c.log.journal.Pinned(s.Number) {
			if !c.isUrgent() {
				return journal.ErrPinned
			}
			c.log.Logger.Error("a backup is given up, for its events are in the way of new ones")
			c.log.journal.Unpin()
		}
		each := c.log.indexEach()
		failed, err := c.purgeFailed(excess - c.loose)
		c.loose += failed.bytes
		if err != nil {
			return err
		}
		done, err := c.compact(s, state.Delivered)
		if err != nil {
			return err
		}
		gone := s.Size - done.relocated.bytes
		freed += gone
		c.loose = max(c.loose-gone, 0)
		indexed = max(indexed-each*int64(failed.events+done.purged.events), 0)
	}
	c.loose = 0 // every segment was collected
	if freed < asked/4 {
		c.vain = time.Now().Add(vainFor)
	}
	return nil
}

// isUrgent says whether events are refused soon, or already, for want of space.
func (c *compactor) isUrgent() bool {
	disk := c.log.limits.Load().Disk
	return disk > 0 && c.log.used() > disk/32*31 || c.log.space.low()
}

// excess is how many bytes of segments should go, where the index will have so
// many, and whether enough of them can: what is pending stays, and four fifths of
// it are too much to be worth it.
func (c *compactor) excess(indexed int64) (bytes int64, useful bool) {
	l := c.log
	inSegments := l.journal.Size()
	used := inSegments + min(indexed, l.indexBytes.Load())
	if disk := l.limits.Load().Disk; disk > 0 && used > disk/10*9 {
		// The rest goes from the index, with the events.
		bytes = int64(float64(used-disk/8*7) * float64(inSegments) / float64(used))
	}
	if l.space.low() {
		bytes = max(bytes, l.SegmentSize)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes, l.tallies.all[state.PendingCode].bytes < l.journal.ClosedSize()/5*4
}

// purgeFailed purges failed events, of the integration that uses most at a time,
// until they and what was delivered make up so many bytes.
func (c *compactor) purgeFailed(excess int64) (all amount, err error) {
	l := c.log
	spent := make(map[storage.Identity]bool)
	hasFailed := func(identity storage.Identity, of *tally) bool {
		return of.sums[state.FailedCode].events > 0 && !spent[identity]
	}
	for {
		l.mu.Lock()
		missing, counted := excess-l.tallies.all[state.DeliveredCode].bytes-all.bytes, l.tallies.counted()
		identity, largest := l.tallies.largest(hasFailed)
		_, next := l.tallies.largest(func(other storage.Identity, of *tally) bool { return other != identity && hasFailed(other, of) })
		most := missing
		if largest != nil && next != nil {
			// A little further, so that two of one size do not take turns by events.
			most = min(most, largest.total().bytes-next.total().bytes+excess/8)
		}
		l.mu.Unlock()
		if !counted || largest == nil || missing <= 0 {
			return all, nil
		}
		purged, err := c.purge(identity, failedKey, func(purged amount) bool { return purged.bytes >= most })
		all.add(purged)
		if err != nil {
			return all, err
		}
		spent[identity] = purged.events == 0
	}
}
