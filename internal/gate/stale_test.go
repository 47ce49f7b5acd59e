package gate

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// What the storage says is stale is judged again, by the integration as it is then.
func TestStale(t *testing.T) {
	revised := func(change ...func(*integration.Integration)) *integration.Integration {
		it := github(change...)
		it.Revision = 2
		return it
	}
	for name, test := range map[string]struct {
		next     *integration.Integration // nil when it was deleted
		status   int
		reason   string
		resource string
	}{
		"another resource": {revised(func(it *integration.Integration) { it.Resources[0].ID = "other" }), 202, "", "other"},
		"another secret":   {revised(by("github", "another secret of 32 bytes, long")), 401, "signature_mismatch", ""},
		"another filter":   {revised(func(it *integration.Integration) { it.EventFilter = []string{"issues"} }), 200, "", ""},
		"disabled":         {revised(func(it *integration.Integration) { it.IsEnabled = false }), 404, "disabled", ""},
		"deleted":          {nil, 404, "unknown", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, github(func(it *integration.Integration) { it.Revision = 1 }))
			b.log.revision = 2
			b.log.during = func() {
				b.log.during = nil
				if test.next == nil {
					b.remove("hook")
				} else {
					b.put(t, test.next)
				}
			}
			s := serve(t, b, New(Settings{}))
			if got := s.post(t, "/webhooks/hook", signed("push", "d", push), push); got.status != test.status {
				t.Errorf("status %d, want %d", got.status, test.status)
			}
			if seen := s.lastSeen(t, 1); seen.Reason != test.reason {
				t.Errorf("reason %q, want %q", seen.Reason, test.reason)
			}
			if (b.log.count() == 1) != (test.resource != "") || test.resource != "" && b.log.last(t).ResourceID != test.resource {
				t.Errorf("%d events were stored", b.log.count())
			}
		})
	}
}

// An integration that changes each time ends the request, and is no endless loop.
func TestStaleForEver(t *testing.T) {
	b := newBackend(t, github(func(it *integration.Integration) { it.Revision = 1 }))
	b.log.revision = 2
	tries := 0
	b.log.during = func() { tries++ }
	s := serve(t, b, New(Settings{}))
	got := s.post(t, "/webhooks/hook", signed("push", "d", push), push)
	if seen := s.lastSeen(t, 1); got.status != 503 || seen.Reason != "integration_changing" || tries != judgements {
		t.Errorf("status %d, %q after %d tries", got.status, seen.Reason, tries)
	}
}

// What the configuration declares is at no revision of the storage's.
func TestDeclaredIsNeverStale(t *testing.T) {
	b := newBackend(t, github(func(it *integration.Integration) { it.Revision, it.ManagedBy = 1, integration.ManagedByConfig }))
	b.log.revision = 2
	s := serve(t, b, New(Settings{}))
	if got := s.post(t, "/webhooks/hook", signed("push", "d", push), push); got.status != 202 {
		t.Errorf("status %d", got.status)
	}
}

// Nobody knows whether the event is stored, so the sender is to send it again.
func TestUncertain(t *testing.T) {
	b := newBackend(t, github())
	b.log.fail = storage.ErrUncertain
	s := serve(t, b, New(Settings{}))
	got := s.post(t, "/webhooks/hook", signed("push", "d", push), push)
	if seen := s.lastSeen(t, 1); got.status != 503 || seen.Reason != "store_uncertain" {
		t.Errorf("status %d, %q", got.status, seen.Reason)
	}
}

// An append has its own time, and starts no timer unless somebody waits for it.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		cancel()
		ctx := within(parent, 8*time.Second)
		if at, ok := ctx.Deadline(); !ok || time.Until(at) != 8*time.Second || ctx.Err() != nil || ctx.timed != nil {
			t.Errorf("it begins with %v, %v, %v", at, ok, ctx.Err())
		}
		began := time.Now()
		<-ctx.Done()
		if took := time.Since(began); took != 8*time.Second || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("it ended after %v: %v", took, ctx.Err())
		}
		ctx = within(parent, time.Second)
		time.Sleep(time.Second)
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("at its end nobody waited for: %v", ctx.Err())
		}
		<-ctx.Done()
		ctx = within(parent, time.Hour)
		done := ctx.Done()
		ctx.finish()
		<-done
	})
}
