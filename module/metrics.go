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
	attempts *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newCollectors() metrics {
	const namespace, subsystem = "caddy", "webhooks"
	return metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "requests_total",
			Help: "Requests at the edge by their outcome.",
		}, []string{"outcome"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "attempts_total",
			Help: "Attempts to run a trigger by their outcome: delivered or an error code.",
		}, []string{"resource_type", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "attempt_duration_seconds",
			Help:    "Duration of the attempts to run a trigger.",
			Buckets: []float64{.005, .025, .1, .5, 1, 5, 15, 60},
		}, []string{"resource_type"}),
	}
}

// register adds the collectors to a configuration's registry. That they are
// there already is no error.
func (m metrics) register(registry *prometheus.Registry) error {
	for _, collector := range []prometheus.Collector{m.requests, m.attempts, m.duration, pending} {
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(collector); err != nil && !errors.As(err, &already) {
			return err
		}
	}
	return nil
}

func (m metrics) request(seen gate.Seen) {
	m.requests.WithLabelValues(string(seen.Outcome)).Inc()
}

// attempt counts an attempt; outcome is "delivered" or an error code.
func (m metrics) attempt(resourceType, outcome string, took time.Duration) {
	m.attempts.WithLabelValues(resourceType, outcome).Inc()
	m.duration.WithLabelValues(resourceType).Observe(took.Seconds())
}

// pending reads the open gateways when it is scraped.
var pending prometheus.Collector = eventsCollector{
	pending: prometheus.NewDesc("caddy_webhooks_events_pending", "Events that wait for their trigger.", nil, nil),
	failed:  prometheus.NewDesc("caddy_webhooks_events_failed", "Events that have failed for good and are kept.", nil, nil),
}

type eventsCollector struct{ pending, failed *prometheus.Desc }

func (c eventsCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- c.pending
	descriptions <- c.failed
}

func (c eventsCollector) Collect(metrics chan<- prometheus.Metric) {
	var waiting, failed int
	gateways.Range(func(_, value any) bool {
		counts := value.(*gateway).backend.Events().Counts()
		waiting += counts.Pending
		failed += counts.Failed
		return true
	})
	metrics <- prometheus.MustNewConstMetric(c.pending, prometheus.GaugeValue, float64(waiting))
	metrics <- prometheus.MustNewConstMetric(c.failed, prometheus.GaugeValue, float64(failed))
}
