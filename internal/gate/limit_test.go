package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// TestLimits: whoever is refused for lack of room is told which room it is,
// and when to come back.
func TestLimits(t *testing.T) {
	reached := func(limit string) func(*backend) {
		return func(b *backend) { b.log.fail = fmt.Errorf("CANARY: %w", &storage.LimitError{Limit: limit}) }
	}
	// inFlight has complete bodies of a quarter of the bound each.
	inFlight := func(proven bool, holders ...string) func(*backend) {
		return func(b *backend) {
			b.flight.SetLimit(4000)
			for _, holder := range holders {
				var integration byte
				var client string
				fmt.Sscan(holder, &integration, &client)
				u := someone(b.flight, integration, client, 1000)
				u.take(1000, time.Now(), true)
				if proven {
					u.prove()
				}
				t.Cleanup(u.release)
			}
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
		{"limit_integration_events", reached(storage.LimitIntegrationEvents), "has reached its limit of events"},
		{"limit_project_backlog", reached(storage.LimitProjectBacklog), "backlog of this integration's project"},
		{"limit_project_disk", reached(storage.LimitProjectDisk), "disk space for events of this integration's project"},
		{"limit_in_flight", inFlight(true, "6 a", "7 b", "8 c", "9 d"), "being received."},
		{"limit_unauthenticated_in_flight", inFlight(false, "8 192.0.2.1", "9 192.0.2.2"), "of unauthenticated requests"},
		{"limit_integration_in_flight", inFlight(true, "1 192.0.2.1"), "for this integration"},
		{"limit_client_in_flight", inFlight(true, "9 127.0.0.1"), "from this address"},
		{"store_unavailable", reached("moon"), "disk is full or failing"},
		{"store_unavailable", func(b *backend) { b.log.fail = storage.ErrUnavailable }, "disk is full or failing"},
		{"no_trigger", func(b *backend) { b.types = nil }, "No trigger is configured"},
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
