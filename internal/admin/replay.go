package admin

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// replayPage is how many events a bulk replay reads at a time.
const replayPage = 500

// replayEvent replays a stored event as a new one.
func (c *call) replayEvent() error {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	record, err := c.listed(in, c.event)
	if err != nil {
		return err
	}
	if err := c.mayReplay(in); err != nil {
		return err
	}
	replay, err := c.replayTo(in, resourceOf(record))
	if err != nil {
		return err
	}
	id, err := c.replay(in, c.event, replay)
	if damaged(err) {
		c.tellDamaged(in, c.event, err)
		return conflict("the event is damaged: its content can no longer be read")
	}
	if err != nil {
		return err
	}
	c.answer(http.StatusAccepted, map[string]string{"id": id.String()})
	return nil
}

// replay replays an event when it is the project's turn to have one in memory.
func (c *call) replay(in *integration.Integration, id storage.ID, replay storage.Replay) (storage.ID, error) {
	done, err := c.Reads.events.Take(c.r.Context(), c.project, 0)
	if err != nil {
		return storage.ID{}, err
	}
	defer done()
	return c.Storage.Events().Replay(c.r.Context(), in.Identity, id, replay)
}

// replayable returns the integration, if its events can be replayed.
func (c *call) replayable() (*integration.Integration, error) {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return nil, err
	}
	return in, c.mayReplay(in)
}

// mayReplay returns why no event of the integration can be replayed now, if so.
func (c *call) mayReplay(in *integration.Integration) error {
	switch {
	case !in.IsEnabled:
		return conflict("the integration is disabled")
	case len(in.Resources) == 0, c.View.Rules.Allow == nil:
		return conflict("the integration has no resource that a trigger serves")
	}
	return nil
}

// replayTo returns the resource for the replay of an event: the integration's
// current one, or, if it has several, the event's own. It must still be
// allowed.
func (c *call) replayTo(in *integration.Integration, of storage.Resource) (storage.Replay, error) {
	to := in.Resources[0]
	if len(in.Resources) > 1 {
		if !slices.Contains(in.Resources, of) {
			return storage.Replay{}, conflict("the event is for " + of.Type + " " + of.ID + ", which is no longer a resource of the integration")
		}
		to = of
	}
	if err := c.View.Rules.Allow(in.Project, to.Type, to.ID); err != nil {
		return storage.Replay{}, conflict("resource: " + err.Error())
	}
	return storage.Replay{Alias: in.Alias, ResourceType: to.Type, ResourceID: to.ID}, nil
}

func resourceOf(r *storage.Record) storage.Resource {
	return storage.Resource{Type: r.ResourceType, ID: r.ResourceID}
}

func conflict(text string) error { return &refusal{http.StatusConflict, text} }

// replayEvents replays the events that the body selects, oldest first. It stops
// if the caller disconnects. An event that has been replayed is skipped, so
// that repeating the call continues where this one stopped.
func (c *call) replayEvents() error {
	text, err := c.body()
	if err != nil {
		return err
	}
	selected, err := parseSelection(text)
	if err != nil {
		return err
	}
	in, err := c.replayable()
	if err != nil {
		return err
	}
	if len(in.Resources) == 1 { // otherwise depends on the event
		if _, err := c.replayTo(in, in.Resources[0]); err != nil {
			return err
		}
	}
	// The endpoint's own deadline is too short for this. If it cannot be changed,
	// it stays as it is.
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})

	var counts adminapi.Replayed
	events, err := c.selectEvents(in, selected, &counts)
	if err == nil && !selected.dryRun {
		err = c.replayAll(events, &counts)
	}
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, counts)
	return nil
}

// selectedEvent is an event to replay, and its resource.
type selectedEvent struct {
	id       storage.ID
	resource storage.Resource
}

// selectEvents returns the oldest of the selected events that can be replayed
// and have not been, oldest first, up to the limit.
func (c *call) selectEvents(in *integration.Integration, selected selection, counts *adminapi.Replayed) ([]selectedEvent, error) {
	var events []selectedEvent
	query := storage.Query{Status: selected.status, Limit: replayPage}
	for more := true; more; {
		var records []storage.Record
		var err error
		if records, query.Before, more, err = c.Storage.Events().List(c.r.Context(), in.Identity, query); err != nil {
			return nil, err
		}
		for i := range records {
			r := &records[i]
			if !selected.holds(r) {
				continue
			}
			counts.Matched++
			if _, err := c.replayTo(in, resourceOf(r)); err != nil || r.Newest != r.ID {
				counts.Skipped++
				continue
			}
			if events = append(events, selectedEvent{r.ID, resourceOf(r)}); len(events) == 2*selected.limit {
				events = slices.Delete(events, 0, selected.limit) // newer than enough others
			}
		}
	}
	slices.Reverse(events)
	return events[:min(len(events), selected.limit)], nil
}

// replayAll replays events at a bounded rate.
func (c *call) replayAll(events []selectedEvent, counts *adminapi.Replayed) error {
	for _, e := range events {
		if err := c.Replays.wait(c.r.Context()); err != nil {
			return err
		}
		in, err := c.replayable() // may have been changed meanwhile
		if err != nil {
			return err
		}
		replay, err := c.replayTo(in, e.resource)
		if err == nil {
			replay.Once = true
			_, err = c.replay(in, e.id, replay)
		} else if len(in.Resources) > 1 {
			counts.Skipped++
			continue
		}
		switch {
		case err == nil:
			counts.Replayed++
		case errors.Is(err, storage.ErrPending), errors.Is(err, storage.ErrReplayed), errors.Is(err, storage.ErrNotFound):
			counts.Skipped++ // someone else came first
		case damaged(err):
			counts.Skipped++
			c.tellDamaged(in, e.id, err)
		default:
			return err
		}
	}
	return nil
}
