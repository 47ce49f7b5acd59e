package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/module/storage"
)

// gauge is a number of each open engine, read when it is scraped.
type gauge struct {
	desc *prometheus.Desc
	// read is false where the storage does not know the number.
	read reading
	// join makes one number of those of two engines.
	join func(a, b float64) float64
}

type reading func(*admin.Holdings) (float64, bool)

func newGauge(name, help string, join func(a, b float64) float64, read reading) gauge {
	return gauge{prometheus.NewDesc("caddy_webhooks_"+name, help, nil, nil), read, join}
}

// always reads what every engine has.
func always(read func(*admin.Holdings) float64) reading {
	return func(h *admin.Holdings) (float64, bool) { return read(h), true }
}

// of reads a part of the holdings that a storage may lack.
func of[T any](part func(*admin.Holdings) *T, read func(*T) float64) reading {
	return func(h *admin.Holdings) (float64, bool) {
		if p := part(h); p != nil {
			return read(p), true
		}
		return 0, false
	}
}

func usage(h *admin.Holdings) *storage.Usage             { return h.Usage }
func limits(h *admin.Holdings) *storage.Limits           { return h.Limits }
func disk(h *admin.Holdings) *storage.Disk               { return h.Disk }
func stored(h *admin.Holdings) *storage.IntegrationUsage { return h.Stored }
func clockJump(h *admin.Holdings) *time.Duration         { return h.ClockJump }

func sum(a, b float64) float64     { return a + b }
func largest(a, b float64) float64 { return max(a, b) }
func least(a, b float64) float64   { return min(a, b) }

var gauges = []gauge{
	newGauge("events_pending", "Events that wait for their trigger.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.Counts.Pending) })),
	newGauge("events_pending_limit", "How many events may wait for their trigger.", sum,
		of(limits, func(l *storage.Limits) float64 { return float64(l.Backlog) })),
	newGauge("events_pending_bytes", "Bytes of the events that wait for their trigger, as stored.", sum,
		of(usage, func(u *storage.Usage) float64 { return float64(u.PendingBytes) })),
	newGauge("events_failed", "Events that have failed for good and are kept.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.Counts.Failed) })),
	newGauge("events_stored", "Events that are kept, whatever has become of them.", sum,
		of(usage, func(u *storage.Usage) float64 { return float64(u.Events) })),
	newGauge("oldest_pending_seconds", "Age of the oldest event that waits for its trigger.", largest,
		always(func(h *admin.Holdings) float64 { return h.OldestPending().Seconds() })),
	newGauge("integrations", "Integrations that are stored; those that are declared do not count.", sum,
		of(stored, func(u *storage.IntegrationUsage) float64 { return float64(u.Integrations) })),
	newGauge("reserved_ids", "Webhook IDs that deleted integrations reserve.", sum,
		of(stored, func(u *storage.IntegrationUsage) float64 { return float64(u.ReservedIDs) })),
	newGauge("integration_events_largest", "Events of the integration that holds most bytes.", largest,
		of(usage, func(u *storage.Usage) float64 { return float64(u.Largest.Events) })),
	newGauge("integration_events_limit", "How many events of one integration are kept.", largest,
		of(limits, func(l *storage.Limits) float64 { return float64(l.Events) })),
	newGauge("disk_bytes", "Bytes that the events take with their index.", sum,
		of(usage, func(u *storage.Usage) float64 { return float64(u.DiskBytes) })),
	newGauge("disk_limit_bytes", "Bytes that the events may take with their index.", sum,
		of(limits, func(l *storage.Limits) float64 { return float64(l.Disk) })),
	newGauge("disk_free_bytes", "Free bytes of the disk that the events lie on.", least,
		of(disk, func(d *storage.Disk) float64 { return float64(d.FreeBytes) })),
	newGauge("store_failed_timestamp_seconds", "When a write or a sync of the store last failed; 0 while none has.", largest,
		always(func(h *admin.Holdings) float64 { return float64(max(0, h.Health.FailedAt.Unix())) })),
	newGauge("in_flight_bytes", "Bytes of bodies that are being received and stored.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.InFlight) })),
	newGauge("in_flight_limit_bytes", "Bytes of bodies that may be received and stored at a time.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.InFlightLimit) })),
	newGauge("attempts_in_flight", "Attempts to run a trigger that are under way, but for those set aside.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.Attempts) })),
	newGauge("attempts_aside", "Attempts to run a trigger that are late and set aside, so that they hold nothing up.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.Aside) })),
	newGauge("attempts_in_flight_limit", "How many attempts to run a trigger may be under way.", sum,
		always(func(h *admin.Holdings) float64 { return float64(h.AttemptsLimit) })),
	newGauge("clock_jump_seconds", "The last jump of the wall clock, backward if negative; 0 without one.", sum,
		of(clockJump, func(jump *time.Duration) float64 { return jump.Seconds() })),
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
	circuits := make(map[string]adminapi.OpenCircuits)
	var delivered, failed uint64
	for i := range open {
		state := open[i].Health.State
		if !slices.Contains(storeStates, state) {
			state = "other"
		}
		states[state]++
		if usage := open[i].Usage; usage != nil {
			delivered += usage.PurgedDelivered
			failed += usage.PurgedFailed
		}
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
		if value, known := g.of(open); known {
			metrics <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value)
		}
	}
}

// of joins what the engines have; without any it is 0. It is false where engines are
// open and none of them knows.
func (g *gauge) of(open []admin.Holdings) (value float64, known bool) {
	for i := range open {
		switch next, ok := g.read(&open[i]); {
		case !ok:
		case known:
			value = g.join(value, next)
		default:
			value, known = next, true
		}
	}
	return value, known || len(open) == 0
}

// countWait bounds the wait for the count of integrations after a start.
const countWait = 500 * time.Millisecond

// storedIntegrations is what all projects have stored, nothing while that is not
// counted yet; nil where the storage does not count them.
func (e *engine) storedIntegrations() *storage.IntegrationUsage {
	meter, ok := e.backend.Integrations().(storage.IntegrationMeter)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), countWait)
	defer cancel()
	usage, _ := meter.Usage(ctx, "") // zero after an error
	return &usage
}

// holdings is what the engine keeps now, beside its bounds.
func (e *engine) holdings() admin.Holdings {
	events := e.backend.Events()
	held := admin.Holdings{
		Health:        e.backend.Health(),
		Counts:        events.Counts(),
		InFlight:      e.flight.Used(),
		InFlightLimit: e.flight.Limit(),
		Now:           time.Now(),
	}
	if meter, ok := events.(storage.Meter); ok {
		usage := meter.Usage()
		held.Usage = &usage
	}
	if meter, ok := e.backend.(storage.DiskMeter); ok {
		disk := meter.Disk()
		held.Disk = &disk
	}
	if watcher, ok := e.backend.(storage.ClockWatcher); ok {
		jump := watcher.ClockJump()
		held.ClockJump = &jump
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
	held.AttemptsLimit = e.attempts
	if _, ok := events.(storage.Limiter); ok {
		limits := e.limits
		held.Limits = &limits
	}
	return held
}

// triggers is the state of the triggers, for the status page.
func (e *engine) triggers() []adminapi.Trigger {
	var all []adminapi.Trigger
	for _, s := range e.dispatcher.Status() {
		all = append(all, adminapi.Trigger{
			ResourceType: s.ResourceType, State: s.State, InFlight: s.InFlight, Aside: s.Aside,
			Open: adminapi.OpenCircuits{Projects: s.OpenProjects, Resources: s.OpenResources},
		})
	}
	return all
}

// Interface guard
var _ prometheus.Collector = (*Pool)(nil)
