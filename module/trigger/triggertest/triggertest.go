// Package triggertest tests triggers. Load provisions one from a Caddyfile, as
// the gateway does, and Run holds it to what package trigger demands of any:
//
//	func TestConformance(t *testing.T) {
//		triggertest.Run(t, triggertest.Case{
//			Open: func(t *testing.T, endpoint http.Handler) trigger.Trigger {
//				server := httptest.NewServer(endpoint)
//				t.Cleanup(server.Close)
//				loaded, err := triggertest.Load(t, "desk "+server.URL+" {\ntoken secret\nproject demo\n}")
//				if err != nil {
//					t.Fatal(err)
//				}
//				return loaded
//			},
//			Project:  "demo",
//			Resource: trigger.Resource{Type: "desk", ID: "7"},
//			Limited:  true,
//			Secrets:  []string{"secret"},
//		})
//	}
//
// Run the tests with -race: a trigger is called from many goroutines at once.
package triggertest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hookgate/hookgate/module/trigger"
)

// Case is a trigger to test.
type Case struct {
	// Open returns a trigger whose endpoint is the handler. If the trigger's
	// endpoint does not speak HTTP, put a server for its protocol in front of the
	// handler.
	Open func(t *testing.T, endpoint http.Handler) trigger.Trigger

	// Endpoint returns a new endpoint at which every attempt succeeds, at once or
	// after the trigger was called a few times more. Default: one that answers 200
	// without a body.
	Endpoint func() http.Handler

	// Project may start Resource, which is there at the Endpoint.
	Project  string
	Resource trigger.Resource

	// Limited is set if Open configures Project and no other. With Foreign, an ID
	// of the same type that even Project may not start, resources are limited, too.
	Limited bool
	Foreign string

	// Secrets are what the configuration holds of credentials.
	Secrets []string

	// Codes are the trigger's own error codes, besides those of trigger.ErrorCodes.
	Codes []string
}

// Run runs all tests.
func Run(t *testing.T, c Case) {
	if c.Endpoint == nil {
		c.Endpoint = func() http.Handler { return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) }
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, Case)
	}{
		{"Constants", testConstants},
		{"Allow", testAllow},
		{"Delivers", testDelivers},
		{"OddEvents", testOddEvents},
		{"OddEndpoints", testOddEndpoints},
		{"Deadline", testDeadline},
		{"Progress", testProgress},
		{"Concurrency", testConcurrency},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, c) })
	}
}

// event returns a new event of the case.
func (c Case) event() *trigger.Event {
	return &trigger.Event{
		ID: "01JE5Z6ZQ8X8Q7W3T5R1N0K2MB", WebhookID: "3b0f5a9c", Project: c.Project, Alias: "Pull requests",
		Provider: "github", Type: "pull_request", DeliveryID: "72d3162e-cc78-11e3", Resource: c.Resource,
		ReceivedAt: time.Now(),
		Header:     http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"pull_request"}},
		Body:       []byte(`{"action":"opened","number":7}`),
	}
}

// run is an event on its way through a trigger.
type run struct {
	c       Case
	trigger trigger.Trigger
	event   *trigger.Event
	began   time.Time
	saved   [][]byte
	fail    bool // the storage takes no progress
	failed  bool // nor did it

	// hosts are what the endpoint is called; nil if nobody has noted them.
	hosts *hosts
}

func (c Case) start(tr trigger.Trigger, event *trigger.Event) *run {
	return &run{c: c, trigger: tr, event: event, began: time.Now()}
}

// maxProgress bounds what a trigger saves, in bytes.
const maxProgress = 64 << 10

// attempt makes one attempt and checks what comes of it.
func (r *run) attempt(ctx context.Context, t *testing.T) (result trigger.Result) {
	t.Helper()
	var progress []byte
	if len(r.saved) > 0 {
		progress = slices.Clone(r.saved[len(r.saved)-1])
	}
	was, wasProgress := clone(r.event), slices.Clone(progress)
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("Run panicked: %v", p)
		}
		if !reflect.DeepEqual(r.event, was) {
			t.Error("Run changed the event, which is shared")
		}
		if !slices.Equal(progress, wasProgress) {
			t.Error("Run changed the progress that it was given")
		}
	}()
	result = r.trigger.Run(ctx, &trigger.Attempt{
		Event: r.event, Number: 1, IdempotencyKey: r.event.ID, Age: time.Since(r.began), Progress: progress,
		Save: func(_ context.Context, progress []byte) error {
			if len(progress) > maxProgress {
				t.Errorf("Run saves %d bytes of progress; the limit is %d", len(progress), maxProgress)
			}
			r.noSecret(t, "the progress", string(progress))
			if r.fail {
				r.failed = true
				return errNotSaved
			}
			r.saved = append(r.saved, slices.Clone(progress))
			return nil
		},
	})
	r.check(ctx, t, result)
	return result
}

// finish makes attempts until one is not Pending.
func (r *run) finish(ctx context.Context, t *testing.T) trigger.Result {
	t.Helper()
	for {
		result := r.attempt(ctx, t)
		if result.Verdict != trigger.Pending || t.Failed() {
			return result
		}
		select {
		case <-time.After(min(result.RetryAfter, 10*time.Millisecond)):
		case <-ctx.Done():
			t.Errorf("the run was still pending at the end: %+v", result)
			return result
		}
	}
}

func clone(event *trigger.Event) *trigger.Event {
	c := *event
	c.Header, c.Body = event.Header.Clone(), slices.Clone(event.Body)
	return &c
}

// check finds what no Result may hold.
func (r *run) check(ctx context.Context, t *testing.T, result trigger.Result) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %+v", fmt.Sprintf(format, args...), result)
	}
	codes := append(trigger.ErrorCodes(), r.c.Codes...)
	switch result.Verdict {
	case trigger.Delivered, trigger.Pending:
	case trigger.Retry, trigger.Fail, trigger.RefusedCredential:
		if !slices.Contains(codes, result.Error) && (result.Error != "" || ctx.Err() == nil) {
			fail("the error code %q is neither of package trigger nor listed in Codes", result.Error)
		}
	default:
		fail("unknown verdict %d", result.Verdict)
	}
	if result.StatusCode != 0 && (result.StatusCode < 100 || result.StatusCode > 999) {
		fail("the status is not one of HTTP")
	}
	if result.RetryAfter < 0 {
		fail("RetryAfter is negative")
	}
	if result.Fault < trigger.FaultUnsaid || result.Fault > trigger.FaultEndpoint {
		fail("unknown fault %d", result.Fault)
	}
	if utf8.RuneCountInString(result.Detail) > 200 || !utf8.ValidString(result.Detail) {
		fail("the detail is over 200 characters or not UTF-8")
	}
	r.noSecret(t, "the detail", result.Detail)
	for _, host := range r.hosts.all() {
		if strings.Contains(result.Detail, host) {
			fail("the detail names the endpoint's address %s", host)
		}
	}
}

func (r *run) noSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range r.c.Secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%s holds a secret: %q", where, text)
		}
	}
}

// hosts notes what an endpoint is called.
type hosts struct {
	mu    sync.Mutex
	names []string
}

func (h *hosts) note(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		if !slices.Contains(h.names, r.Host) {
			h.names = append(h.names, r.Host)
		}
		h.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (h *hosts) all() []string {
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.names)
}
