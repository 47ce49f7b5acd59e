package memory

import (
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// settlement is when an event was delivered or has failed.
type settlement struct {
	event *event
	at    time.Time
}

// SetLimits implements storage.Limiter. Each handle has limits of its own.
func (e *Events) SetLimits(limits storage.Limits) {
	h := (*Handle)(e)
	if h.enter() == nil {
		defer h.leave()
		h.limits = limits
	}
}

// purge deletes what is older than the limits of the handle.
func (h *Handle) purge(now time.Time) {
	age := map[storage.Status]time.Duration{storage.Delivered: h.limits.Delivered, storage.Failed: h.limits.Failed}
	if age[storage.Delivered] == 0 && age[storage.Failed] == 0 {
		return
	}
	h.purgeIf(func(e *event) bool { return age[e.Status] > 0 && now.Sub(e.since) > age[e.Status] })
	if h.limits.Remember == 0 {
		return
	}
	for name, of := range h.place.copies {
		if h.place.events[name.integration][of.id] == nil && now.Sub(of.born) > h.limits.Remember {
			delete(h.place.copies, name)
		}
	}
}

// purgeIf deletes settled events, the oldest first, of which is says so.
func (h *Handle) purgeIf(is func(*event) bool) {
	p := h.place
	p.settled = slices.DeleteFunc(p.settled, func(s settlement) bool {
		e := s.event
		if e.Status == storage.Pending || !e.since.Equal(s.at) || p.events[e.Integration][e.ID] != e {
			return true // it is no longer so
		}
		if !is(e) {
			return false
		}
		h.purged[e.Status]++
		delete(p.events[e.Integration], e.ID)
		return true
	})
}

// amount is how much there is of something.
type amount struct {
	events, pending     int
	bytes, pendingBytes int64
}

func (a *amount) add(e *event) {
	a.events++
	a.bytes += e.size
	if e.Status == storage.Pending {
		a.pending++
		a.pendingBytes += e.size
	}
}

// sums returns what there is in all, of an integration and of a project.
func (p *Place) sums(identity storage.Identity, project string) (all, own, ofProject amount) {
	for e := range p.all {
		all.add(e)
		if e.Integration == identity {
			own.add(e)
		}
		if e.Project == project {
			ofProject.add(e)
		}
	}
	return all, own, ofProject
}

// makeRoom is an error when a limit does not allow so many events more like the given
// one. What settled events stand in the way are purged.
func (h *Handle) makeRoom(of *storage.Event, more int) error {
	limits := h.limits
	all, own, project := h.place.sums(of.Integration, of.Project)
	size := int64(more) * sizeOf(of)
	if over := own.events + more - limits.Events; limits.Events > 0 && over > 0 {
		h.purgeIf(func(e *event) bool {
			over--
			return over >= 0 && e.Integration == of.Integration
		})
	}
	if limits.Disk > 0 && all.bytes+size > limits.Disk {
		h.makeSpace(all.bytes + size - limits.Disk)
	}
	all, own, project = h.place.sums(of.Integration, of.Project)
	for _, limit := range []struct {
		name    string
		reached bool
	}{
		{storage.LimitDisk, limits.Disk > 0 && all.bytes >= limits.Disk},
		{storage.LimitBacklog, exceeds(all.pending, more, limits.Backlog)},
		{storage.LimitIntegrationBacklog, limits.Backlog > 0 && exceeds(own.pending, more, max(limits.Backlog/4, 1))},
		{storage.LimitProjectBacklog, limits.Backlog > 0 && exceeds(project.pending, more, max(limits.Backlog/2, 1))},
		{storage.LimitIntegrationDisk, limits.Disk > 0 && own.pendingBytes >= limits.Disk/4},
		{storage.LimitProjectDisk, limits.Disk > 0 && project.pendingBytes >= limits.Disk/2},
		{storage.LimitIntegrationEvents, exceeds(own.events, more, limits.Events)},
	} {
		if limit.reached {
			return &storage.LimitError{Limit: limit.name}
		}
	}
	return nil
}

// exceeds reports whether a limit that is not 0 leaves no room for more. Who has none
// may have as many as one append stores.
func exceeds(there, more, limit int) bool { return limit > 0 && there+more > max(limit, more) }

// makeSpace purges delivered events, and then failed ones of who holds most.
func (h *Handle) makeSpace(bytes int64) {
	take := func(e *event) bool {
		if bytes <= 0 {
			return false
		}
		bytes -= e.size
		return true
	}
	h.purgeIf(func(e *event) bool { return e.Status == storage.Delivered && take(e) })
	for bytes > 0 {
		failed := make(map[storage.Identity]int64)
		for e := range h.place.all {
			if e.Status == storage.Failed {
				failed[e.Integration] += e.size
			}
		}
		most, found := largest(failed)
		if !found {
			return
		}
		taken := false
		h.purgeIf(func(e *event) bool {
			taken = e.Integration == most && !taken
			return taken && take(e)
		})
	}
}

// Usage implements storage.Meter.
func (e *Events) Usage() (usage storage.Usage) {
	h := (*Handle)(e)
	if h.enter() != nil {
		return usage
	}
	defer h.leave()
	all, _, _ := h.place.sums(storage.Identity{}, "")
	bytes := make(map[storage.Identity]int64)
	for e := range h.place.all {
		bytes[e.Integration] += e.size
	}
	if most, found := largest(bytes); found {
		_, own, _ := h.place.sums(most, "")
		usage.Largest = storage.Share{Integration: most, Events: own.events, Bytes: own.bytes}
		for _, e := range h.place.events[most] {
			usage.Largest.WebhookID, usage.Largest.Project = e.WebhookID, e.Project
		}
	}
	usage.Counted, usage.DiskBytes = true, all.bytes
	usage.Events, usage.Bytes, usage.PendingEvents, usage.PendingBytes = all.events, all.bytes, all.pending, all.pendingBytes
	usage.PurgedDelivered, usage.PurgedFailed = h.purged[storage.Delivered], h.purged[storage.Failed]
	return usage
}
