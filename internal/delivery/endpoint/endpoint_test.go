package endpoint

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

type received struct {
	uri    string
	header http.Header
	body   []byte
}

// sink answers with respond and keeps the last request.
func sink(t *testing.T, respond http.HandlerFunc) (*httptest.Server, func() received) {
	t.Helper()
	var last atomic.Pointer[received]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last.Store(&received{r.RequestURI, r.Header.Clone(), body})
		if respond != nil {
			respond(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, func() received { return *last.Load() }
}

func newEndpoint(t *testing.T, options Options) *Endpoint {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	options.Transport = transport
	if options.ResourceType == "" {
		options.ResourceType = "ticket"
	}
	e, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func attempt(change func(*trigger.Event)) *trigger.Attempt {
	event := &trigger.Event{
		ID: "01EVENT", WebhookID: "hook-1", Project: "demo", Alias: `The "A" & Ü`, Provider: "github",
		Type: "pull_request", DeliveryID: "d-1", Resource: trigger.Resource{Type: "ticket", ID: "team/7 ä"},
		Header: http.Header{
			"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"GitHub-Hookshot/1"},
			"X-Github-Event": {"pull_request"},
		},
		Body: []byte("{\"a\": 1,\xff\n}"),
	}
	if change != nil {
		change(event)
	}
	return &trigger.Attempt{Event: event, Number: 3, IdempotencyKey: "01EVENT.2"}
}

func TestRequest(t *testing.T) {
	server, last := sink(t, nil)
	e := newEndpoint(t, Options{
		URL: server.URL + "/hooks/{webhook.resource_id}/x?alias={webhook.alias}&fixed=%20a",
		Headers: map[string][]string{
			"X-Team": {"{webhook.project} of {webhook.id}", "second"}, "user-agent": {"Ours"}, "Authorization": {"Basic x"},
		},
		SigningSecret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("the key")),
		Tokens:        map[string]string{"demo": "project-token"},
	})
	a := attempt(nil)
	if result := e.Run(t.Context(), a); result != (trigger.Result{Verdict: trigger.Delivered, StatusCode: 200}) {
		t.Fatalf("%+v", result)
	}
	got := last()
	if got.uri != "/hooks/team%2F7%20%C3%A4/x?alias=The+%22A%22+%26+%C3%9C&fixed=%20a" {
		t.Errorf("URI %s", got.uri)
	}
	if !bytes.Equal(got.body, a.Event.Body) {
		t.Errorf("body %q", got.body)
	}
	timestamp := got.header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, []byte("the key"))
	mac.Write([]byte("01EVENT." + timestamp + "." + string(got.body)))
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "User-Agent": "Ours", "X-Github-Event": "pull_request",
		"Webhook-Id": "01EVENT", "Idempotency-Key": "01EVENT.2",
		"Webhook-Signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"X-Webhook-Id":      "hook-1", "X-Webhook-Project": "demo", "X-Webhook-Event": "pull_request",
		"X-Webhook-Delivery": "d-1", "X-Webhook-Attempt": "3", "Authorization": "Bearer project-token",
	} {
		if values := got.header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s: %q, want %q", name, values, want)
		}
	}
	if team := got.header["X-Team"]; len(team) != 2 || team[0] != "demo of hook-1" || team[1] != "second" {
		t.Errorf("X-Team: %q", team)
	}
	if !isTraceparent(got.header.Get("Traceparent")) {
		t.Errorf("traceparent %q", got.header.Get("Traceparent"))
	}
	if e.Run(t.Context(), attempt(func(e *trigger.Event) { e.Project = "other" })); last().header.Get("Authorization") != "Basic x" {
		t.Errorf("another project got %q", last().header.Get("Authorization"))
	}
}

func TestSendersHeaders(t *testing.T) {
	server, last := sink(t, nil)
	e := newEndpoint(t, Options{URL: server.URL})
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	e.Run(t.Context(), attempt(func(e *trigger.Event) {
		e.Header = http.Header{"Webhook-Id": {"forged"}, "X-Webhook-Project": {"forged"}, "X-Webhook-Delivery": {"forged"},
			"Webhook-Signature": {"v1,forged"}, "Traceparent": {parent}}
		e.Type, e.DeliveryID = "", ""
	}))
	header := last().header
	if header.Get("Webhook-Id") != "01EVENT" || header.Get("X-Webhook-Project") != "demo" || header.Get("Traceparent") != parent {
		t.Errorf("%v", header)
	}
	for _, name := range []string{"Content-Type", "X-Webhook-Event", "X-Webhook-Delivery", "Webhook-Signature", "Accept-Language"} {
		if _, found := header[name]; found {
			t.Errorf("%s: %q", name, header.Get(name))
		}
	}
}

