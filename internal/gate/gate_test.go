package gate

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

const push = `{"ref":"refs/heads/main"}`

func accepted(n int) string {
	return `{"status":"accepted","id":"` + storage.ID{15: byte(n)}.String() + `"}`
}

func TestAccept(t *testing.T) {
	b := newBackend(t, github())
	s := serve(t, b, New(Settings{}))
	header := signed("push", "d-1", push)
	header["X-Hub-Signature"] = []string{legacySignature(push)}
	header["X-Github-Hook-Id"] = []string{"42"}
	header["Traceparent"] = []string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	header["Cookie"] = []string{"a=b"}
	got := s.post(t, "/webhooks/hook", header, push)
	if got.status != 202 || got.body != accepted(1) || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %+v", got)
	}

	event := b.log.last(t)
	want := storage.Event{
		ID: event.ID, Integration: storage.Identity{1}, WebhookID: "hook", Project: "demo", Alias: "PR review",
		Provider: "github", Type: "push", DeliveryID: "d-1", ResourceType: "assistant", ResourceID: "8f0c",
	}
	kept, body := event.Header, string(event.Body)
	event.Header, event.Body = nil, nil
	if asText(event) != asText(want) || body != push {
		t.Errorf("stored %s with %q", asText(event), body)
	}
	wantKept := http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/044aadd"},
		"X-Github-Event": {"push"}, "X-Github-Delivery": {"d-1"}, "X-Github-Hook-Id": {"42"},
		"Traceparent": header["Traceparent"],
	}
	if asText(kept) != asText(wantKept) {
		t.Errorf("kept %s", asText(kept))
	}
	seen := s.lastSeen(t, 1)
	if seen.Outcome != Accepted || seen.Reason != "" || seen.StatusCode != 202 || seen.EventType != "push" ||
		seen.DeliveryID != "d-1" || seen.EventID != want.ID.String() || seen.Integration.WebhookID != "hook" || seen.Pass {
		t.Errorf("seen %+v", seen)
	}
}

