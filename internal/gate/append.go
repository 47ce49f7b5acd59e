package gate

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/storage"
)

// append stores the event, once for each resource. Its answer is given once
// that is durable.
func (v *visit) append() *answer {
	it := v.route.Integration
	if !v.served() {
		return v.refuse(noTrigger, "no_trigger")
	}
	resources := it.Resources
	v.event = storage.Event{
		Integration:  it.Identity,
		WebhookID:    it.WebhookID,
		Project:      it.Project,
		Alias:        it.Alias,
		Type:         v.content.message.Type,
		DeliveryID:   v.content.message.DeliveryID,
		ResourceType: resources[0].Type,
		ResourceID:   resources[0].ID,
		Header:       v.storedHeader(),
		Body:         v.payload,
	}
	if v.route.provider != nil {
		v.event.Provider = v.route.provider.Name()
	}
	if it.ManagedBy != integration.ManagedByConfig { // otherwise the storage has nothing that changes
		v.event.Revision = it.Revision
	}
	// The sender may have disconnected by now, and may never send the event again.
	ctx := within(v.r.Context(), appendWait)
	defer ctx.finish()
	if it.Unused {
		v.config.Integrations.Use(ctx, it)
	}
	id, outcome, err := v.config.Events.Append(ctx, &v.event, v.dedupe(), resources[1:]...)
	switch {
	case errors.Is(err, storage.ErrStale):
		return stale
	case errors.Is(err, storage.ErrNotFound): // it was deleted meanwhile
		return v.refuse(notFound, "unknown")
	case err != nil:
		return v.refuseEvent(err)
	}
	v.seen.EventID = id.String()
	switch outcome {
	case storage.Duplicate:
		return v.answerJSON(Duplicate, http.StatusOK, "duplicate", "id", v.seen.EventID)
	case storage.Requeued:
		return v.answerJSON(Requeued, v.accepted(), "accepted", "id", v.seen.EventID)
	}
	return v.answerJSON(Accepted, v.accepted(), "accepted", "id", v.seen.EventID)
}

// appendWait is how long the storage may take: GitHub hangs up after 10 seconds, and
// other senders later.
const appendWait = 8 * time.Second

// stale means no answer yet: the integration has changed since the request was
// judged by it.
var stale = new(answer)

// served reports whether there is a resource, and a trigger for each.
func (v *visit) served() bool {
	resources := v.route.Integration.Resources
	for i := range resources {
		if !v.config.Serves(resources[i].Type) {
			return false
		}
	}
	return len(resources) > 0
}

// accepted is the status for an accepted event.
func (v *visit) accepted() int {
	if p := v.route.provider; p != nil && p.Status() != 0 {
		return p.Status()
	}
	return http.StatusAccepted
}

// refuseEvent answers for an event that the store refuses.
func (v *visit) refuseEvent(err error) *answer {
	var reached *storage.LimitError
	if errors.As(err, &reached) {
		if a := limited[reached.Limit]; a != nil {
			return v.refuse(a, "limit_"+reached.Limit)
		}
	}
	if errors.Is(err, storage.ErrUncertain) {
		return v.refuse(storeUnavailable, "store_uncertain")
	}
	return v.refuse(storeUnavailable, "store_unavailable")
}

// maxStored bounds the value of a stored header, in bytes.
const maxStored = 1 << 10

// storedHeader builds a header without allocating for each value. The map is
// reused, and grows only as far as necessary: clearing it costs as much as its
// capacity.
type storedHeader struct {
	fields http.Header
	values [24]string
	used   int
}

func (h *storedHeader) reset() {
	clear(h.fields)
	clear(h.values[:h.used])
	h.used = 0
}

func (h *storedHeader) set(name, value string) {
	if h.fields == nil {
		h.fields = make(http.Header)
	}
	if _, found := h.fields[name]; found || h.used == len(h.values) {
		return
	}
	at := h.used
	h.values[at] = value
	h.fields[name] = h.values[at : at+1 : at+1]
	h.used++
}

// storedHeader returns the headers kept with the event: those that describe it,
// and no secrets. They are collected once, even if an expression uses them
// earlier.
func (v *visit) storedHeader() http.Header {
	if v.header.used > 0 {
		return v.header.fields
	}
	if v.content.form {
		v.header.set("Content-Type", "application/json")
	}
	for _, name := range v.content.provider.KeptHeaders() {
		values := v.r.Header[name]
		if len(values) == 0 || len(values[0]) > maxStored || !syntax.IsPrintable(values[0]) ||
			v.route.isSecret(values[0]) || slices.Contains(v.route.strip, name) {
			continue
		}
		v.header.set(name, values[0])
	}
	return v.header.fields
}
