package integrationtests

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// added is a list concatenated n times.
func added(n int, list string) string {
	if n == 1 {
		return list
	}
	return "(" + added(n/2, list) + "+" + added(n-n/2, list) + ")"
}

// An expression costs no more than allowed, wherever its work is, and one
// project's cost makes no other wait.
func TestExpressionsOfOneProject(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	g.Create(t, "other", github("good", "match", `payload.size() == 0`))
	body := []byte(`{"l":[1` + strings.Repeat(",1", 22_000) + `]}`)
	for i, expression := range []string{
		`[payload.l].exists(x, [` + added(128, "x") + `].exists(y, 2 in ` + added(128, "y") + `))`,
		`[payload.l].exists(x, ` + added(128, "[x]") + `.exists(y, 2 in ` + added(128, "y") + `))`,
		`payload.l.exists(x, payload.l == payload.l + [x])`,
		`payload.l.map(x, payload.l + payload.l).exists(y, 2 in y)`,
	} {
		id := fmt.Sprint("heavy-", i)
		g.Create(t, demo, github(id, "match", expression))
		send := func() *gateway.Answer {
			return g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", "d", body), body)
		}
		done := make(chan struct{})
		var busy sync.WaitGroup
		for range 8 {
			busy.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						if got := send(); got.Status != http.StatusOK && got.Status != http.StatusServiceUnavailable {
							t.Errorf("%s: %d %s", id, got.Status, got.Body)
						}
					}
				}
			})
		}
		for n := range 20 {
			began := time.Now()
			small := []byte(`{}`)
			got := g.Post("/webhooks/good", gateway.GitHub(secret, "push", fmt.Sprint(i, "-", n), small), small)
			if took := time.Since(began); got.Status != http.StatusAccepted || took > 2*time.Second {
				t.Errorf("another project beside %s: %d after %v", id, got.Status, took)
			}
		}
		close(done)
		busy.Wait()
		is(t, send(), http.StatusOK, `{"status":"filtered","event":"push"}`)
	}
	if metric(t, g, `refusals_total{reason="match_cost"}`) < 1 {
		t.Error("no expression has cost too much")
	}
	numbers := "[" + strings.Repeat("1,", 159) + "1]"
	refused(t, g.API("PATCH", gateway.Integration(demo, "heavy-0"), gateway.M{"match": numbers + `.exists(x, ` + numbers + `.exists(y, x != y))`}),
		http.StatusBadRequest, "match", "costs too much")

	// The same holds for trying it on stored events.
	g.Create(t, demo, github("trial"))
	for n := range 10 {
		accept(t, g.Post("/webhooks/trial", gateway.GitHub(secret, "push", fmt.Sprint(n), body), body))
	}
	began := time.Now()
	tried := g.API("POST", gateway.Integration(demo, "trial", "events", "match"), gateway.M{"match": `payload.l.exists(x, payload.l == payload.l + [x])`}).
		Want(t, http.StatusOK)
	if took := time.Since(began); took > 10*time.Second || strings.Count(string(tried.Body), `"reason":"match_cost"`) != 10 {
		t.Errorf("after %v: %s", took, tried.Body)
	}
}

// Fields that would take long to find are refused, or fail their event soon;
// others are delivered meanwhile.
func TestFieldsOfOneProject(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "")
	refused(t, g.API("POST", gateway.Integrations(demo), github("refused", "payload", gateway.M{"fields": gateway.M{"a": strings.Repeat("#(a)#|", 42) + "#"}})),
		http.StatusBadRequest, "payload.fields.a", "#")
	path := strings.Repeat("#(a)#|", 5) + "#(a)#"
	g.Create(t, demo, github("heavy", "payload", gateway.M{"fields": gateway.M{"a": path, "b": path, "c": path, "d": path}}))
	g.Create(t, "other", github("good"))
	body := []byte(`[{"a":"x"}` + strings.Repeat(`,{"a":"x"}`, 100_000) + `]`)
	var heavy []string
	for n := range 8 {
		heavy = append(heavy, accept(t, g.Post("/webhooks/heavy", gateway.GitHub(secret, "push", fmt.Sprint(n), body), body)))
	}
	small := []byte(`{}`)
	began := time.Now()
	sink.Wait(accept(t, g.Post("/webhooks/good", gateway.GitHub(secret, "push", "d", small), small)))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("another project's event arrived after %v", took)
	}
	for _, id := range heavy {
		event := g.WaitStatus(t, demo, "heavy", id, "failed")
		attempts := event["attempts"].([]any)
		if last := attempts[len(attempts)-1].(gateway.M); last["error"] != "request_invalid" || last["duration_ms"].(float64) > 1000 {
			t.Errorf("recorded %v", last)
		}
	}
}

// An expression, a filter, and what the trigger receives use the same value, or
// none.
func TestOneReading(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "")
	g.Create(t, demo, github("gh", "match", `payload.branch == "main"`, "payload", gateway.M{"fields": gateway.M{"branch": "branch"}}))
	send := func(delivery, body string) *gateway.Answer {
		return g.Post("/webhooks/gh", gateway.GitHub(secret, "push", delivery, []byte(body)), []byte(body))
	}
	for i, body := range []string{`{"branch":"main"}`, `{"br\u0061nch":"ma\u0069n"}`, `{"Branch":"evil","branch":"main"}`, "\xef\xbb\xbf" + `{"a":{"branch":"evil"},"branch":"main"}`} {
		arrived := sink.Wait(accept(t, send(fmt.Sprint("good-", i), body)))
		if string(arrived.Body) != `{"branch":"main"}` {
			t.Errorf("%s arrived as %s", body, arrived.Body)
		}
	}
	for i, body := range []string{`{"branch":"evil","branch":"main"}`, `{"branch":"main","branch":"evil"}`, `{"branch":"main","br\u0061nch":"evil"}`, `{"branch":"main"`, ``} {
		problem(t, send(fmt.Sprint("bad-", i), body), http.StatusBadRequest)
	}
	is(t, send("other", `{"Branch":"main","branch":"evil"}`), http.StatusOK, `{"status":"filtered","event":"push"}`)
}

// A body that says nothing and an unreadable body get different answers.
func TestUnreadableBody(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	datadog := func(id string, more ...any) gateway.M {
		in := github(id, more...)
		in["authentication"] = gateway.M{"signature": gateway.M{"provider": "datadog", "secrets": []string{secret}}}
		return in
	}
	g.Create(t, demo, datadog("typed", "event_filter", []string{"alert"}))
	g.Create(t, demo, datadog("any"))
	post := func(id, body string) *gateway.Answer {
		return g.Post("/webhooks/"+id, gateway.Headers("Authorization", "Bearer "+secret, "Content-Type", "application/json"), []byte(body))
	}
	accept(t, post("typed", `{"event_type":"alert","id":"1"}`))
	for _, silent := range []string{`{}`, `[]`, `{"event_type":7.5}`} {
		is(t, post("typed", silent), http.StatusOK, `{"status":"filtered","event":""}`)
	}
	broken := []string{"{\"event_type\":\"alert\",\"text\":\"one\ntwo\"}", `{"event_type":"alert"`, "event_type=alert", "\xff\xfe{\x00}\x00", ""}
	for _, body := range broken {
		problem(t, post("typed", body), http.StatusBadRequest)
		accept(t, post("any", body))
	}
	if got := metric(t, g, `refusals_total{reason="body_unreadable"}`); got != float64(len(broken)) {
		t.Errorf("%v refusals are counted", got)
	}
}
