package triggertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// patience is how long an attempt may take that nothing holds up, and how long
// one may go on after its ctx is done.
const patience = 20 * time.Second

var errNotSaved = errors.New("the storage is unavailable")

func testConstants(t *testing.T, c Case) {
	tr := c.Open(t, c.Endpoint())
	types := slices.Clone(tr.ResourceTypes())
	if !slices.Contains(types, c.Resource.Type) {
		t.Errorf("ResourceTypes %q lacks the case's %q", types, c.Resource.Type)
	}
	if slices.Contains(types, "") {
		t.Errorf("ResourceTypes %q has an empty one", types)
	}
	if sorted := slices.Sorted(slices.Values(types)); len(slices.Compact(sorted)) != len(types) {
		t.Errorf("ResourceTypes %q has one twice", types)
	}
	limit := func() int {
		if limited, ok := tr.(trigger.Limited); ok {
			return limited.ConcurrencyLimit()
		}
		return 0
	}
	timeout := func() time.Duration {
		if limited, ok := tr.(trigger.TimeLimited); ok {
			return limited.AttemptTimeout()
		}
		return 0
	}
	wasLimit, wasTimeout := limit(), timeout()
	if wasLimit < 0 || wasTimeout < 0 {
		t.Errorf("ConcurrencyLimit %d or AttemptTimeout %s is negative", wasLimit, wasTimeout)
	}
	c.start(tr, c.event()).finish(withDeadline(t, patience), t)
	if again := tr.ResourceTypes(); !slices.Equal(again, types) {
		t.Errorf("ResourceTypes changed from %q to %q", types, again)
	}
	if limit() != wasLimit || timeout() != wasTimeout {
		t.Error("ConcurrencyLimit or AttemptTimeout changed")
	}
}

// testAllow asks for what a project may start, and for what it may not.
func testAllow(t *testing.T, c Case) {
	tr := c.Open(t, c.Endpoint())
	r := c.start(tr, c.event())
	if err := tr.Allow(c.Project, c.Resource); err != nil {
		t.Errorf("the project may not start the resource: %v", err)
	}
	refused := func(project string, resource trigger.Resource) {
		t.Helper()
		switch err := tr.Allow(project, resource); {
		case err == nil:
			t.Errorf("the project %q may start %q", project, resource.ID)
		case err.Error() == "":
			t.Error("a refusal says nothing")
		default:
			r.noSecret(t, "a refusal", err.Error())
		}
	}
	if c.Limited {
		for _, project := range []string{"", "*", c.Project + "x", "x" + c.Project, " " + c.Project, c.Project + "\x00", strings.ToUpper(c.Project) + "Ä"} {
			refused(project, c.Resource)
		}
	}
	if c.Foreign != "" {
		refused(c.Project, trigger.Resource{Type: c.Resource.Type, ID: c.Foreign})
	}
	for _, id := range []string{"", "*", "\x00\xff", "../..", strings.Repeat("x", 1<<16)} {
		_ = tr.Allow(c.Project, trigger.Resource{Type: c.Resource.Type, ID: id}) // must not panic
	}
}

func testDelivers(t *testing.T, c Case) {
	result := c.start(c.Open(t, c.Endpoint()), c.event()).finish(withDeadline(t, patience), t)
	if result.Verdict != trigger.Delivered {
		t.Errorf("the attempt failed: %+v", result)
	}
}

// testOddEvents runs what a hostile sender may have sent.
func testOddEvents(t *testing.T, c Case) {
	for name, change := range map[string]func(*trigger.Event){
		"empty":       func(e *trigger.Event) { *e = trigger.Event{Project: e.Project, Resource: e.Resource} },
		"no body":     func(e *trigger.Event) { e.Body = nil },
		"no header":   func(e *trigger.Event) { e.Header = nil },
		"binary body": func(e *trigger.Event) { e.Body = []byte("\x00\xff\xfe{\"a\":\x80}\r\n\r\n") },
		"large body":  func(e *trigger.Event) { e.Body = bytes.Repeat([]byte("ä"), 4<<20) },
		"deep JSON":   func(e *trigger.Event) { e.Body = bytes.Repeat([]byte("["), 100_000) },
		"control characters": func(e *trigger.Event) {
			e.Type, e.DeliveryID, e.Alias = "a\r\nX-Evil: 1", "\x00", "\x1b[31m"
		},
		"dot segments":    func(e *trigger.Event) { e.DeliveryID, e.Type = "..", "../../admin" },
		"not UTF-8":       func(e *trigger.Event) { e.DeliveryID, e.Type, e.Alias = "\xff", "\xc3\x28", "\xed\xa0\x80" },
		"placeholders":    func(e *trigger.Event) { e.Type, e.DeliveryID = "{env.HOME}", "{webhook.id}" },
		"long values":     func(e *trigger.Event) { e.Type, e.DeliveryID = strings.Repeat("x", 1<<16), strings.Repeat("{", 1<<16) },
		"odd headers":     func(e *trigger.Event) { e.Header = http.Header{"": {""}, "a b": {"c"}, "X-A": {"1\r\n2", "\x00"}} },
		"many headers":    func(e *trigger.Event) { e.Header = http.Header{"X-A": slices.Repeat([]string{"x"}, 1000)} },
		"unknown type":    func(e *trigger.Event) { e.Resource.Type = "no such type" },
		"odd resource ID": func(e *trigger.Event) { e.Resource.ID = "../\x00\r\n?#" },
	} {
		t.Run(name, func(t *testing.T) {
			event := c.event()
			change(event)
			// It may be waited for what is not there: one attempt is enough.
			c.start(c.Open(t, c.Endpoint()), event).attempt(withDeadline(t, patience), t)
		})
	}
}

