package integrationtests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// soon makes every retry quick.
const soon = "retry {\ninitial 10ms\nmax 100ms\n}\n"

func push(g *gateway.Gateway, t testing.TB, id, delivery string) string {
	t.Helper()
	return accept(t, g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", delivery, body), body))
}

func TestTriggerRequest(t *testing.T) {
	t.Parallel()
	const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(`
		trigger http ticket `+sink.URL+`/tickets/{webhook.resource_id}/{webhook.event}?project={webhook.project}&event={webhook.event} {
			header X-Team {webhook.project}
			header Authorization "Bearer {env.TICKET_TOKEN}"
			signing_secret {env.TRIGGER_SECRET}
		}
		integration gh {
			project demo
			alias "PR \"review\""
			signature github "`+secret+`"
			resource ticket a/b:c@d
		}
	`, gateway.Edge), "TICKET_TOKEN=operator's-token", "TRIGGER_SECRET="+signingSecret)

	const event = `Push Hook "a/b"?&{webhook.project}`
	header := gateway.GitHub(secret, event, "72d3162e", body)
	for name, value := range map[string]string{
		"X-GitHub-Hook-ID": "292430182", "Cookie": "session=1", "X-Forwarded-For": "203.0.113.7", "X-Bind-Key": "k",
		"X-Webhook-Project": "forged", "Webhook-Id": "forged", "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		header.Set(name, value)
	}
	id := accept(t, g.Post("/webhooks/gh", header, body))
	got := sink.Wait(id)

	if got.Method != http.MethodPost || !bytes.Equal(got.Body, body) {
		t.Errorf("the sink got %s %q", got.Method, got.Body)
	}
	target, err := url.Parse(got.URI)
	if err != nil {
		t.Fatal(err)
	}
	segments := strings.Split(target.EscapedPath(), "/")
	if len(segments) != 4 || segments[1] != "tickets" {
		t.Fatalf("the path is %s", target.EscapedPath())
	}
	for i, want := range map[int]string{2: "a/b:c@d", 3: event} {
		if text, err := url.PathUnescape(segments[i]); err != nil || text != want {
			t.Errorf("segment %d of the path is %q, want %q escaped", i, segments[i], want)
		}
	}
	if query := target.Query(); query.Get("project") != demo || query.Get("event") != event {
		t.Errorf("the query is %s", target.RawQuery)
	}

	for name, want := range map[string]string{
		"Webhook-Id": id, "Idempotency-Key": id, "X-Webhook-Id": "gh", "X-Webhook-Project": demo, "X-Webhook-Event": event,
		"X-Webhook-Delivery": "72d3162e", "X-Webhook-Attempt": "1", "X-GitHub-Event": event, "X-GitHub-Delivery": "72d3162e",
		"X-GitHub-Hook-ID": "292430182", "Content-Type": "application/json", "X-Team": demo, "Authorization": "Bearer operator's-token",
	} {
		if values := got.Header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s is %q, want %q", name, values, want)
		}
	}
	for _, name := range []string{"X-Hub-Signature-256", "X-Hub-Signature", "Cookie", "X-Forwarded-For", "X-Bind-Key"} {
		if values := got.Header.Values(name); len(values) != 0 {
			t.Errorf("%s was passed on: %q", name, values)
		}
	}
	if parent := got.Header.Get("Traceparent"); !strings.HasPrefix(parent, "00-0af7651916cd43dd8448eb211c80319c-") {
		t.Errorf("traceparent is %q: it leaves the sender's trace", parent)
	}
	seconds, err := strconv.ParseInt(got.Header.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		t.Errorf("Webhook-Timestamp is %q", got.Header.Get("Webhook-Timestamp"))
	}
	want := gateway.StandardWebhook(signingSecret, id, got.Header.Get("Webhook-Timestamp"), body)
	if !slices.Contains(strings.Fields(got.Header.Get("Webhook-Signature")), want) {
		t.Errorf("Webhook-Signature is %q, want %q", got.Header.Get("Webhook-Signature"), want)
	}
}

