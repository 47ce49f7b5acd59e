package module

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/gateway"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/trigger"
)

// collectors belong to the process: each configuration registers them in its own
// registry, and their counts survive a reload. Label values come from the configuration
// or from a fixed list, never from a request, and each counter exists from the start
// with 0: increase() does not see the first event of a counter that appears with it.
var collectors = newCollectors()

// gateways holds the open storages and their engines, which survive reloads.
var gateways = gateway.NewPool(gateway.Observer{Attempt: collectors.attempt, Fetch: collectors.fetch})

type metrics struct {
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	attempts *prometheus.CounterVec
	duration *prometheus.HistogramVec
	fetches  *prometheus.CounterVec

	outcomes map[gate.Outcome]prometheus.Counter
	reasons  map[string]prometheus.Counter
}

// other is the label for values without a name here, such as the codes of a third
// party's trigger.
const other = "other"

func newCollectors() metrics {
	const namespace, subsystem = "caddy", "webhooks"
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_total",
			Help: "Requests at the edge by their outcome.",
		}, []string{"outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "refusals_total",
			Help: "Requests that the edge refused, by the reason; limit_... names a limit that was reached.",
		}, []string{"reason"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "attempts_total",
			Help: "Attempts to run a trigger by their outcome: delivered or an error code.",
		}, []string{"resource_type", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "attempt_duration_seconds",
			Help:    "Duration of the attempts to run a trigger.",
			Buckets: []float64{.005, .025, .1, .5, 1, 5, 15, 60},
		}, []string{"resource_type"}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "key_fetches_total",
			Help: "Fetches of senders' keys by their outcome: fetched or an error code.",
		}, []string{"source", "outcome"}),
		outcomes: make(map[gate.Outcome]prometheus.Counter),
		reasons:  make(map[string]prometheus.Counter),
	}
	for _, outcome := range gate.Outcomes() {
		m.outcomes[outcome] = m.requests.WithLabelValues(string(outcome))
	}
	for _, reason := range append(gate.Reasons(), other) {
		m.reasons[reason] = m.refusals.WithLabelValues(reason)
	}
	return m
}

// prepare creates the counters for what a configuration names.
func (m metrics) prepare(resourceTypes, sources []string) {
	for _, resourceType := range resourceTypes {
		m.duration.WithLabelValues(resourceType)
		for _, outcome := range append(trigger.ErrorCodes(), delivered, other) {
			m.attempts.WithLabelValues(resourceType, outcome)
		}
	}
	for _, source := range sources {
		for _, outcome := range append(remotekey.FailureCodes(), fetched) {
			m.fetches.WithLabelValues(source, outcome)
		}
	}
}

// register adds the collectors to a configuration's registry, unless they are there
// already.
func (m metrics) register(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{m.requests, m.refusals, m.attempts, m.duration, m.fetches, gateways} {
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(collector); err != nil && !errors.As(err, &already) {
			return err
		}
	}
	return nil
}

func (m metrics) request(seen gate.Seen) {
	if counter := m.outcomes[seen.Outcome]; counter != nil {
		counter.Inc()
	}
	if seen.Reason == "" {
		return
	}
	counter := m.reasons[seen.Reason]
	if counter == nil {
		counter = m.reasons[other]
	}
	counter.Inc()
}

// The outcomes other than error codes.
const (
	delivered = "delivered"
	fetched   = "fetched"
)

// attempt counts an attempt; outcome is "delivered" or an error code.
func (m metrics) attempt(resourceType, outcome string, took time.Duration) {
	if outcome != delivered && !slices.Contains(trigger.ErrorCodes(), outcome) {
		outcome = other
	}
	m.attempts.WithLabelValues(resourceType, outcome).Inc()
	m.duration.WithLabelValues(resourceType).Observe(took.Seconds())
}

// fetch counts a fetch of keys; code is "" for a success.
func (m metrics) fetch(source, code string) {
	m.fetches.WithLabelValues(source, cmp.Or(code, fetched)).Inc()
}