// testOddEndpoints runs an event at endpoints that do not do what they should.
func testOddEndpoints(t *testing.T, c Case) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_ = r.Write(w) // with whatever credential it has
			_, _ = io.WriteString(w, r.Host)
		}
	}
	text := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, answer) }
	}
	for name, endpoint := range map[string]http.HandlerFunc{
		"201": status(201), "204": status(204), "302": status(302, "Location", "http://127.0.0.1:1/"), "400": status(400),
		"401": status(401), "403": status(403), "404": status(404), "407": status(407), "409": status(409), "413": status(413),
		"422": status(422), "429": status(429, "Retry-After", "7"), "500": status(500), "502": status(502), "503": status(503),
		"504": status(504), "999": status(999),
		"Retry-After below zero":  status(503, "Retry-After", "-7"),
		"Retry-After without end": status(503, "Retry-After", strings.Repeat("9", 100)),
		"Retry-After long ago":    status(503, "Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),
		"an error in JSON": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"error":{"message":"refused: `+r.Header.Get("Authorization")+` at `+r.Host+strings.Repeat("ä", 1000)+`"}}`)
		},
		"half of an answer":  text(`{"id": "`),
		"not UTF-8":          text("{\"id\": \"\xff\"}"),
		"null":               text("null"),
		"an array":           text("[[[1]]]"),
		"another type":       text(`{"id": {"a": []}, "status": 7}`),
		"a broken gzip":      status(200, "Content-Encoding", "gzip"),
		"a large answer":     text(`{"x": "` + strings.Repeat("x", 4<<20) + `"}`),
		"a dropped one":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a dropped answer":   dropped,
		"an unread question": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400) },
	} {
		t.Run(name, func(t *testing.T) {
			seen := new(hosts)
			r := c.start(c.Open(t, seen.note(endpoint)), c.event())
			r.hosts = seen
			r.attempt(withDeadline(t, patience), t)
			r.attempt(withDeadline(t, patience), t)
		})
	}
}

func dropped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"id": "`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// testDeadline runs an event at an endpoint that never answers.
func testDeadline(t *testing.T, c Case) {
	end := make(chan struct{})
	defer close(end)
	hangs := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-end:
		}
	})
	tr := c.Open(t, hangs)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, ctx := range map[string]context.Context{
		"a deadline": withDeadline(t, 100*time.Millisecond),
		"over":       gone,
	} {
		began := time.Now()
		result := c.start(tr, c.event()).attempt(ctx, t)
		if took := time.Since(began); took > patience {
			t.Errorf("%s: Run returned after %s", name, took)
		}
		if result.Verdict == trigger.Delivered {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

// testProgress continues from every saved progress, from one that was never
// saved, and without a storage that saves.
func testProgress(t *testing.T, c Case) {
	r := c.start(c.Open(t, c.Endpoint()), c.event())
	r.finish(withDeadline(t, patience), t)
	odd := [][]byte{{}, []byte("{"), []byte("null"), []byte("[]"), []byte(`{"run":7}`), []byte("\x00\xff")}
	for _, progress := range append(odd, r.saved...) {
		if told := trigger.RunOf(progress); told != nil {
			r.noSecret(t, "the run's state", told.State)
		}
		again := c.start(c.Open(t, c.Endpoint()), c.event())
		again.saved = [][]byte{progress}
		again.attempt(withDeadline(t, patience), t)
	}
	unsaved := c.start(c.Open(t, c.Endpoint()), c.event())
	unsaved.fail = true
	if result := unsaved.attempt(withDeadline(t, patience), t); unsaved.failed && result.Verdict == trigger.Pending {
		t.Errorf("a run goes on of which nothing could be saved: %+v", result)
	}
}

// testConcurrency calls one trigger from many goroutines, for one event too.
func testConcurrency(t *testing.T, c Case) {
	tr := c.Open(t, c.Endpoint())
	event := c.event()
	var attempts sync.WaitGroup
	for range 16 {
		attempts.Go(func() {
			_ = tr.ResourceTypes()
			if err := tr.Allow(c.Project, c.Resource); err != nil {
				t.Error(err)
			}
			c.start(tr, event).attempt(withDeadline(t, patience), t)
		})
	}
	attempts.Wait()
}

func withDeadline(t *testing.T, after time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	t.Cleanup(cancel)
	return ctx
}