func TestBodyTemplate(t *testing.T) {
	server, last := sink(t, nil)
	expand := func(placeholder string) (string, error) { return `{webhook.project}"` + placeholder[1:4], nil }
	e := newEndpoint(t, Options{
		URL:    server.URL,
		Body:   `{"alias": "{webhook.alias}", "id": {"nested": {}, "x": "{webhook.delivery_id}"}, "env": "{env.X}", "open": "\{webhook.id\}"}`,
		Expand: expand,
	})
	e.Run(t.Context(), attempt(func(e *trigger.Event) { e.DeliveryID, e.Alias = `{webhook.alias}\`, "a\n\"Ü\" <&>" }))
	want := `{"alias": "a\n\"Ü\" <&>", "id": {"nested": {}, "x": "{webhook.alias}\\"}, ` +
		`"env": "{webhook.project}\"env", "open": "{webhook.id}"}`
	if got := last(); string(got.body) != want || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %s", got.header.Get("Content-Type"), got.body)
	}
}

func TestEventThatCannotBeSent(t *testing.T) {
	server, _ := sink(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	path := newEndpoint(t, Options{URL: server.URL + "/{webhook.delivery_id}"})
	for _, value := range []string{"", ".", "..", "a\nb", "\x00", "\x7f"} {
		result := path.Run(t.Context(), attempt(func(e *trigger.Event) { e.DeliveryID = value }))
		if result.Verdict != trigger.Fail || result.Error != trigger.ErrRequestInvalid || strings.Contains(result.Detail, server.URL) {
			t.Errorf("%q in the path: %+v", value, result)
		}
	}
	header := newEndpoint(t, Options{URL: server.URL, Headers: map[string][]string{"X-A": {"{webhook.alias}"}}})
	for _, value := range []string{"a\r\nX-B: c", "\x00", "a\tb"} {
		result := header.Run(t.Context(), attempt(func(e *trigger.Event) { e.Alias = value }))
		if result.Verdict != trigger.Fail || result.Error != trigger.ErrRequestInvalid {
			t.Errorf("%q in a header: %+v", value, result)
		}
	}
	result := newEndpoint(t, Options{URL: server.URL}).Run(t.Context(), attempt(func(e *trigger.Event) { e.Type = "a\r\nb" }))
	if result.Error != trigger.ErrRequestInvalid {
		t.Errorf("%+v", result)
	}
}

func TestOutcomes(t *testing.T) {
	var status atomic.Int64
	var hits atomic.Int64
	server, _ := sink(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(int(status.Load()))
	})
	e := newEndpoint(t, Options{URL: server.URL})
	for code, want := range map[int]trigger.Result{
		202: {Verdict: trigger.Delivered},
		302: {Verdict: trigger.Retry, Error: trigger.ErrRedirect, RetryAfter: 9 * time.Second},
		308: {Verdict: trigger.Retry, Error: trigger.ErrRedirect, RetryAfter: 9 * time.Second},
		401: {Verdict: trigger.RefusedCredential, Error: trigger.ErrStatus, RetryAfter: 9 * time.Second},
		404: {Verdict: trigger.Fail, Error: trigger.ErrStatus, RetryAfter: 9 * time.Second},
		503: {Verdict: trigger.Retry, Error: trigger.ErrStatus, RetryAfter: 9 * time.Second},
	} {
		status.Store(int64(code))
		hits.Store(0)
		want.StatusCode = code
		if got := e.Run(t.Context(), attempt(nil)); got != want {
			t.Errorf("%d: %+v", code, got)
		}
		if hits.Load() != 1 {
			t.Errorf("%d: %d requests", code, hits.Load())
		}
	}
}

// TestEndlessAnswer frees the worker as soon as enough of the answer is read.
func TestEndlessAnswer(t *testing.T) {
	server, _ := sink(t, func(w http.ResponseWriter, r *http.Request) {
		for filler := bytes.Repeat([]byte("x"), 32<<10); r.Context().Err() == nil; {
			if _, err := w.Write(filler); err != nil {
				return
			}
		}
	})
	begun := time.Now()
	result := newEndpoint(t, Options{URL: server.URL, Timeout: 10 * time.Second}).Run(t.Context(), attempt(nil))
	if result.Verdict != trigger.Delivered || time.Since(begun) > 5*time.Second {
		t.Errorf("%+v after %s", result, time.Since(begun))
	}
}

func TestTimeout(t *testing.T) {
	server, _ := sink(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	result := newEndpoint(t, Options{URL: server.URL, Timeout: 50 * time.Millisecond}).Run(t.Context(), attempt(nil))
	if result != (trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrTimeout, Fault: trigger.FaultResource}) {
		t.Errorf("%+v", result)
	}
}

// TestConnectionIsUsedAgain reads short answers to their end.
func TestConnectionIsUsedAgain(t *testing.T) {
	addresses := make(map[string]bool)
	server, _ := sink(t, func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		_, _ = w.Write(bytes.Repeat([]byte("x"), 10_000))
	})
	e := newEndpoint(t, Options{URL: server.URL})
	for range 5 {
		e.Run(t.Context(), attempt(nil))
	}
	if len(addresses) != 1 {
		t.Errorf("%d connections", len(addresses))
	}
}

// TestAttemptIsOneRequest breaks a connection that was used before.
func TestAttemptIsOneRequest(t *testing.T) {
	var requests atomic.Int64
	server, last := sink(t, func(http.ResponseWriter, *http.Request) {
		if requests.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
	})
	e := newEndpoint(t, Options{URL: server.URL})
	e.Run(t.Context(), attempt(nil))
	if result := e.Run(t.Context(), attempt(nil)); result != (trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrConnect, Fault: trigger.FaultResource}) {
		t.Errorf("%+v", result)
	}
	if requests.Load() != 2 || last().header.Get("Idempotency-Key") != "01EVENT.2" {
		t.Errorf("%d requests, %v", requests.Load(), last().header)
	}
}

func TestEmptyBody(t *testing.T) {
	server, last := sink(t, nil)
	e := newEndpoint(t, Options{URL: server.URL})
	e.Run(t.Context(), attempt(func(e *trigger.Event) { e.Body = nil }))
	if got := last(); len(got.body) != 0 || got.header.Get("Content-Length") != "0" {
		t.Errorf("%+v", got)
	}
}

func TestOptions(t *testing.T) {
	good := func() Options { return Options{ResourceType: "ticket", URL: "https://desk.test/{webhook.id}"} }
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no type":                   func(o *Options) { o.ResourceType = "" },
		"negative timeout":          func(o *Options) { o.Timeout = -1 },
		"bad secret":                func(o *Options) { o.SigningSecret = "whsec_!" },
		"empty standard secret":     func(o *Options) { o.SigningSecret = "whsec_" },
		"reserved header":           func(o *Options) { o.Headers = map[string][]string{"webhook-id": {"x"}} },
		"reserved prefix":           func(o *Options) { o.Headers = map[string][]string{"x-webhook-anything": {"x"}} },
		"host header":               func(o *Options) { o.Headers = map[string][]string{"host": {"x"}} },
		"bad header name":           func(o *Options) { o.Headers = map[string][]string{"a b": {"x"}} },
		"header without a value":    func(o *Options) { o.Headers = map[string][]string{"A": nil} },
		"header twice":              func(o *Options) { o.Headers = map[string][]string{"A": {"x"}, "a": {"y"}} },
		"control in a header":       func(o *Options) { o.Headers = map[string][]string{"A": {"x\ny"}} },
		"unknown in a header":       func(o *Options) { o.Headers = map[string][]string{"A": {"{webhook.secret}"}} },
		"unknown in the body":       func(o *Options) { o.Body = "{webhook.body}" },
		"unknown in the URL":        func(o *Options) { o.URL = "https://desk.test/{webhook.nope}" },
		"operator's without a file": func(o *Options) { o.URL = "https://desk.test/{env.X}" },
		"no URL":                    func(o *Options) { o.URL = "" },
		"relative":                  func(o *Options) { o.URL = "/x" },
		"other scheme":              func(o *Options) { o.URL = "ftp://desk.test/" },
		"no host":                   func(o *Options) { o.URL = "https:///x" },
		"user name":                 func(o *Options) { o.URL = "https://u:p@desk.test/" },
		"fragment":                  func(o *Options) { o.URL = "https://desk.test/#{webhook.id}" },
		"scheme":                    func(o *Options) { o.URL = "{webhook.id}://desk.test/" },
		"whole":                     func(o *Options) { o.URL = "{webhook.id}" },
		"host":                      func(o *Options) { o.URL = "https://{webhook.project}.desk.test/" },
		"end of the host":           func(o *Options) { o.URL = "https://desk.test{webhook.id}/" },
		"port":                      func(o *Options) { o.URL = "https://desk.test:{webhook.id}/" },
		"port of nobody":            func(o *Options) { o.URL = "https://desk.test:65536/" },
		"authority in the userinfo": func(o *Options) { o.URL = "https://desk.test@{webhook.id}/" },
		"half an escape":            func(o *Options) { o.URL = "https://desk.test/%{webhook.id}" },
		"three quarters of one":     func(o *Options) { o.URL = "https://desk.test/%4{webhook.id}" },
	} {
		options := good()
		change(&options)
		if _, err := New(options); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "desk.test") {
			t.Errorf("%s: the error %q shows the URL", name, err)
		}
	}
}

func TestIsTraceparent(t *testing.T) {
	for text, want := range map[string]bool{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": true,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00": true,
		"":     false,
		"junk": false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01": false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": false,
	} {
		if got := isTraceparent(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
