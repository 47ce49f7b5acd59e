// Package integrationtests tests the built binary from outside: real requests,
// real endpoints, real crashes.
package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// secret and its like are the credentials of the tests' integrations.
const (
	secret      = "It's a Secret to Everybody"
	oldSecret   = "the secret before the rotation"
	token       = "glpat-for-tests"
	headerValue = "open sesame"
)

// demo is the project of most integrations.
const demo = "demo"

// edge starts a gateway whose every request reaches the handler, with a sink
// behind the resource type ticket. The options are those of the global option.
func edge(t *testing.T, options string) (*gateway.Gateway, *gateway.Sink) {
	t.Helper()
	sink := gateway.NewSink(t)
	return gateway.Start(t, gateway.Config(options+"\n"+gateway.Ticket(sink), gateway.Edge)), sink
}

// declared is a Caddyfile integration for GitHub in project demo.
func declared(id string, options ...string) string {
	return fmt.Sprintf("integration %s {\nproject demo\nsignature github %q\nresource ticket %s\n%s\n}\n",
		id, secret, "T-"+id, strings.Join(options, "\n"))
}

var (
	acceptedBody = regexp.MustCompile(`^\{"status":"accepted","id":"[0-9A-HJKMNP-TV-Z]{26}"\}\n?$`)
	body         = []byte(`{"action":"opened","number":7,"title":"Grüße — 🚀"}`)
)

// accept fails the test unless the answer is a 202, and returns the event's ID.
func accept(t testing.TB, answer *gateway.Answer) string {
	t.Helper()
	answer.Want(t, http.StatusAccepted)
	if !acceptedBody.Match(answer.Body) {
		t.Fatalf("a 202 says %s", answer.Body)
	}
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("Content-Type %q", kind)
	}
	return answer.Text(t, "id")
}

// problem fails the test unless the answer is a problem (RFC 9457) of the
// status.
func problem(t testing.TB, answer *gateway.Answer, status int) {
	t.Helper()
	answer.Want(t, status)
	if kind := answer.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("Content-Type %q", kind)
	}
	object := answer.JSON(t)
	if object["status"] != float64(status) {
		t.Errorf("the problem's status is %v: %s", object["status"], answer.Body)
	}
	for _, member := range []string{"type", "title", "detail"} {
		if text, ok := object[member].(string); !ok || text == "" {
			t.Errorf("the problem has no %s: %s", member, answer.Body)
		}
	}
}

// same fails the test unless two answers are indistinguishable.
func same(t testing.TB, what string, a, b *gateway.Answer) {
	t.Helper()
	if a.Status != b.Status || !bytes.Equal(a.Body, b.Body) || a.Header.Get("Content-Type") != b.Header.Get("Content-Type") {
		t.Errorf("%s: %d %s differs from %d %s", what, a.Status, a.Body, b.Status, b.Body)
	}
}

// is fails the test unless the answer has the status and this JSON text.
func is(t testing.TB, answer *gateway.Answer, status int, text string) {
	t.Helper()
	answer.Want(t, status)
	if got := strings.TrimSpace(string(answer.Body)); got != text {
		t.Errorf("the answer is %s, want %s", got, text)
	}
}

