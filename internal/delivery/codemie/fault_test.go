package codemie_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

// TestStartUnknown loses each answer to a start whose run the platform never
// shows: there is exactly one start, and the event fails for good.
func TestStartUnknown(t *testing.T) {
	faults := map[string]codemietest.Fault{
		"dropped":            {Answer: codemietest.Drop},
		"no answer":          {Answer: codemietest.Hang},
		"bad gateway":        {Answer: codemietest.Status(502, "Bad Gateway")},
		"gateway timeout":    {Answer: codemietest.Status(504, "Gateway Timeout")},
		"garbage":            {Answer: codemietest.Body("<html>")},
		"no ID":              {Answer: codemietest.Body("{}")},
		"endless":            {Answer: codemietest.Endless},
		"broken in the body": {Answer: truncated},
	}
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		for name, fault := range faults {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, func(o *codemie.Options) { o.Timeout = 300 * time.Millisecond })
				b.AddDatasource(codemietest.Datasource{ID: "datasource-1", Project: "demo", Name: "n", Type: "code"})
				fault.Route = startRoute(kind)
				b.Inject(fault)
				d := b.event(kind, kind+"-1")
				d.age = 5 * time.Second
				d.expect(trigger.Fail, trigger.ErrStartUnknown)
				if n := b.Count(fault.Route); n != 1 {
					t.Errorf("%d starts", n)
				}
			})
		}
	}
}

func startRoute(kind string) string {
	switch kind {
	case "assistant":
		return chatRoute
	case "workflow":
		return executions
	}
	return "PUT /v1/application/{project}/index/{name}"
}

func truncated(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"x":"`))
}

// TestStartShown loses the answer to a start that took effect: the platform is
// asked and shows the run.
func TestStartShown(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		for name, answer := range map[string]http.HandlerFunc{"dropped": codemietest.Drop, "hanging": codemietest.Hang} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, func(o *codemie.Options) { o.Timeout = 300 * time.Millisecond })
				b.AddDatasource(codemietest.Datasource{ID: "datasource-1", Project: "demo", Name: "n", Type: "code"})
				route := startRoute(kind)
				b.Inject(codemietest.Fault{Route: route, Applied: true, Answer: answer})
				d := b.event(kind, kind+"-1")
				if first := d.run(t.Context()); first.Verdict == trigger.Fail || first.Verdict == trigger.Retry {
					t.Fatalf("first %+v", first)
				}
				b.Conclude()
				d.expect(trigger.Delivered, "")
				if n := b.Count(route); n != 1 {
					t.Errorf("%d starts", n)
				}
			})
		}
	}
}

// TestCrashAfterIntent goes on with nothing but the intent, as after a crash.
func TestCrashAfterIntent(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		b := newBench(t)
		b.AddDatasource(codemietest.Datasource{ID: "datasource-1", Project: "demo", Name: "n", Type: "code"})
		d := b.event(kind, kind+"-1")
		d.past = 7 * time.Hour
		d.saved = []byte(`{"conversation":"c","intent":1000000000,"idle":true}`)
		d.expect(trigger.Fail, trigger.ErrStartUnknown)
		if n := b.Count(startRoute(kind)); n != 0 {
			t.Errorf("%s: %d starts", kind, n)
		}
	}
}

// TestStartNotTaken has the platform refuse a start with an answer, or never
// get it: a later attempt starts.
func TestStartNotTaken(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		for _, status := range []int{408, 425, 429, 500, 503} {
			b := newBench(t)
			b.AddDatasource(codemietest.Datasource{ID: "datasource-1", Project: "demo", Name: "n", Type: "code"})
			route := startRoute(kind)
			b.Inject(codemietest.Fault{Route: route, Times: 1, Answer: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				codemietest.Status(status, "Not now")(w, r)
			}})
			d := b.event(kind, kind+"-1")
			result := d.expect(trigger.Retry, trigger.ErrStatus)
			if result.StatusCode != status || result.RetryAfter != 7*time.Second || !strings.HasPrefix(result.Detail, "Not now") {
				t.Errorf("%s, %d: %+v", kind, status, result)
			}
			d.expect(trigger.Delivered, "")
			if len(b.Conversations()) > 1 {
				t.Errorf("%s: %d chats", kind, len(b.Conversations()))
			}
			if kind == "workflow" {
				checkSameChat(b)
			}
		}
	}
}