func TestTriggerTemplate(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("trigger http ticket "+sink.URL+" {\n"+
		"body `{\"event\":\"{webhook.event}\",\"alias\":\"{webhook.alias}\",\"id\":\"{webhook.event_id}\",\"to\":\"{webhook.resource_type} {webhook.resource_id}\"}`\n}\n"+
		declared("gh", `alias "a \"b\" {webhook.id} ü"`), gateway.Edge))
	const event = `x","evil":"{webhook.project}\`
	id := accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, event, "1", body), body))
	var got map[string]string
	if err := json.Unmarshal(sink.Wait(id).Body, &got); err != nil {
		t.Fatalf("the body is no JSON: %v: %s", err, sink.Wait(id).Body)
	}
	for name, want := range map[string]string{"event": event, "alias": `a "b" {webhook.id} ü`, "id": id, "to": "ticket T-gh"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("a value made a member of its own: %q", got)
	}
}

func TestTriggerOutcomes(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, soon+declared("gh"))
	elsewhere := gateway.NewSink(t)
	attempts := func(id, status string) []any {
		return g.WaitStatus(t, demo, "gh", id, status)["attempts"].([]any)
	}
	field := func(attempt any, name string) any { return attempt.(gateway.M)[name] }

	t.Run("delivered", func(t *testing.T) {
		for _, status := range []int{200, 201, 202, 204, 299} {
			sink.AnswerStatus(status)
			made := attempts(push(g, t, "gh", fmt.Sprint("good-", status)), "delivered")
			if len(made) != 1 || field(made[0], "status_code") != float64(status) {
				t.Errorf("after %d: attempts %v", status, made)
			}
			if field(made[0], "at") == nil || field(made[0], "duration_ms") == nil {
				t.Errorf("an attempt says %v", made[0])
			}
		}
	})
	t.Run("failed for good", func(t *testing.T) {
		for _, status := range []int{400, 402, 404, 409, 410, 413, 422, 499} {
			sink.AnswerStatus(status)
			made := attempts(push(g, t, "gh", fmt.Sprint("bad-", status)), "failed")
			if len(made) != 1 || field(made[0], "status_code") != float64(status) || field(made[0], "error") != "status" {
				t.Errorf("after %d: attempts %v", status, made)
			}
		}
	})
	t.Run("tried again", func(t *testing.T) {
		for _, status := range []int{408, 425, 429, 500, 502, 503, 504, 301, 302, 307, 308} {
			once := false
			sink.Answer(func(w http.ResponseWriter, _ *http.Request) {
				if once {
					w.WriteHeader(http.StatusOK)
					return
				}
				once = true
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(status)
			})
			id := push(g, t, "gh", fmt.Sprint("again-", status))
			made := attempts(id, "delivered")
			if len(made) != 2 || field(made[0], "status_code") != float64(status) {
				t.Errorf("after %d: attempts %v", status, made)
				continue
			}
			want := "status"
			if status < 400 {
				want = "redirect"
			}
			if field(made[0], "error") != want {
				t.Errorf("after %d the error is %v, want %s", status, field(made[0], "error"), want)
			}
			for i, d := range sink.Of(id) {
				if d.Header.Get("Idempotency-Key") != id || d.Header.Get("X-Webhook-Attempt") != fmt.Sprint(i+1) {
					t.Errorf("attempt %d: Idempotency-Key %s, X-Webhook-Attempt %s", i+1, d.Header.Get("Idempotency-Key"), d.Header.Get("X-Webhook-Attempt"))
				}
			}
		}
		if n := len(elsewhere.Deliveries()); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
	})
	t.Run("connection broken", func(t *testing.T) {
		// Once is not enough: a connection that was used before and breaks without an
		// answer may be replaced within the attempt.
		breaks := 3
		sink.Answer(func(http.ResponseWriter, *http.Request) {
			if breaks--; breaks >= 0 {
				panic(http.ErrAbortHandler)
			}
		})
		made := attempts(push(g, t, "gh", "broken"), "delivered")
		if len(made) < 2 || field(made[0], "error") != "connect" {
			t.Errorf("attempts %v", made)
		}
	})
}

func TestTriggerRetryAfter(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, "retry {\ninitial 10ms\nmax 2s\n}\n"+declared("gh"))
	for _, test := range []struct {
		after       string
		least, most time.Duration
	}{
		{"1", time.Second, 8 * time.Second},
		{"3600", 1900 * time.Millisecond, 10 * time.Second}, // honoured up to max
	} {
		var times []time.Time
		sink.Answer(func(w http.ResponseWriter, _ *http.Request) {
			times = append(times, time.Now())
			if len(times) == 1 {
				w.Header().Set("Retry-After", test.after)
				w.WriteHeader(http.StatusTooManyRequests)
			}
		})
		id := push(g, t, "gh", "after-"+test.after)
		sink.WaitAttempts(id, 2)
		g.WaitStatus(t, demo, "gh", id, "delivered")
		if waited := times[1].Sub(times[0]); waited < test.least || waited > test.most {
			t.Errorf("Retry-After %s: waited %v", test.after, waited)
		}
	}
}

func TestTriggerTimeout(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(soon+declared("gh")+gateway.Ticket(sink, "timeout 200ms"), gateway.Edge))
	once := false
	sink.Answer(func(w http.ResponseWriter, r *http.Request) {
		if !once {
			once = true
			<-r.Context().Done()
		}
	})
	record := g.WaitStatus(t, demo, "gh", push(g, t, "gh", "1"), "delivered")
	if first := record["attempts"].([]any)[0].(gateway.M); first["error"] != "timeout" {
		t.Errorf("the first attempt says %v", first)
	}
}

func TestTriggerGivesUp(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, "retry {\ninitial 10ms\nmax 50ms\nattempts 3\n}\n"+declared("gh"))
	sink.AnswerStatus(http.StatusInternalServerError)
	id := push(g, t, "gh", "1")
	record := g.WaitStatus(t, demo, "gh", id, "failed")
	if made := record["attempts"].([]any); len(made) != 3 || len(sink.Of(id)) != 3 {
		t.Errorf("%d attempts recorded, %d seen, want 3", len(made), len(sink.Of(id)))
	}
}

func TestTriggerEndpointDown(t *testing.T) {
	t.Parallel()
	addr := gateway.FreeAddr(t)
	g := gateway.Start(t, gateway.Config(soon+declared("gh")+"trigger http ticket http://"+addr+"/hidden-path {\n}\n", gateway.Edge))
	id := push(g, t, "gh", "1")
	gateway.Eventually(t, "an attempt has failed", func() bool {
		made, _ := g.Event(t, demo, "gh", id)["attempts"].([]any)
		return len(made) > 0 && made[0].(gateway.M)["error"] == "connect"
	})
	text := g.API("GET", gateway.Integration(demo, "gh", "events", id), nil).Body
	if bytes.Contains(text, []byte("hidden-path")) || bytes.Contains(text, []byte(addr)) {
		t.Errorf("the event names the operator's address: %s", text)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Listener.Close()
	server.Listener = gateway.Listen(t, addr)
	server.Start()
	defer server.Close()
	g.WaitStatus(t, demo, "gh", id, "delivered")
}

func TestTriggerRefusedCredential(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, soon+declared("gh"))
	if got := circuitsOf(t, g, "ticket"); got != (circuits{State: "closed"}) {
		t.Errorf("the circuits are %+v at first", got)
	}
	for status, want := range map[int]circuits{401: {"closed", 1, 0}, 403: {"closed", 0, 1}, 407: {"closed", 1, 0}} {
		sink.AnswerStatus(status)
		id := push(g, t, "gh", fmt.Sprint("refused-", status))
		gateway.Eventually(t, "the circuit is open", func() bool { return circuitsOf(t, g, "ticket") == want })
		if record := g.Event(t, demo, "gh", id); record["status"] != "pending" {
			t.Errorf("after %d the event is %v", status, record["status"])
		}
		sink.Answer(nil)
		g.WaitStatus(t, demo, "gh", id, "delivered")
		gateway.Eventually(t, "the circuit is closed", func() bool { return circuitsOf(t, g, "ticket") == circuits{State: "closed"} })
	}
}

func TestTriggerHeldWhileDisabled(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(soon+gateway.Ticket(sink), gateway.Edge))
	g.Create(t, demo, gateway.M{
		"webhook_id":     "gh",
		"authentication": gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}},
		"resource":       gateway.M{"type": "ticket", "id": "T-1"},
	})
	sink.AnswerStatus(http.StatusServiceUnavailable)
	id := push(g, t, "gh", "1")
	sink.Wait(id)
	g.API("PATCH", gateway.Integration(demo, "gh"), gateway.M{"is_enabled": false}).Want(t, 200)
	gateway.Eventually(t, "the event is held", func() bool { return g.Event(t, demo, "gh", id)["held"] == true })
	// An attempt that had begun may still end; no other follows.
	settled := len(sink.Of(id))
	if gateway.Within(time.Second, func() bool { return len(sink.Of(id)) > settled+1 }) {
		t.Error("a held event was attempted")
	}
	sink.Answer(nil)
	g.API("PATCH", gateway.Integration(demo, "gh"), gateway.M{"is_enabled": true}).Want(t, 200)
	if record := g.WaitStatus(t, demo, "gh", id, "delivered"); record["held"] != false {
		t.Errorf("a delivered event is held: %v", record["held"])
	}
}