func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestAnswers goes through the table of answers row by row.
func TestAnswers(t *testing.T) {
	good := signed("push", "d-1", push)
	with := func(name string, values ...string) http.Header {
		h := good.Clone()
		h[name] = values
		return h
	}
	filtered := github(func(it *integration.Integration) { it.EventFilter = []string{"pull_request.opened", "a\"b\\c*"} })
	tests := []struct {
		name    string
		it      *integration.Integration
		set     func(*backend)
		method  string
		path    string
		header  http.Header
		body    string
		status  int
		answer  string
		outcome Outcome
		reason  string
	}{
		{name: "method", method: "GET", status: 405, outcome: MethodNotAllowed, reason: "method"},
		{name: "method before path", method: "PUT", path: "/webhooks/%2e%2e", status: 405, outcome: MethodNotAllowed, reason: "method"},
		{name: "unknown", path: "/webhooks/other", status: 404, outcome: NotFound, reason: "unknown"},
		{name: "malformed", path: "/webhooks/_x", status: 404, outcome: NotFound, reason: "path"},
		{
			name: "disabled", it: github(func(it *integration.Integration) { it.IsEnabled = false }),
			status: 404, outcome: NotFound, reason: "disabled",
		},
		{name: "unsigned", header: http.Header{"X-Github-Event": {"push"}}, body: push, status: 401, outcome: Unauthorized, reason: "signature_missing"},
		{name: "another body", body: push + " ", header: good, status: 401, outcome: Unauthorized, reason: "signature_mismatch"},
		{name: "event header empty", header: with("X-Github-Event", ""), body: push, status: 400, outcome: Invalid, reason: "event_header"},
		{name: "event header twice", header: with("X-Github-Event", "push", "push"), body: push, status: 400, outcome: Invalid, reason: "event_header"},
		{name: "delivery header too long", header: with("X-Github-Delivery", strings.Repeat("x", 256)), body: push, status: 400, outcome: Invalid, reason: "event_header"},
		{name: "delivery header not ASCII", header: with("X-Github-Delivery", "\xc3\xbc"), body: push, status: 400, outcome: Invalid, reason: "event_header"},
		{name: "encoding", header: with("Content-Encoding", "gzip"), body: push, status: 415, outcome: UnsupportedEncoding, reason: "content_encoding"},
		{name: "encodings", header: with("Content-Encoding", "identity, gzip"), body: push, status: 415, outcome: UnsupportedEncoding, reason: "content_encoding"},
		{name: "no encoding", header: with("Content-Encoding", "Identity"), body: push, status: 202, answer: accepted(1), outcome: Accepted},
		{name: "form without payload", header: with("Content-Type", "application/x-www-form-urlencoded"), body: push, status: 400, outcome: Invalid, reason: "form"},
		{name: "not wanted", it: filtered, header: good, body: push, status: 200, answer: `{"status":"filtered","event":"push"}`, outcome: Filtered},
		{
			name: "not wanted, no type", it: filtered, header: http.Header{"X-Hub-Signature-256": {signature(push)}}, body: push,
			status: 200, answer: `{"status":"filtered","event":""}`, outcome: Filtered,
		},
		{name: "not wanted, quoted", it: filtered, header: with("X-Github-Event", `a"b\`), body: push, status: 200, answer: `{"status":"filtered","event":"a\"b\\"}`, outcome: Filtered},
		{name: "ping", it: filtered, header: with("X-Github-Event", "ping"), body: push, status: 200, answer: `{"status":"pong"}`, outcome: Pong},
		{name: "ping without filter", header: with("X-Github-Event", "ping"), body: push, status: 200, answer: `{"status":"pong"}`, outcome: Pong},
		{
			name: "ping named", it: github(func(it *integration.Integration) { it.EventFilter = []string{"ping"} }),
			header: with("X-Github-Event", "ping"), body: push, status: 202, answer: accepted(1), outcome: Accepted,
		},
		{
			name: "ping is not any", it: github(func(it *integration.Integration) { it.EventFilter = []string{"*"} }),
			header: with("X-Github-Event", "ping"), body: push, status: 200, answer: `{"status":"pong"}`, outcome: Pong,
		},
		{name: "store down", set: func(b *backend) { b.log.fail = errDown }, header: good, body: push, status: 503, outcome: Unavailable, reason: "store_unavailable"},
		{name: "lookup down", set: func(b *backend) { b.lookup = errDown }, header: good, body: push, status: 503, outcome: Unavailable, reason: "lookup_failed"},
		{name: "gateway down", set: func(b *backend) { b.acquire = errDown }, header: good, body: push, status: 503, outcome: Unavailable, reason: "gateway_unavailable"},
		{name: "flight full", set: func(b *backend) { b.flight = NewFlight(8) }, header: good, body: push, status: 503, outcome: Unavailable, reason: "limit_integration_in_flight"},
		{name: "no trigger", set: func(b *backend) { b.types = nil }, header: good, body: push, status: 503, outcome: Unavailable, reason: "no_trigger"},
		{
			name: "no resource", it: github(func(it *integration.Integration) { it.Resources = nil }), header: good, body: push,
			status: 503, outcome: Unavailable, reason: "no_trigger",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.it == nil {
				test.it = github()
			}
			b := newBackend(t, test.it)
			if test.set != nil {
				test.set(b)
			}
			s := serve(t, b, New(Settings{}))
			r, err := http.NewRequest(orElse(test.method, "POST"), s.URL+orElse(test.path, "/webhooks/hook"), strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = test.header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			got := s.do(t, r)
			if got.status != test.status || test.answer != "" && got.body != test.answer {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, test.status, test.answer)
			}
			if test.answer == "" {
				checkProblem(t, got)
			}
			if seen := s.lastSeen(t, 1); seen.Outcome != test.outcome || seen.Reason != test.reason || seen.StatusCode != test.status {
				t.Errorf("seen %q, %q, %d; want %q, %q", seen.Outcome, seen.Reason, seen.StatusCode, test.outcome, test.reason)
			}
			if stored := b.log.count(); (stored == 1) != (test.status == 202) {
				t.Errorf("%d events stored", stored)
			}
		})
	}
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func checkProblem(t *testing.T, got reply) {
	t.Helper()
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(got.body), &problem); err != nil {
		t.Fatalf("no problem document: %q", got.body)
	}
	if got.header.Get("Content-Type") != "application/problem+json" || problem.Type == "" ||
		problem.Title != http.StatusText(got.status) || problem.Status != got.status || problem.Detail == "" {
		t.Errorf("problem %+v of %s", problem, got.header.Get("Content-Type"))
	}
	if retry := got.header.Get("Retry-After"); (retry != "") != (got.status == 503) {
		t.Errorf("status %d with Retry-After %q", got.status, retry)
	}
	if allow := got.header.Get("Allow"); (allow == "POST") != (got.status == 405) {
		t.Errorf("status %d with Allow %q", got.status, allow)
	}
}

// Whatever is wrong with an ID or a credential, the answer tells nothing of
// it: every byte but the date is the same.
func TestRefusalsAreTheSameBytes(t *testing.T) {
	off := github(func(it *integration.Integration) { it.WebhookID, it.IsEnabled = "off", false })
	s := serve(t, newBackend(t, github(), off), New(Settings{}))
	for _, requests := range [][]string{
		{
			request("/webhooks/off", []string{"X-Hub-Signature-256: " + signature(push)}, push),
			request("/webhooks/none", nil, push),
			request("/webhooks/none", nil, ""),
			request("/webhooks/a.b", nil, push),
			request("/webhooks/hook/", nil, push),
			request("/elsewhere", nil, push),
		}, {
			request("/webhooks/hook", nil, push),
			request("/webhooks/hook", nil, ""),
			request("/webhooks/hook", []string{"X-Hub-Signature-256:"}, push),
			request("/webhooks/hook", []string{"X-Hub-Signature: " + legacySignature(push)}, push),
			request("/webhooks/hook", []string{"X-Hub-Signature-256: " + signature("another")}, push),
			request("/webhooks/hook", []string{"X-Hub-Signature-256: \xff"}, push),
		},
	} {
		first := ""
		for _, request := range requests {
			answer := regexp.MustCompile(`Date: .*\r\n`).ReplaceAllString(s.send(t, request), "")
			if first == "" {
				first = answer
			}
			if answer != first || answer == "" {
				t.Errorf("to %q:\n%s\nbut before:\n%s", request, answer, first)
			}
		}
	}
}

func TestPaths(t *testing.T) {
	root := github(func(it *integration.Integration) { it.WebhookID = "hook" })
	for prefix, paths := range map[string]map[string]int{
		"/webhooks/": {
			"/webhooks/hook": 202, "/webhooks/hook?a=b": 202,
			"/webhooks/": 404, "/webhooks": 404, "/hook": 404, "/": 404, "//webhooks/hook": 404,
			"/webhooks//hook": 404, "/webhooks/hook/": 404, "/webhooks/hook/x": 404, "/webhooks/./hook": 404,
			"/webhooks/../webhooks/hook": 404, "/webhooks/%68ook": 404, "/%77ebhooks/hook": 404,
			"/webhooks%2fhook": 404, "/webhooks/hook%2f": 404, "/webhooks/hook%00": 404, "/webhooks/%2e%2e/hook": 404,
			"/webhooks/h\xc3\xb6\xc3\xb6k": 404, "/webhooks/hook;a": 404, "/Webhooks/hook": 404, "/webhooks/HOOK": 404,
			"/webhooks/" + strings.Repeat("x", 129): 404, "/webhooks/-hook": 404,
		},
		"/":       {"/hook": 202, "//hook": 404, "/webhooks/hook": 404},
		"/a b/ü/": {"/a%20b/%C3%BC/hook": 202, "/a%20b/%C3%BC/%68ook": 404, "/a%20b/hook": 404},
	} {
		b := newBackend(t, root)
		s := serve(t, b, New(Settings{Prefix: prefix}))
		for path, status := range paths {
			body := "{" + path
			fields := []string{"X-Hub-Signature-256: " + signature(body)}
			if got := s.raw(t, request(path, fields, body)); got.status != status {
				t.Errorf("prefix %q, path %q: %d, want %d", prefix, path, got.status, status)
			}
		}
	}
}

// The checks come in their order: each request is wrong in all that comes
// after its own row too.
func TestOrder(t *testing.T) {
	off := github(func(it *integration.Integration) { it.EventFilter = []string{"nothing"} })
	b := newBackend(t, off)
	b.types, b.log.fail = nil, errDown
	g := New(Settings{MaxBody: 64})
	try := func(method, path string, early bool, length int64, header http.Header, body string) int {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header, r.ContentLength = header, length
		if early {
			r.TLS = &tls.ConnectionState{}
		}
		w := httptest.NewRecorder()
		g.Serve(w, r, "192.0.2.1", b.Acquire)
		return w.Code
	}
	long := strings.Repeat("x", 65)
	unsigned := http.Header{"Content-Encoding": {"gzip"}, "X-Github-Event": {"a", "b"}}
	wrong := http.Header{"X-Hub-Signature-256": {signature("other")}, "X-Github-Event": {"a", "b"}}
	right := http.Header{"X-Hub-Signature-256": {signature(push)}, "X-Github-Event": {"a", "b"}}
	form := http.Header{
		"X-Hub-Signature-256": {signature(push)}, "X-Github-Event": {"a"},
		"Content-Type": {"application/x-www-form-urlencoded"},
	}
	encoded := wrong.Clone()
	encoded.Set("Content-Encoding", "gzip")
	tests := []struct {
		status, got int
	}{
		{405, try("GET", "/webhooks/none", true, 65, unsigned, long)},
		{404, try("POST", "/webhooks/none", true, 65, unsigned, long)},
		{425, try("POST", "/webhooks/hook", true, 65, unsigned, long)},
		{413, try("POST", "/webhooks/hook", false, 65, unsigned, long)},
		{401, try("POST", "/webhooks/hook", false, -1, unsigned, long)},
		{415, try("POST", "/webhooks/hook", false, -1, encoded, long)},
		{413, try("POST", "/webhooks/hook", false, -1, wrong, long)},
		{401, try("POST", "/webhooks/hook", false, -1, wrong, push)},
		{400, try("POST", "/webhooks/hook", false, -1, right, push)},
		{400, try("POST", "/webhooks/hook", false, -1, form, push)},
		{200, try("POST", "/webhooks/hook", false, -1, signed("ping", "1", push), push)},
		{200, try("POST", "/webhooks/hook", false, -1, signed("push", "1", push), push)},
	}
	for i, test := range tests {
		if test.got != test.status {
			t.Errorf("row %d: %d, want %d", i, test.got, test.status)
		}
	}
	done := &tls.ConnectionState{HandshakeComplete: true}
	r := httptest.NewRequest("POST", "/webhooks/hook", strings.NewReader(push))
	r.Header, r.TLS = signed("push", "1", push), done
	w := httptest.NewRecorder()
	if g.Serve(w, r, "", b.Acquire); w.Code != 200 {
		t.Errorf("after the handshake: %d", w.Code)
	}
}

func FuzzWebhookID(f *testing.F) {
	for _, path := range []string{"/webhooks/hook", "/webhooks/%68ook", "/webhooks//hook", "/webhooks/a/../hook", "/webhooks/hook\x00"} {
		f.Add(path)
	}
	g := New(Settings{})
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest(http.MethodPost, "http://test", nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL, err = r.URL.Parse(path); err != nil {
			return
		}
		id, ok := g.webhookID(r)
		if ok && (r.URL.EscapedPath() != "/webhooks/"+id || r.URL.Path != "/webhooks/"+id || strings.ContainsAny(id, "./%\\")) {
			t.Errorf("path %q (%q) led to %q", path, r.URL.EscapedPath(), id)
		}
	})
}
