package admin

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// stamp is a time in milliseconds, as events show it.
type stamp time.Time

func (s stamp) MarshalText() ([]byte, error) {
	return time.Time(s).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// event is an event as a list shows it.
type event struct {
	ID         string         `json:"id"`
	ReceivedAt stamp          `json:"received_at"`
	Event      string         `json:"event"`
	DeliveryID string         `json:"delivery_id"`
	Status     storage.Status `json:"status"`
	Held       bool           `json:"held"`
	ReplayOf   *string        `json:"replay_of"` // null for a sender's own event
	Attempts   []attempt      `json:"attempts"`
	Resource   resource       `json:"resource"`
}

type resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type attempt struct {
	At         stamp  `json:"at"`
	StatusCode int    `json:"status_code"`
	Error      string `json:"error"`
	Detail     string `json:"detail,omitempty"`
	DurationMS int64  `json:"duration_ms"`
}

// wholeEvent is an event with what was stored of its request. Of a damaged one
// that is null.
type wholeEvent struct {
	event
	Damaged    bool        `json:"damaged,omitempty"`
	Headers    http.Header `json:"headers"`
	BodyBase64 []byte      `json:"body_base64"`
}

// describe shows an event. It is held while it waits for its integration to
// be enabled.
func describe(in *integration.Integration, record *storage.Record) event {
	e := event{
		ID:         record.ID.String(),
		ReceivedAt: stamp(record.ReceivedAt),
		Event:      record.Type,
		DeliveryID: record.DeliveryID,
		Resource:   resource(resourceOf(record)),
		Status:     record.Status,
		Held:       record.Status == storage.Pending && !in.IsEnabled,
		Attempts:   []attempt{},
	}
	if !record.ReplayOf.IsZero() {
		of := record.ReplayOf.String()
		e.ReplayOf = &of
	}
	for _, a := range record.Attempts {
		e.Attempts = append(e.Attempts, attempt{
			At:         stamp(a.At),
			StatusCode: a.StatusCode,
			Error:      a.Error,
			Detail:     a.Detail,
			DurationMS: a.Duration.Milliseconds(),
		})
	}
	return e
}

// maxEmptyPages bounds how much is searched for one page of a list.
const maxEmptyPages = 16

func (c *call) listEvents() error {
	query, err := c.query()
	if err != nil {
		return err
	}
	q, scope, err := c.eventPage(query)
	if err != nil {
		return err
	}
	switch q.Status = storage.Status(query.Get("status")); q.Status {
	case "", storage.Pending, storage.Delivered, storage.Failed:
	default:
		return badRequest("status: pending, delivered or failed is needed")
	}
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	answer := page[event]{Items: []event{}}
	more := true
	for pages := 0; more && len(answer.Items) == 0 && pages < maxEmptyPages; pages++ {
		var records []storage.Record
		var next storage.ID
		if records, next, more, err = c.Storage.Events().List(c.r.Context(), in.Identity, q); err != nil {
			return err
		}
		for i := range records {
			answer.Items = append(answer.Items, describe(in, &records[i]))
		}
		q.Before = next
	}
	if more {
		answer.NextCursor = encodeCursor(scope, []string{q.Before.String()})
	}
	c.answer(http.StatusOK, answer)
	return nil
}

// eventPage returns which page of the integration's events a request asks for,
// and the scope of their cursors.
func (c *call) eventPage(query url.Values) (q storage.Query, scope []string, err error) {
	scope = []string{"events", c.project, c.webhookID}
	if q.Limit, err = limit(query); err != nil {
		return q, scope, err
	}
	place, err := decodeCursor(query.Get("cursor"), scope)
	if err != nil || place == nil {
		return q, scope, err
	}
	if q.Before, err = storage.ParseID(place[0]); err != nil || len(place) != 1 {
		return q, scope, badCursor
	}
	return q, scope, nil
}

func (c *call) getEvent() error {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	record, err := c.Storage.Events().Get(c.r.Context(), in.Identity, c.event)
	if damaged(err) {
		c.tellDamaged(in, c.event, err)
		return c.getDamaged(in)
	}
	if err != nil {
		return err
	}
	whole := wholeEvent{event: describe(in, record), Headers: record.Header, BodyBase64: record.Body}
	if whole.Headers == nil {
		whole.Headers = http.Header{}
	}
	if whole.BodyBase64 == nil {
		whole.BodyBase64 = []byte{}
	}
	c.answer(http.StatusOK, whole)
	return nil
}

// getDamaged shows what a list knows of an event whose record cannot be read.
func (c *call) getDamaged(in *integration.Integration) error {
	record, err := c.listed(in, c.event)
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, wholeEvent{event: describe(in, record), Damaged: true})
	return nil
}

// listed returns what a list knows of an event.
func (c *call) listed(in *integration.Integration, id storage.ID) (*storage.Record, error) {
	query := storage.Query{Before: successor(id), Limit: 1}
	records, _, _, err := c.Storage.Events().List(c.r.Context(), in.Identity, query)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || records[0].ID != id {
		return nil, storage.ErrNotFound
	}
	return &records[0], nil
}

// successor returns the next ID. That of the last one is zero, before which is
// everything.
func successor(id storage.ID) storage.ID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			break
		}
	}
	return id
}

// damaged says whether the error is an event's alone: its record cannot be read,
// and the storage can.
func damaged(err error) bool {
	return errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrUnavailable)
}

func (c *call) tellDamaged(in *integration.Integration, id storage.ID, cause error) {
	c.Logger.Warn("an event is damaged", zap.String("webhook_id", in.WebhookID), zap.Stringer("event_id", id), zap.Error(cause))
}