func TestEdgeAnswers(t *testing.T) {
	t.Parallel()
	g, sink := edge(t,
		declared("plain")+
			declared("filtered", "event_filter push issues.opened release.*")+
			declared("disabled", "is_enabled off")+
			declared("ping-wanted", "event_filter ping")+
			declared("star", "event_filter *")+
			declared("no-delivery", "secure_header X-Key \""+headerValue+"\"", "require_sha256_signature off"))

	send := func(id, event, delivery string, body []byte) *gateway.Answer {
		return g.Post("/webhooks/"+id, gateway.GitHub(secret, event, delivery, body), body)
	}

	t.Run("stored", func(t *testing.T) {
		id := accept(t, send("plain", "pull_request", "d-1", body))
		if got := sink.Wait(id); !bytes.Equal(got.Body, body) {
			t.Errorf("the sink got %q", got.Body)
		}
	})
	t.Run("documented vector", func(t *testing.T) {
		text := []byte("Hello, World!")
		header := gateway.GitHub("", "push", "d-hello", text)
		header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
		if got := sink.Wait(accept(t, g.Post("/webhooks/plain", header, text))); !bytes.Equal(got.Body, text) {
			t.Errorf("the sink got %q", got.Body)
		}
	})
	t.Run("filtered", func(t *testing.T) {
		is(t, send("filtered", "pull_request", "f-1", body), 200, `{"status":"filtered","event":"pull_request"}`)
		is(t, send("filtered", "Push", "f-2", body), 200, `{"status":"filtered","event":"Push"}`)
		is(t, send("filtered", "issues", "f-3", []byte(`{"action":"closed"}`)), 200, `{"status":"filtered","event":"issues"}`)
		header := gateway.GitHub(secret, "push", "f-4", body)
		header.Del("X-GitHub-Event")
		is(t, g.Post("/webhooks/filtered", header, body), 200, `{"status":"filtered","event":""}`)
		accept(t, send("filtered", "push", "f-5", body))
		accept(t, send("filtered", "issues", "f-6", body))
		accept(t, send("filtered", "release", "f-7", []byte(`{"action":"published"}`)))
		accept(t, send("star", "issues", "f-8", body))
	})
	t.Run("ping", func(t *testing.T) {
		is(t, send("plain", "ping", "p-1", body), 200, `{"status":"pong"}`)
		is(t, send("star", "ping", "p-2", body), 200, `{"status":"pong"}`)
		is(t, send("filtered", "ping", "p-3", body), 200, `{"status":"pong"}`)
		accept(t, send("ping-wanted", "ping", "p-4", body))
		header := gateway.GitHub("wrong", "ping", "p-5", body)
		problem(t, g.Post("/webhooks/plain", header, body), 401)
	})
	t.Run("duplicate", func(t *testing.T) {
		first := accept(t, send("plain", "push", "dup-1", body))
		is(t, send("plain", "push", "dup-1", body), 200, `{"status":"duplicate","id":"`+first+`"}`)
	})
	t.Run("no delivery ID, no duplicate", func(t *testing.T) {
		header := gateway.Headers("X-Key", headerValue)
		first := accept(t, g.Post("/webhooks/no-delivery", header, body))
		if accept(t, g.Post("/webhooks/no-delivery", header, body)) == first {
			t.Error("two events have one ID")
		}
	})
	t.Run("unknown, malformed, disabled", func(t *testing.T) {
		unknown := send("unknown", "push", "u-1", body)
		problem(t, unknown, 404)
		same(t, "disabled", unknown, send("disabled", "push", "u-2", body))
		same(t, "malformed", unknown, send("-plain", "push", "u-3", body))
		same(t, "too long", unknown, send(strings.Repeat("a", 129), "push", "u-4", body))
		same(t, "disabled without credentials", unknown, g.Post("/webhooks/disabled", nil, body))
	})
	t.Run("refused credential", func(t *testing.T) {
		missing := g.Post("/webhooks/plain", nil, body)
		problem(t, missing, 401)
		same(t, "wrong", missing, g.Post("/webhooks/plain", gateway.GitHub("wrong", "push", "c-1", body), body))
		same(t, "malformed", missing, g.Post("/webhooks/plain", gateway.Headers("X-Hub-Signature-256", "sha256=zz"), body))
		same(t, "other integration", missing, g.Post("/webhooks/filtered", nil, body))
	})
	t.Run("method", func(t *testing.T) {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			answer := g.Request(method, "/webhooks/plain", nil, http.NoBody).Want(t, 405)
			if allow := answer.Header.Get("Allow"); allow != "POST" {
				t.Errorf("%s: Allow is %q", method, allow)
			}
			if method != "HEAD" {
				problem(t, answer, 405)
			}
		}
	})
	t.Run("query", func(t *testing.T) {
		accept(t, g.Post("/webhooks/plain?source=test", gateway.GitHub(secret, "push", "q-1", body), body))
	})
	t.Run("nothing refused was delivered", func(t *testing.T) {
		for _, d := range sink.Deliveries() {
			if id := d.Header.Get("X-Webhook-Id"); id == "disabled" || d.Header.Get("X-Webhook-Delivery") == "p-1" {
				t.Errorf("%s %s was delivered", id, d.Header.Get("X-Webhook-Delivery"))
			}
		}
	})
}

