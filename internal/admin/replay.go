package admin

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// replayPage is how many events a bulk replay reads at a time.
const replayPage = 500

// replayEvent runs a stored event again, as a new one.
func (c *call) replayEvent() error {
	in, replay, err := c.target()
	if err != nil {
		return err
	}
	id, err := c.Storage.Events().Replay(c.r.Context(), in.Identity, c.event, replay)
	if errors.Is(err, storage.ErrCorrupt) {
		c.tellDamaged(in, c.event, err)
		return conflict("the event is damaged: what it would send cannot be read any more")
	}
	if err != nil {
		return err
	}
	c.answer(http.StatusAccepted, map[string]string{"id": id.String()})
	return nil
}

// target says where a replay goes: to the integration's resource as it is now,
// as far as a save would be allowed now.
func (c *call) target() (*integration.Integration, storage.Replay, error) {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	switch {
	case err != nil:
		return nil, storage.Replay{}, err
	case !in.IsEnabled:
		return nil, storage.Replay{}, conflict("the integration is disabled")
	case in.Resource == nil, c.View.Rules.Allow == nil:
		return nil, storage.Replay{}, conflict("the integration has no resource that a trigger serves")
	}
	if err := c.View.Rules.Allow(in.Project, in.Resource.Type, in.Resource.ID); err != nil {
		return nil, storage.Replay{}, conflict("resource: " + err.Error())
	}
	return in, storage.Replay{Alias: in.Alias, ResourceType: in.Resource.Type, ResourceID: in.Resource.ID}, nil
}

func conflict(text string) error { return &refusal{http.StatusConflict, text} }

// replayCounts is what a bulk replay answers: matched events are those
// selected, of which some were replayed, some skipped, and the rest is over the
// limit.
type replayCounts struct {
	Matched  int `json:"matched"`
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// replayEvents replays the events that the body selects, the oldest first. It
// ends when the caller leaves. An event that has been replayed is skipped, so
// that the same call once more goes on where this one ended.
func (c *call) replayEvents() error {
	text, err := c.body()
	if err != nil {
		return err
	}
	selected, err := parseSelection(text)
	if err != nil {
		return err
	}
	in, _, err := c.target()
	if err != nil {
		return err
	}
	// The endpoint's own time is too short for this. Where a deadline cannot be
	// moved it stays as it is.
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})

	var counts replayCounts
	ids, err := c.selectEvents(in.Identity, selected, &counts)
	if err == nil && !selected.dryRun {
		err = c.replayAll(ids, &counts)
	}
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, counts)
	return nil
}

// selectEvents returns the oldest of the selected events that were not replayed
// yet, oldest first, within the limit.
func (c *call) selectEvents(identity storage.Identity, selected selection, counts *replayCounts) ([]storage.ID, error) {
	var ids []storage.ID
	query := storage.Query{Status: selected.status, Limit: replayPage}
	for more := true; more; {
		var records []storage.Record
		var err error
		if records, query.Before, more, err = c.Storage.Events().List(c.r.Context(), identity, query); err != nil {
			return nil, err
		}
		for i := range records {
			r := &records[i]
			if !selected.holds(r) {
				continue
			}
			counts.Matched++
			if r.Newest != r.ID {
				counts.Skipped++
				continue
			}
			if ids = append(ids, r.ID); len(ids) == 2*selected.limit {
				ids = slices.Delete(ids, 0, selected.limit) // newer than as many others
			}
		}
	}
	slices.Reverse(ids)
	return ids[:min(len(ids), selected.limit)], nil
}

// replayAll replays events at a bounded rate.
func (c *call) replayAll(ids []storage.ID, counts *replayCounts) error {
	for _, id := range ids {
		if err := c.Replays.wait(c.r.Context()); err != nil {
			return err
		}
		in, replay, err := c.target() // it may have been changed meanwhile
		if err != nil {
			return err
		}
		replay.Once = true
		_, err = c.Storage.Events().Replay(c.r.Context(), in.Identity, id, replay)
		switch {
		case err == nil:
			counts.Replayed++
		case errors.Is(err, storage.ErrPending), errors.Is(err, storage.ErrReplayed), errors.Is(err, storage.ErrNotFound):
			counts.Skipped++ // somebody else came first
		case errors.Is(err, storage.ErrCorrupt):
			counts.Skipped++
			c.tellDamaged(in, id, err)
		default:
			return err
		}
	}
	return nil
}