// checkSameChat expects one chat for all starts of an execution.
func checkSameChat(b *bench) {
	b.t.Helper()
	used := make(map[string]bool)
	for _, request := range b.Requests() {
		if request.Route != executions {
			continue
		}
		var body struct {
			ID string `json:"conversation_id"`
		}
		if err := json.Unmarshal(request.Body, &body); err != nil || body.ID == "" {
			b.t.Errorf("chat %q: %v", body.ID, err)
		}
		used[body.ID] = true
	}
	if len(used) != 1 {
		b.t.Errorf("%d chats", len(used))
	}
}

// TestNotForTheTokensUser is refused what it looks at with a 401 that is not
// about the token.
func TestNotForTheTokensUser(t *testing.T) {
	for _, status := range []int{401, 403} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: "GET /v1/assistants/id/{id}", Answer: codemietest.Status(status, "Access denied")})
		result := b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrResourceNotAllowed)
		if status == 401 && result.Fault != trigger.FaultResource {
			t.Errorf("%d: fault %d", status, result.Fault)
		}
	}
}

func TestRefusedForGood(t *testing.T) {
	for _, test := range []struct {
		status  int
		message string
		code    string
	}{
		{401, "Access denied", trigger.ErrResourceNotAllowed},
		{401, "The tool wants you to sign in", trigger.ErrResourceNotAllowed},
		{403, "Autonomous workflows are disabled", trigger.ErrResourceNotAllowed},
		{404, "Assistant not found", trigger.ErrStatus},
		{422, "Request blocked by guardrails", trigger.ErrStatus},
	} {
		for _, kind := range []string{"assistant", "workflow"} {
			b := newBench(t)
			b.Inject(codemietest.Fault{Route: startRoute(kind), Answer: codemietest.Status(test.status, test.message)})
			result := b.event(kind, kind+"-1").expect(trigger.Fail, test.code)
			if !strings.HasPrefix(result.Detail, test.message) || result.StatusCode != test.status {
				t.Errorf("%+v", result)
			}
		}
	}
}

func TestTokenIsReadAnew(t *testing.T) {
	b := newBench(t)
	d := b.event("assistant", "assistant-1")
	d.expect(trigger.Delivered, "")
	b.SetToken("secret-token-2")
	refused := b.event("assistant", "assistant-1")
	refused.expect(trigger.RefusedCredential, trigger.ErrStatus)
	b.token.Store("secret-token-2")
	refused.expect(trigger.Delivered, "")
}

func TestRefusedByWhatGuardsThePlatform(t *testing.T) {
	for _, status := range []int{401, 403, 407} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: "GET /v1/assistants/id/{id}", Answer: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>", status)
		}})
		b.event("assistant", "assistant-1").expect(trigger.RefusedCredential, trigger.ErrStatus)
	}
}

// TestFaultsWhileFollowing loses looks at a run that goes on: nothing is
// started again and no attempt is used up.
func TestFaultsWhileFollowing(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"dropped": codemietest.Drop, "unavailable": codemietest.Status(503, "Elastic"), "garbage": codemietest.Body("no"),
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	} {
		b := newBench(t)
		d := b.event("assistant", "assistant-1")
		if first := d.run(t.Context()); first.Verdict != trigger.Pending {
			t.Fatalf("%s: first %+v", name, first)
		}
		b.Inject(codemietest.Fault{Route: taskRoute, Times: 4, Answer: answer})
		d.expect(trigger.Delivered, "")
		if b.Count(chatRoute) != 1 {
			t.Errorf("%s: %d starts", name, b.Count(chatRoute))
		}
	}
}

func TestPauseIsBounded(t *testing.T) {
	b := newBench(t)
	d := b.event("assistant", "assistant-1")
	d.run(t.Context())
	for header, want := range map[string]time.Duration{"60": time.Minute, "604800": 5 * time.Minute} {
		b.Heal()
		b.Inject(codemietest.Fault{Route: taskRoute, Answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			codemietest.Status(503, "Elastic")(w, r)
		}})
		if result := d.run(t.Context()); result.Verdict != trigger.Pending || result.RetryAfter != want {
			t.Errorf("%s: %+v", header, result)
		}
	}
}

