package admin

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// describe returns an event for an answer. It is held while it waits for its
// integration to be enabled.
func describe(in *integration.Integration, record *storage.Record) adminapi.Event {
	e := adminapi.Event{
		ID:         record.ID.String(),
		ReceivedAt: adminapi.Stamp(record.ReceivedAt),
		Event:      record.Type,
		DeliveryID: record.DeliveryID,
		Resource:   adminapi.Resource(resourceOf(record)),
		Status:     record.Status,
		Held:       record.Status == storage.Pending && !in.IsEnabled,
		Attempts:   []adminapi.Attempt{},
		Run:        trigger.RunOf(record.Progress),
	}
	if !record.ReplayOf.IsZero() {
		of := record.ReplayOf.String()
		e.ReplayOf = &of
	}
	for _, a := range record.Attempts {
		e.Attempts = append(e.Attempts, adminapi.Attempt{
			At:         adminapi.Stamp(a.At),
			StatusCode: a.StatusCode,
			Error:      a.Error,
			Detail:     a.Detail,
			DurationMS: a.Duration.Milliseconds(),
		})
	}
	return e
}

// maxSearches bounds how much is searched for one page of a list.
const maxSearches = 16

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
		return badRequest("status: must be pending, delivered or failed")
	}
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	page := newPage(c)
	more := true
	for searches := 0; more && q.Limit > 0 && searches < maxSearches; searches++ {
		var records []storage.Record
		if records, q.Before, more, err = c.Storage.Events().List(c.r.Context(), in.Identity, q); err != nil {
			return err
		}
		for i := range records {
			if err := page.add(describe(in, &records[i])); err != nil {
				return err
			}
		}
		q.Limit -= len(records)
	}
	if more {
		page.cursor = encodeCursor(scope, []string{q.Before.String()})
	}
	return page.end()
}

// eventPage returns the requested page of the integration's events, and the
// scope of the cursors.
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
	record, body, err := c.open(in)
	if damaged(err) {
		c.tellDamaged(in, c.event, err)
		return c.getDamaged(in)
	}
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	err = c.showWhole(describe(in, record), record.Header, body)
	if damaged(err) {
		c.tellDamaged(in, c.event, err)
	}
	return err
}

// open opens the event when it is the project's turn to have one in memory.
func (c *call) open(in *integration.Integration) (*storage.Record, storage.Body, error) {
	done, err := c.Reads.events.Take(c.r.Context(), c.project, 0)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	return c.Storage.Events().Open(c.r.Context(), in.Identity, c.event)
}

// showWhole answers with an event, and with its body as it is read.
func (c *call) showWhole(e adminapi.Event, header http.Header, body storage.Body) error {
	if header == nil {
		header = http.Header{}
	}
	text, err := encode(adminapi.WholeEvent{Event: e, Headers: header})
	if err != nil {
		return err
	}
	head := append(bytes.TrimSuffix(text, []byte("null}\n")), '"')
	const tail = "\"}\n"
	c.head(int64(len(head)) + encodedSize(body.Size()) + int64(len(tail)))
	if _, err := c.out.Write(head); err != nil {
		return err
	}
	encoder := base64.NewEncoder(base64.StdEncoding, &c.out)
	if _, err := io.CopyBuffer(encoder, body, make([]byte, bodyChunk)); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(&c.out, tail)
	return err
}

// bodyChunk is how many bytes of a body are encoded at once: a multiple of
// three.
const bodyChunk = 24 << 10

// encodedSize is the size of n bytes in base64.
func encodedSize(n int64) int64 { return (n + 2) / 3 * 4 }

// getDamaged answers with what a list knows about an event whose record cannot
// be read.
func (c *call) getDamaged(in *integration.Integration) error {
	record, err := c.listed(in, c.event)
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, adminapi.WholeEvent{Event: describe(in, record), Damaged: true})
	return nil
}

// listed returns what a list knows about an event.
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

// successor returns the next ID. That of the last one is zero, which everything
// precedes.
func successor(id storage.ID) storage.ID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			break
		}
	}
	return id
}

// damaged reports whether the error concerns only the event: its record cannot
// be read, but the storage can.
func damaged(err error) bool {
	return errors.Is(err, storage.ErrCorrupt) && !errors.Is(err, storage.ErrUnavailable)
}

func (c *call) tellDamaged(in *integration.Integration, id storage.ID, cause error) {
	c.Logger.Warn("an event is damaged", zap.String("webhook_id", in.WebhookID), zap.Stringer("event_id", id), zap.Error(cause))
}
