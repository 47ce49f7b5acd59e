package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/module/storage"
)

// scrape returns the metrics of a pool as they are scraped: those with labels by
// their names and the labels' values.
func scrape(t *testing.T, p *Pool) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(p); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := strings.TrimPrefix(family.GetName(), "caddy_webhooks_")
			for _, label := range m.GetLabel() { // sorted by their names
				name += " " + label.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

// expect holds the metrics against those named.
func expect(t *testing.T, p *Pool, want map[string]float64) {
	t.Helper()
	got := scrape(t, p)
	for name, value := range want {
		if have, found := got[name]; !found || have != value {
			t.Errorf("%s: %v, %v; want %v", name, have, found, value)
		}
	}
}

func TestGauges(t *testing.T) {
	b := newBench(t)
	expect(t, b.pool, map[string]float64{
		"events_pending": 0, "store_state ok": 0, "store_state other": 0, "events_purged_total delivered": 0, "disk_limit_bytes": 0,
	})
	if got := scrape(t, b.pool); slices.ContainsFunc(slices.Collect(maps.Keys(got)), func(name string) bool { return strings.HasPrefix(name, "trigger_up") }) {
		t.Errorf("triggers of nothing: %v", got)
	}

	d := newDesk("ticket", "run")
	b.drive.wrap = func(o *opened) { o.health.State = "odd" }
	c := b.start(b.settings(d), form("hook"))
	accept(t, c, "hook", "one")
	d.want(t, "one")
	oneStore := map[string]float64{
		"store_state ok": 0, "store_state other": 1, "events_stored": 1, "events_pending_limit": 1000, "integration_events_limit": 1000,
		"disk_limit_bytes": 64 << 20, "in_flight_bytes": 0, "in_flight_limit_bytes": 1 << 20, "attempts_in_flight_limit": 8, "reserved_ids": 0,
		"integrations": 0, "trigger_up ticket": 1, "trigger_up run": 1, "circuits_open project ticket": 0, "circuits_open resource ticket": 0,
		"store_failed_timestamp_seconds": 0, "clock_jump_seconds": 5, "disk_free_bytes": 100,
	}
	polltest.Until(t, "the event is counted as delivered", func() bool { return scrape(t, b.pool)["events_pending"] == 0 })
	expect(t, b.pool, oneStore)

	// Two storages are added up, or the more telling one is shown.
	down := newDesk("ticket")
	down.unreached.Store(true)
	settings := b.settings(down)
	other := newDrive(t)
	other.wrap = func(o *opened) {
		o.health.FailedAt = time.Unix(1764000000, 0)
		o.disk.FreeBytes, o.jump = 50, -time.Second
	}
	settings.Storage = other.with("plain")
	settings.EventLimits.Events, settings.Concurrency.Total = 5000, 4
	two := b.start(settings, form("hook"))
	for n := range 30 {
		accept(t, two, "hook", fmt.Sprint("waits ", n))
	}
	polltest.Until(t, "the circuit opens", func() bool { return scrape(t, b.pool)["trigger_up ticket"] == 0 })
	expect(t, b.pool, map[string]float64{
		"store_state ok": 1, "store_state other": 1, "events_stored": 31, "events_pending": 30, "events_pending_limit": 2000,
		"integration_events_limit": 5000, "integration_events_largest": 30, "disk_limit_bytes": 128 << 20, "in_flight_limit_bytes": 2 << 20,
		"attempts_in_flight_limit": 12, "trigger_up run": 1, "store_failed_timestamp_seconds": 1764000000, "disk_free_bytes": 50, "clock_jump_seconds": 4,
	})
	if age := scrape(t, b.pool)["oldest_pending_seconds"]; age < 0 || age > patience.Seconds() {
		t.Errorf("the oldest event waits for %v seconds", age)
	}
	end(t, two)
	expect(t, b.pool, oneStore)
	end(t, c)
	expect(t, b.pool, map[string]float64{"store_state other": 0, "events_stored": 0, "disk_limit_bytes": 0})
}

// What a storage does not know is not shown, and its want of limits is told.
func TestStorageThatLacksAbilities(t *testing.T) {
	b := newBench(t)
	b.drive.wrap = func(o *opened) { o.events, o.integrations = bareEvents{o.events}, bareIntegrations{o.integrations} }
	c := b.start(b.settings(newDesk("ticket")), form("hook"))
	got := scrape(t, b.pool)
	for _, name := range []string{"events_stored", "events_pending_limit", "integrations"} {
		if value, found := got[name]; found {
			t.Errorf("%s is %v", name, value)
		}
	}
	if b.told("the storage does not support limits on events: the configured ones are ignored") != 1 ||
		b.told("the storage does not support limits on integrations: the configured ones are ignored") != 1 {
		t.Error("the log does not tell of it")
	}
	end(t, c)
}

// bareEvents and bareIntegrations have no ability that is optional.
type (
	bareEvents       struct{ storage.Events }
	bareIntegrations struct{ storage.Integrations }
)