func TestLostRun(t *testing.T) {
	b := newBench(t)
	d := b.event("assistant", "assistant-1")
	d.run(t.Context())
	b.Inject(codemietest.Fault{Route: taskRoute, Answer: codemietest.Status(404, "Task not found")})
	d.expect(trigger.Fail, trigger.ErrStartUnknown)
}

// TestCertainlyNotSent cannot reach the platform at all: all is tried again.
func TestCertainlyNotSent(t *testing.T) {
	for name, test := range map[string]struct{ url, code string }{
		"connect": {"http://127.0.0.1:1", trigger.ErrConnect},
		"dns":     {"http://nowhere.invalid", trigger.ErrDNS},
	} {
		b := newBench(t, func(o *codemie.Options) { o.URL = test.url })
		result := b.event("assistant", "assistant-1").settle()
		if result.Verdict != trigger.Retry || result.Error != test.code {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

// TestConnectionRefusedAtTheStart loses the platform between the look at the
// resource and the start: the start certainly was not sent.
func TestConnectionRefusedAtTheStart(t *testing.T) {
	var broken brokenDial
	b := newBench(t, func(o *codemie.Options) { o.Transport = broken.around(o.Transport) })
	d := b.event("assistant", "assistant-1")
	broken.route = "/model"
	d.expect(trigger.Retry, trigger.ErrConnect)
	broken.route = ""
	d.expect(trigger.Delivered, "")
	if b.Count(chatRoute) != 1 || b.Count(createRoute) != 1 {
		t.Errorf("%d starts, %d chats", b.Count(chatRoute), b.Count(createRoute))
	}
}

// brokenDial sends the requests of one route to a port that nobody listens on.
type brokenDial struct {
	route string
	next  http.RoundTripper
}

func (b *brokenDial) around(next http.RoundTripper) http.RoundTripper {
	b.next = next
	return b
}

func (b *brokenDial) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.route != "" && strings.HasSuffix(r.URL.Path, b.route) {
		r = r.Clone(r.Context())
		r.URL.Host = "127.0.0.1:1"
	}
	return b.next.RoundTrip(r)
}

// TestStopDuringStart cuts an attempt whose start is on its way.
func TestStopDuringStart(t *testing.T) {
	b := newBench(t)
	ctx, stop := context.WithCancel(t.Context())
	b.Inject(codemietest.Fault{Route: chatRoute, Times: 1, Applied: true, Answer: func(w http.ResponseWriter, r *http.Request) {
		stop()
		codemietest.Hang(w, r)
	}})
	d := b.event("assistant", "assistant-1")
	if result := d.run(ctx); result.Verdict != trigger.Pending {
		t.Fatalf("%+v", result)
	}
	b.Conclude()
	d.expect(trigger.Delivered, "")
	if b.Count(chatRoute) != 1 {
		t.Errorf("%d starts", b.Count(chatRoute))
	}
}

// TestStopAfterStart cuts an attempt when the answer to its start is there: the
// ID is saved all the same.
func TestStopAfterStart(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		ctx, stop := context.WithCancel(t.Context())
		b := newBench(t, func(o *codemie.Options) {
			next := o.Transport
			o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				response, err := next.RoundTrip(r)
				if err == nil && r.Method == "POST" && !strings.HasSuffix(r.URL.Path, "/conversations") {
					body, _ := io.ReadAll(response.Body)
					response.Body = io.NopCloser(bytes.NewReader(body))
					stop()
				}
				return response, err
			})
		})
		d := b.event(kind, kind+"-1")
		if result := d.run(ctx); result.Verdict != trigger.Pending {
			t.Fatalf("%s: %+v", kind, result)
		}
		d.expect(trigger.Delivered, "")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestStorageFails(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		b := newBench(t)
		d := b.event(kind, kind+"-1")
		d.fail = true
		d.expect(trigger.Retry, trigger.ErrInternal)
		if b.Runs() != 0 {
			t.Errorf("%s was started without an intent", kind)
		}
		d.saved = []byte("{")
		d.expect(trigger.Fail, trigger.ErrInternal)
	}
}

func TestDetailHidesAddressAndToken(t *testing.T) {
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: chatRoute, Answer: codemietest.Status(422,
		"bad "+token+" at http://"+b.address+rootPath+"/v1 "+strings.Repeat("é", 500))})
	result := b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrStatus)
	if !strings.HasPrefix(result.Detail, "bad … at …") {
		t.Errorf("detail %q", result.Detail)
	}
}
