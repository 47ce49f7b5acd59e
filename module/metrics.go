package module

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/internal/gate"
)

// collectors are the process's: each configuration registers them in its own
// registry, and what they counted survives a reload. Label values come from
// the configuration or from a fixed list, never from a request.
var collectors = newCollectors()

type metrics struct {
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	attempts *prometheus.CounterVec
	duration *prometheus.HistogramVec
	fetches  *prometheus.CounterVec
}

func newCollectors() metrics {
	const namespace, subsystem = "caddy", "webhooks"
	return metrics{
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
	}
}

// register adds the collectors to a configuration's registry. That they are
// there already is no error.
func (m metrics) register(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{m.requests, m.refusals, m.attempts, m.duration, m.fetches, storeCollector{}} {
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(collector); err != nil && !errors.As(err, &already) {
			return err
		}
	}
	return nil
}

func (m metrics) request(seen gate.Seen) {
	m.requests.WithLabelValues(string(seen.Outcome)).Inc()
	if seen.Reason != "" {
		m.refusals.WithLabelValues(seen.Reason).Inc()
	}
}

// attempt counts an attempt; outcome is "delivered" or an error code.
func (m metrics) attempt(resourceType, outcome string, took time.Duration) {
	m.attempts.WithLabelValues(resourceType, outcome).Inc()
	m.duration.WithLabelValues(resourceType).Observe(took.Seconds())
}
