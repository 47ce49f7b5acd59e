package retention

import (
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// Usage returns everything that limits bound, except the disk.
func (t *Tallies) Usage() (usage storage.Usage) {
	all, pending := t.all.total(), t.all[state.PendingCode]
	usage.Counted = t.Counted()
	usage.Events, usage.Bytes = all.Events, all.Bytes
	usage.PendingEvents, usage.PendingBytes = pending.Events, pending.Bytes
	usage.PurgedDelivered, usage.PurgedFailed = uint64(t.purged[state.DeliveredCode].Events), uint64(t.purged[state.FailedCode].Events)
	if identity, of := t.largest(func(storage.Identity, *tally) bool { return true }); of != nil {
		total := of.total()
		usage.Largest = storage.Share{
			Integration: identity, WebhookID: of.webhookID, Project: of.project, Events: total.Events, Bytes: total.Bytes,
		}
	}
	return usage
}
