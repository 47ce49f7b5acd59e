package memory

import (
	"context"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Events is a handle's storage.Events.
type Events Handle

// copyName names what makes requests copies of each other.
type copyName struct {
	integration storage.Identity
	key         string
}

// copyOf is the event that stands for copies.
type copyOf struct {
	id   storage.ID
	born time.Time
}

// Append implements storage.Events.
func (e *Events) Append(ctx context.Context, event *storage.Event, dedupe storage.Dedupe, further ...storage.Resource) (storage.ID, storage.Outcome, error) {
	h := (*Handle)(e)
	if err := ctx.Err(); err != nil {
		return storage.ID{}, 0, err
	}
	if err := h.enter(); err != nil {
		return storage.ID{}, 0, err
	}
	defer h.leave()
	p, now := h.place, time.Now()
	switch {
	case h.session.lost:
		return storage.ID{}, 0, storage.ErrUnavailable
	case p.dropped[event.Integration]:
		return storage.ID{}, 0, storage.ErrNotFound
	case event.Revision != 0 && event.Revision < p.revisionOf(event.WebhookID):
		return storage.ID{}, 0, storage.ErrStale
	}
	if event.ReceivedAt.IsZero() {
		event.ReceivedAt = now
	}
	event.ReceivedAt = moment(event.ReceivedAt)
	if of, found := p.findCopy(event.Integration, dedupe); found && now.Sub(of.born) <= dedupe.Window {
		return of.id, h.copyCame(event.Integration, of.id, dedupe, now), nil
	}
	if err := h.makeRoom(event, 1+len(further)); err != nil {
		return storage.ID{}, 0, err
	}
	event.ID = p.nextIDs(now, 1+len(further))
	first := h.store(*event, now)
	first.further = len(further)
	for n, resource := range further {
		another := *event
		another.ID = forward(event.ID, n+1)
		another.ResourceType, another.ResourceID = resource.Type, resource.ID
		h.store(another, now)
	}
	if dedupe.Key != nil {
		p.copies[copyName{event.Integration, string(dedupe.Key)}] = copyOf{event.ID, now}
	}
	return event.ID, storage.Accepted, nil
}

// moment is a time as it is stored.
func moment(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

func (p *Place) findCopy(identity storage.Identity, dedupe storage.Dedupe) (of copyOf, found bool) {
	if dedupe.Key == nil {
		return of, false
	}
	if of, found = p.copies[copyName{identity, string(dedupe.Key)}]; !found && dedupe.Former != nil {
		of, found = p.copies[copyName{identity, string(dedupe.Former)}]
	}
	return of, found
}

// store keeps a new event, which is the handle's to attempt.
func (h *Handle) store(of storage.Event, now time.Time) *event {
	of.Revision = 0
	of.Header, of.Body = of.Header.Clone(), append([]byte{}, of.Body...)
	e := &event{first: of.ID, queued: now, since: now, size: sizeOf(&of)}
	e.Event = of
	e.State = storage.State{Status: storage.Pending, Due: of.ReceivedAt, QueuedAt: of.ReceivedAt}
	p := h.place
	if p.events[of.Integration] == nil {
		p.events[of.Integration] = make(map[storage.ID]*event)
	}
	p.events[of.Integration][of.ID] = e
	p.own(e, h.session)
	return e
}

// sizeOf is about how many bytes an event takes.
func sizeOf(e *storage.Event) int64 {
	size := 256 + len(e.Body) + len(e.WebhookID) + len(e.Project) + len(e.Alias) + len(e.Type) + len(e.DeliveryID) + len(e.ResourceID)
	for name, values := range e.Header {
		size += len(name)
		for _, value := range values {
			size += len(value)
		}
	}
	return int64(size)
}

// copyCame answers a copy of the event, and queues again what has failed of it.
func (h *Handle) copyCame(identity storage.Identity, id storage.ID, dedupe storage.Dedupe, now time.Time) storage.Outcome {
	p := h.place
	first := p.events[identity][id]
	if first == nil {
		return storage.Duplicate
	}
	outcome := storage.Duplicate
	for n := range 1 + first.further {
		of := p.events[identity][forward(id, n)]
		if of == nil {
			continue
		}
		e := p.events[identity][p.newestOf(of)]
		if e == nil || e.Status != storage.Failed || e.Requeued >= dedupe.Requeues {
			continue
		}
		e.Status, e.Due, e.QueuedAt, e.queued, e.since = storage.Pending, moment(now), moment(now), now, now
		e.Requeued, e.QueuedTries, e.Crashes, e.Progress = e.Requeued+1, e.Tries, 0, nil
		p.own(e, h.session)
		outcome = storage.Requeued
	}
	return outcome
}

// newestOf is the newest event of the chain.
func (p *Place) newestOf(e *event) storage.ID {
	if newest, ok := p.newest[e.Integration][e.first]; ok {
		return newest
	}
	return e.first
}

// Replay implements storage.Events.
func (e *Events) Replay(ctx context.Context, identity storage.Identity, id storage.ID, replay storage.Replay) (storage.ID, error) {
	h := (*Handle)(e)
	if err := ctx.Err(); err != nil {
		return storage.ID{}, err
	}
	if err := h.enter(); err != nil {
		return storage.ID{}, err
	}
	defer h.leave()
	p, now := h.place, time.Now()
	of := p.events[identity][id]
	switch {
	case h.session.lost:
		return storage.ID{}, storage.ErrUnavailable
	case of == nil:
		return storage.ID{}, storage.ErrNotFound
	}
	newest := p.newestOf(of)
	if last := p.events[identity][newest]; last != nil && last.Status == storage.Pending {
		return storage.ID{}, storage.ErrPending
	}
	if replay.Once && newest != id {
		return storage.ID{}, storage.ErrReplayed
	}
	again := of.Event
	again.Alias, again.ResourceType, again.ResourceID = replay.Alias, replay.ResourceType, replay.ResourceID
	if err := h.makeRoom(&again, 1); err != nil {
		return storage.ID{}, err
	}
	again.ID, again.ReceivedAt = p.nextIDs(now, 1), moment(now)
	stored := h.store(again, now)
	stored.first, stored.ReplayOf = of.first, id
	if p.newest[identity] == nil {
		p.newest[identity] = make(map[storage.ID]storage.ID)
	}
	p.newest[identity][of.first] = again.ID
	return again.ID, nil
}
