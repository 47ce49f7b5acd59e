package gate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// TestLimits: whoever is refused for lack of room is told which room it is,
// and when to come back.
func TestLimits(t *testing.T) {
	reached := func(limit string) func(*backend) {
		return func(b *backend) { b.log.fail = fmt.Errorf("CANARY: %w", &storage.LimitError{Limit: limit}) }
	}
	inFlight := func(integration storage.Identity, client string, bytes int64) func(*backend) {
		return func(b *backend) {
			b.flight.SetLimit(1000)
			other := &lease{flight: b.flight, identity: integration, client: client}
			other.take(bytes)
			t.Cleanup(other.release)
		}
	}
	tests := []struct {
		reason string
		set    func(*backend)
		says   string
	}{
		{"limit_disk", reached(storage.LimitDisk), "disk space for events is"},
		{"limit_backlog", reached(storage.LimitBacklog), "backlog of events"},
		{"limit_integration_backlog", reached(storage.LimitIntegrationBacklog), "backlog of this integration is"},
		{"limit_integration_disk", reached(storage.LimitIntegrationDisk), "disk space for events of this integration is"},
		{"limit_integration_events", reached(storage.LimitIntegrationEvents), "as many events"},
		{"limit_project_backlog", reached(storage.LimitProjectBacklog), "backlog of this integration's project"},
		{"limit_project_disk", reached(storage.LimitProjectDisk), "disk space for events of this integration's project"},
		{"limit_in_flight", inFlight(storage.Identity{9}, "elsewhere", 1000), "being received."},
		{"limit_integration_in_flight", inFlight(storage.Identity{1}, "elsewhere", 501), "for this integration"},
		{"limit_client_in_flight", inFlight(storage.Identity{9}, "127.0.0.1", 501), "from this address"},
		{"store_unavailable", reached("moon"), "disk is full or fails"},
		{"store_unavailable", func(b *backend) { b.log.fail = storage.ErrUnavailable }, "disk is full or fails"},
		{"no_trigger", func(b *backend) { b.types = nil }, "Nothing is set up"},
	}
	answers := map[string]bool{}
	for _, test := range tests {
		t.Run(test.reason, func(t *testing.T) {
			b := newBackend(t, github())
			test.set(b)
			s := serve(t, b, New(Settings{}))
			s.flown = b.flight.Used()
			got := s.post(t, "/webhooks/hook", signed("push", "d-1", push), push)
			if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, test.says) || strings.Contains(got.body, "CANARY") {
				t.Errorf("got %+v", got)
			}
			checkProblem(t, got)
			if seen := s.lastSeen(t, 1); seen.Reason != test.reason || seen.Outcome != Unavailable {
				t.Errorf("seen %q, %q", seen.Outcome, seen.Reason)
			}
			answers[got.body] = true
		})
	}
	if len(answers) != len(tests)-1 {
		t.Errorf("%d refusals have %d answers", len(tests), len(answers))
	}
}
