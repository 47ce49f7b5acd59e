package module

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/module/trigger"
)

// TestUnknownCodes counts the error codes of a third party's trigger as one
// outcome: a label value for each would be without bound.
func TestUnknownCodes(t *testing.T) {
	m := newCollectors()
	m.prepare([]string{"desk"}, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.attempts)
	gather := func() map[string]float64 {
		families, err := registry.Gather()
		if err != nil || len(families) != 1 {
			t.Fatal(families, err)
		}
		counts := make(map[string]float64)
		for _, metric := range families[0].GetMetric() {
			for _, label := range metric.GetLabel() {
				if label.GetName() == "outcome" {
					counts[label.GetValue()] = metric.GetCounter().GetValue()
				}
			}
		}
		return counts
	}
	before := gather()
	for _, code := range []string{"queue_full", "another", "", "Delivered", trigger.ErrTimeout, delivered} {
		m.attempt("desk", code, time.Second)
	}
	after := gather()
	for outcome, want := range map[string]float64{other: 4, trigger.ErrTimeout: 1, delivered: 1, trigger.ErrDNS: 0} {
		if after[outcome] != want {
			t.Errorf("%s: %v, want %v", outcome, after[outcome], want)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d series before, %d after", len(before), len(after))
	}
}