func TestEdgeOrder(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, declared("plain"))
	signed := func(body string, more ...string) http.Header {
		header := gateway.GitHub(secret, "push", "order", []byte(body))
		for i := 0; i < len(more); i += 2 {
			header.Set(more[i], more[i+1])
		}
		return header
	}
	wrong := gateway.GitHub("wrong", "push", "order", body)
	announce := "Content-Length: 999999999\n"

	t.Run("405 before 404", func(t *testing.T) { problem(t, g.Request("GET", "/webhooks/unknown", nil, http.NoBody), 405) })
	t.Run("405 before 413", func(t *testing.T) {
		problem(t, g.Raw(g.Addr, "PUT /webhooks/plain HTTP/1.1\n"+announce, ""), 405)
	})
	t.Run("404 before 413", func(t *testing.T) {
		problem(t, g.Raw(g.Addr, "POST /webhooks/unknown HTTP/1.1\n"+announce, ""), 404)
	})
	t.Run("413 by length before 401", func(t *testing.T) {
		problem(t, g.Raw(g.Addr, "POST /webhooks/plain HTTP/1.1\n"+announce, ""), 413)
	})
	t.Run("401 by headers before the body", func(t *testing.T) {
		// The body never arrives: an answer shows that it was not awaited.
		problem(t, g.Raw(g.Addr, "POST /webhooks/plain HTTP/1.1\nContent-Length: 1000\n", ""), 401)
		problem(t, g.Raw(g.Addr, "POST /webhooks/plain HTTP/1.1\nContent-Length: 1000\nX-Hub-Signature-256: sha256=\n", ""), 401)
		kept := gateway.Dial(t, g.Addr)
		began := time.Now()
		kept.Send("POST /webhooks/plain HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
		problem(t, kept.Answer(), 401)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the answer on a connection that is to be kept took %v", took)
		}
	})
	t.Run("401 by headers before 415", func(t *testing.T) {
		problem(t, g.Post("/webhooks/plain", gateway.Headers("Content-Encoding", "gzip"), body), 401)
	})
	t.Run("415 before 401 by signature", func(t *testing.T) {
		header := wrong.Clone()
		header.Set("Content-Encoding", "gzip")
		problem(t, g.Post("/webhooks/plain", header, body), 415)
	})
	t.Run("401 before 400", func(t *testing.T) {
		header := wrong.Clone()
		header.Add("X-GitHub-Event", "issues")
		problem(t, g.Post("/webhooks/plain", header, body), 401)
		header = wrong.Clone()
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		problem(t, g.Post("/webhooks/plain", header, []byte("nothing=here")), 401)
	})
	t.Run("400 before ping", func(t *testing.T) {
		header := signed("{}", "X-GitHub-Event", "ping")
		header.Add("X-GitHub-Delivery", "second")
		problem(t, g.Post("/webhooks/plain", header, []byte("{}")), 400)
	})
	t.Run("one 401", func(t *testing.T) {
		early := g.Post("/webhooks/plain", nil, body)
		late := g.Post("/webhooks/plain", wrong, body)
		same(t, "before and after the body", early, late)
	})
}

func TestEdgePaths(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	raw := func(target string) *gateway.Answer {
		text := "{}"
		return g.Raw(g.Addr, "POST "+target+" HTTP/1.1\nContent-Length: 2\nX-GitHub-Event: push\nX-Hub-Signature-256: "+
			gateway.SHA256(secret, []byte(text))+"\n", text)
	}
	unknown := raw("/webhooks/unknown")
	problem(t, unknown, 404)
	for _, target := range []string{
		"/", "/webhooks", "/webhooks/", "/webhooks/plain/", "/webhooks//plain", "//webhooks/plain", "/webhooks/./plain",
		"/webhooks/x/../plain", "/x/../webhooks/plain", "/webhooks/..", "/webhooks/.", "/webhooks/%2e%2e",
		"/webhooks/%70lain", "/%77ebhooks/plain", "/webhooks/plain%2f", "/webhooks%2fplain", "/webhooks/plain%00",
		"/webhooks/plain%20", "/webhooks/plain;x=1", "/webhooks/plain/more", "/WEBHOOKS/plain", "/webhooks/Plain",
		"/webhooks/plain%0a", "/webhooks/plain.", "/webhooks/plain\\", "/webhooks/pl\xc3\xa4in", "/webhooks/" + strings.Repeat("a", 10_000),
		"/webhooks/plain%3fx", "/webhooks/_plain",
	} {
		same(t, target, unknown, raw(target))
	}
	accept(t, raw("/webhooks/plain"))
	accept(t, raw("/webhooks/plain?"))
	accept(t, raw("http://hooks.example.com/webhooks/plain"))
	gateway.Eventually(t, "the three good ones have arrived", func() bool { return len(sink.Deliveries()) == 3 })
}

func TestEdgePrefix(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(declared("plain")+gateway.Ticket(sink), `
	webhooks /in/* {
		max_body 1KB
	}
	handle_path /stripped/* {
		webhooks {
			prefix /
		}
	}
	handle /named/hooks/* {
		webhooks {
			prefix /named/hooks/
		}
	}
	respond "the site" 404
`))
	header := func(delivery string) http.Header { return gateway.GitHub(secret, "push", delivery, body) }
	accept(t, g.Post("/in/plain", header("1"), body))
	accept(t, g.Post("/stripped/plain", header("2"), body))
	accept(t, g.Post("/named/hooks/plain", header("3"), body))
	problem(t, g.Post("/in/unknown", header("4"), body), 404)
	problem(t, g.Post("/in/plain", nil, make([]byte, 1025)), 413)
	if answer := g.Post("/elsewhere/plain", header("5"), body).Want(t, 404); string(answer.Body) != "the site" {
		t.Errorf("the site's answer is %q", answer.Body)
	}
}
