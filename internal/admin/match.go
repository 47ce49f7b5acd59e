package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// judgedBytes is after how many bytes of payloads one call stops evaluating
// events.
const judgedBytes = 64 << 20

// matchEvents evaluates the filter and the expression in the body against
// stored events, newest first. It changes nothing.
func (c *call) matchEvents() error {
	query, err := c.query()
	if err != nil {
		return err
	}
	q, scope, err := c.eventPage(query)
	if err != nil {
		return err
	}
	text, err := c.body()
	if err != nil {
		return err
	}
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	candidate, err := in.Candidate(text)
	if err != nil {
		return err
	}
	route, err := gate.Compile(candidate)
	if err != nil {
		return err
	}
	// The endpoint's own deadline is too short for so many bytes. If it cannot be
	// changed, it stays as it is.
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Time{})

	answer, next, err := c.judge(in, route, q, judgedBytes)
	if err != nil {
		return err
	}
	if !next.IsZero() {
		answer.NextCursor = encodeCursor(scope, []string{next.String()})
	}
	c.answer(http.StatusOK, answer)
	return nil
}

// judge evaluates the events of a page until their payloads exceed most bytes.
// next is where another call continues; zero after the last event.
func (c *call) judge(in *integration.Integration, route *gate.Route, q storage.Query, most int) (answer adminapi.Judgements, next storage.ID, err error) {
	answer.Items = []adminapi.Judged{}
	records, next, more, err := c.Storage.Events().List(c.r.Context(), in.Identity, q)
	if err != nil {
		return answer, next, err
	}
	if !more {
		next = storage.ID{}
	}
	bytes := 0
	for i := range records {
		if bytes > most {
			return answer, records[i-1].ID, nil
		}
		judgement, size, err := c.judgeOne(in, route, records[i].ID)
		switch {
		case err == nil:
			bytes += size
		case errors.Is(err, storage.ErrNotFound):
			continue // purged meanwhile
		case !damaged(err):
			return answer, next, err
		}
		answer.Scanned++
		if judgement.Wanted {
			answer.Matched++
		}
		answer.Items = append(answer.Items, adminapi.Judged{
			ID:         records[i].ID.String(),
			ReceivedAt: adminapi.Stamp(records[i].ReceivedAt),
			Event:      records[i].Type,
			DeliveryID: records[i].DeliveryID,
			Matched:    judgement.Wanted,
			Reason:     judgement.Reason,
			Detail:     judgement.Detail,
		})
	}
	return answer, next, nil
}

// judgeOne evaluates an event when it is the project's turn to have one in
// memory.
func (c *call) judgeOne(in *integration.Integration, route *gate.Route, id storage.ID) (judgement gate.Judgement, size int, err error) {
	done, err := c.Reads.judged.Take(c.r.Context(), c.project, 0)
	if err != nil {
		return judgement, 0, err
	}
	defer done()
	record, err := c.Storage.Events().Get(c.r.Context(), in.Identity, id)
	if err != nil {
		return gate.Judgement{Reason: "damaged"}, 0, err
	}
	return route.Judge(c.r.Context(), &record.Event), len(record.Body), nil
}
