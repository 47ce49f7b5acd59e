package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/module/storage"
)

// gauge is a number of each open engine that is read when it is scraped.
type gauge struct {
	desc *prometheus.Desc
	read func(*admin.Holdings) float64
	// join makes one number of those of two engines.
	join func(a, b float64) float64
}

func newGauge(name, help string, join func(a, b float64) float64, read func(*admin.Holdings) float64) gauge {
	return gauge{prometheus.NewDesc("caddy_webhooks_"+name, help, nil, nil), read, join}
}

func sum(a, b float64) float64     { return a + b }
func largest(a, b float64) float64 { return max(a, b) }
func least(a, b float64) float64   { return min(a, b) }

var gauges = []gauge{
	newGauge("events_pending", "Events that wait for their trigger.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Counts.Pending) }),
	newGauge("events_pending_limit", "How many events may wait for their trigger.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Limits.Backlog) }),
	newGauge("events_pending_bytes", "Bytes of the events that wait for their trigger, as stored.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Usage.PendingBytes) }),
	newGauge("events_failed", "Events that have failed for good and are kept.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Counts.Failed) }),
	newGauge("events_stored", "Events that are kept, whatever has become of them.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Usage.Events) }),
	newGauge("oldest_pending_seconds", "Age of the oldest event that waits for its trigger.", largest,
		func(h *admin.Holdings) float64 { return h.OldestPending().Seconds() }),
	newGauge("integrations", "Integrations that are stored; those that are declared do not count.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Stored.Integrations) }),
	newGauge("reserved_ids", "Webhook IDs that deleted integrations reserve.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Stored.ReservedIDs) }),
	newGauge("integration_events_largest", "Events of the integration that holds most bytes.", largest,
		func(h *admin.Holdings) float64 { return float64(h.Usage.Largest.Events) }),
	newGauge("integration_events_limit", "How many events of one integration are kept.", largest,
		func(h *admin.Holdings) float64 { return float64(h.Limits.Events) }),
	newGauge("disk_bytes", "Bytes that the events take with their index.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Usage.DiskBytes) }),
	newGauge("disk_limit_bytes", "Bytes that the events may take with their index.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Limits.Disk) }),
	newGauge("disk_free_bytes", "Free bytes of the disk that the events lie on.", least,
		func(h *admin.Holdings) float64 { return float64(h.Health.DiskFreeBytes) }),
	newGauge("store_failed_timestamp_seconds", "When a write or a sync of the store last failed; 0 while none has.", largest,
		func(h *admin.Holdings) float64 { return float64(max(0, h.Health.FailedAt.Unix())) }),
	newGauge("in_flight_bytes", "Bytes of bodies that are being received and stored.", sum,
		func(h *admin.Holdings) float64 { return float64(h.InFlight) }),
	newGauge("in_flight_limit_bytes", "Bytes of bodies that may be received and stored at a time.", sum,
		func(h *admin.Holdings) float64 { return float64(h.InFlightLimit) }),
	newGauge("attempts_in_flight", "Attempts to run a trigger that are under way, but for those set aside.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Attempts) }),
	newGauge("attempts_aside", "Attempts to run a trigger that are late and set aside, so that they hold nothing up.", sum,
		func(h *admin.Holdings) float64 { return float64(h.Aside) }),
	newGauge("attempts_in_flight_limit", "How many attempts to run a trigger may be under way.", sum,
		func(h *admin.Holdings) float64 { return float64(h.AttemptsLimit) }),
	newGauge("clock_jump_seconds", "The last jump of the wall clock, backward if negative; 0 without one.", sum,
		func(h *admin.Holdings) float64 { return h.Usage.ClockJump.Seconds() }),
}

var (
	purgedDesc = prometheus.NewDesc("caddy_webhooks_events_purged_total",
		"Finished events that were purged since the store was opened.", []string{"status"}, nil)
	triggerDesc = prometheus.NewDesc("caddy_webhooks_trigger_up",
		"1 while the circuit of the trigger's endpoint is closed: it takes events. 0 while it is open or being probed.", []string{"resource_type"}, nil)
	circuitsDesc = prometheus.NewDesc("caddy_webhooks_circuits_open",
		"Projects or resources whose circuit for the trigger is open or being probed.", []string{"resource_type", "of"}, nil)
	stateDesc = prometheus.NewDesc("caddy_webhooks_store_state",
		"Open stores that are in the state. None is open while it is 0 for all.", []string{"state"}, nil)

	// storeStates are those of the metric; a storage may have words of its own.
	storeStates = []string{"ok", "full", "failed", "corrupt", "closed", "other"}
)

// Describe implements prometheus.Collector.
func (*Pool) Describe(descriptions chan<- *prometheus.Desc) {
	for _, g := range gauges {
		descriptions <- g.desc
	}
	descriptions <- purgedDesc
	descriptions <- triggerDesc
	descriptions <- circuitsDesc
	descriptions <- stateDesc
}

// Collect implements prometheus.Collector. It shows the engines that are open. As a
// rule that is one; while the store of an earlier configuration drains there are
// two, and what they hold and may hold is added up.
func (p *Pool) Collect(metrics chan<- prometheus.Metric) {
	var open []admin.Holdings
	for _, e := range p.engines() {
		open = append(open, e.holdings())
	}
	states := make(map[string]int)
	up := make(map[string]float64)
	circuits := make(map[string]admin.OpenCircuits)
	var delivered, failed uint64
	for i := range open {
		state := open[i].Health.State
		if !slices.Contains(storeStates, state) {
			state = "other"
		}
		states[state]++
		delivered += open[i].Usage.PurgedDelivered
		failed += open[i].Usage.PurgedFailed
		for _, t := range open[i].Triggers {
			if _, found := up[t.ResourceType]; !found {
				up[t.ResourceType] = 1
			}
			if t.State != "closed" {
				up[t.ResourceType] = 0
			}
			all := circuits[t.ResourceType]
			all.Projects += t.Open.Projects
			all.Resources += t.Open.Resources
			circuits[t.ResourceType] = all
		}
	}
	for resourceType, value := range up {
		metrics <- prometheus.MustNewConstMetric(triggerDesc, prometheus.GaugeValue, value, resourceType)
		open := circuits[resourceType]
		metrics <- prometheus.MustNewConstMetric(circuitsDesc, prometheus.GaugeValue, float64(open.Projects), resourceType, "project")
		metrics <- prometheus.MustNewConstMetric(circuitsDesc, prometheus.GaugeValue, float64(open.Resources), resourceType, "resource")
	}
	for _, state := range storeStates {
		metrics <- prometheus.MustNewConstMetric(stateDesc, prometheus.GaugeValue, float64(states[state]), state)
	}
	metrics <- prometheus.MustNewConstMetric(purgedDesc, prometheus.CounterValue, float64(delivered), "delivered")
	metrics <- prometheus.MustNewConstMetric(purgedDesc, prometheus.CounterValue, float64(failed), "failed")
	for _, g := range gauges {
		var value float64
		for i := range open {
			if i == 0 {
				value = g.read(&open[i])
			} else {
				value = g.join(value, g.read(&open[i]))
			}
		}
		metrics <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value)
	}
}

// countWait is how long it is waited for integrations to be counted after a start.
const countWait = 500 * time.Millisecond

// storedIntegrations is what all projects have stored, nothing while that is not
// counted yet.
func (e *engine) storedIntegrations() storage.IntegrationUsage {
	ctx, cancel := context.WithTimeout(context.Background(), countWait)
	defer cancel()
	usage, _ := e.backend.Integrations().Usage(ctx, "") // zero after an error
	return usage
}

// holdings is what the engine keeps now, beside its bounds.
func (e *engine) holdings() admin.Holdings {
	events := e.backend.Events()
	held := admin.Holdings{
		Health:        e.backend.Health(),
		Counts:        events.Counts(),
		Usage:         events.Usage(),
		InFlight:      e.flight.Used(),
		InFlightLimit: e.flight.Limit(),
		Now:           time.Now(),
	}
	held.Stored = e.storedIntegrations()
	held.Triggers = e.triggers()
	held.Sources = e.sources.list()
	for _, t := range held.Triggers {
		held.Attempts += t.InFlight - t.Aside
		held.Aside += t.Aside
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	held.Limits, held.AttemptsLimit = e.limits, e.attempts
	return held
}

// triggers is the state of the triggers, for the status page.
func (e *engine) triggers() []admin.Trigger {
	var all []admin.Trigger
	for _, s := range e.dispatcher.Status() {
		all = append(all, admin.Trigger{
			ResourceType: s.ResourceType, State: s.State, InFlight: s.InFlight, Aside: s.Aside,
			Open: admin.OpenCircuits{Projects: s.OpenProjects, Resources: s.OpenResources},
		})
	}
	return all
}

// Interface guard
var _ prometheus.Collector = (*Pool)(nil)
