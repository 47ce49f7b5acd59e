package retention

import (
	"errors"
	"maps"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// evictCrowded purges events of integrations that come near their limit of events.
func (c *Compactor) evictCrowded() error {
	limits := c.Limits()
	c.Lock.Lock()
	if limits.Events > 0 && c.Tallies.Counted() && !c.surveyed.Swap(true) {
		for identity := range c.Tallies.of {
			c.Tallies.Crowd(identity, limits)
		}
	}
	crowded := c.Tallies.crowded
	c.Tallies.crowded = make(map[storage.Identity]int)
	c.Lock.Unlock()
	maps.DeleteFunc(c.barren, func(_ storage.Identity, until time.Time) bool { return time.Now().After(until) })
	for identity, room := range crowded {
		if err := c.evictOne(identity, room, limits); err != nil {
			return err
		}
	}
	return nil
}

// evictOne does so for one integration. A search among many pending events that
// finds too little is not repeated immediately, but it is repeated: once its events
// are refused, nothing else may happen to the integration that would trigger it.
func (c *Compactor) evictOne(identity storage.Identity, room int, limits *storage.Limits) error {
	_, barren := c.barren[identity]
	c.Lock.Lock()
	excess, settled := 0, 0
	if of := c.Tallies.of[identity]; of != nil && limits.Events > 0 {
		total := of.total().Events
		excess, settled = total-min(lowEvents(limits), max(limits.Events-room, 0)), total-of.Sums[state.PendingCode].Events
	}
	if barren && excess > 0 {
		c.Tallies.crowded[identity] = max(c.Tallies.crowded[identity], room)
	}
	c.Lock.Unlock()
	if barren || excess <= 0 || settled == 0 {
		return nil
	}
	began := time.Now()
	purged, err := c.purge(identity, false, func(purged Amount) bool { return purged.Events >= excess })
	if err == nil && purged.Events < excess {
		c.barren[identity] = time.Now().Add(min(10*time.Since(began), time.Minute))
		c.Lock.Lock()
		c.Tallies.crowded[identity] = max(c.Tallies.crowded[identity], room)
		c.Lock.Unlock()
	}
	return err
}

// purge purges settled events of an integration, the oldest first, until it is enough;
// only failed ones if failed is set. Events accepted together go together: otherwise a
// failed one would outlive the first, through which duplicates find it.
func (c *Compactor) purge(identity storage.Identity, failed bool, enough func(purged Amount) bool) (Amount, error) {
	if err := c.Log.Flush(c.quit); err != nil {
		return Amount{}, err
	}
	b := batch{compactor: c}
	var together storage.ID // the last of those that were accepted with the one before
	err := c.Log.Walk(identity, failed, func(id storage.ID, pending bool) (bool, error) {
		switch {
		case c.Stopping(), state.CompareIDs(id, together) > 0 && enough(b.promised()):
			return false, nil
		case pending:
			return true, nil
		}
		e, known, err := c.Log.Look(identity, id)
		if err != nil {
			return true, ignoreNotFound(err)
		}
		if last := state.Forward(id, uint64(e.Further)); state.CompareIDs(last, together) > 0 {
			together = last
		}
		purge := &state.Purge{Subject: state.Subject{Of: identity, ID: id}, Policy: state.Settled, Known: known}
		return true, b.add(purge, AmountOf(e))
	})
	err = errors.Join(err, b.flush())
	return b.purged, err
}
