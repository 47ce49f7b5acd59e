package integrationtests

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// of is a Caddyfile integration for GitHub in a project.
func of(project, id string) string {
	return strings.Replace(declared(id), "project demo", "project "+project, 1)
}

// hold makes a sink answer nothing until release is called.
func hold(t *testing.T, sink *gateway.Sink) (release func()) {
	free := make(chan struct{})
	sink.Answer(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-free:
		case <-r.Context().Done():
		}
	})
	release = sync.OnceFunc(func() {
		sink.Answer(nil)
		close(free)
	})
	t.Cleanup(release)
	return release
}

// full fails the test unless the answer is a 503 that describes a limit in
// these words.
func full(t *testing.T, answer *gateway.Answer, words string) {
	t.Helper()
	problem(t, answer, http.StatusServiceUnavailable)
	if !strings.Contains(answer.Text(t, "detail"), words) {
		t.Errorf("the detail is %q, want %q", answer.Text(t, "detail"), words)
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After %q", answer.Header.Get("Retry-After"))
	}
}

// metric returns the value of one of Hookgate's series, named without its
// prefix.
func metric(t *testing.T, g *gateway.Gateway, series string) float64 {
	t.Helper()
	for line := range strings.Lines(string(g.API("GET", "/metrics", nil).Want(t, 200).Body)) {
		if text, found := strings.CutPrefix(line, "caddy_webhooks_"+series+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	return -1
}

// status returns a number from the status page.
func status(t *testing.T, g *gateway.Gateway, path ...string) float64 {
	t.Helper()
	var value any = g.API("GET", "/webhooks/status", nil).Want(t, 200).JSON(t)
	for _, name := range path {
		object, _ := value.(gateway.M)
		value = object[name]
	}
	number, ok := value.(float64)
	if !ok {
		t.Fatalf("the status has no number %v", path)
	}
	return number
}

// countOf returns the number of an integration's events with a status, up to
// 500.
func countOf(t *testing.T, g *gateway.Gateway, id, status string) int {
	t.Helper()
	page := g.API("GET", gateway.Integration(demo, id, "events")+"?limit=500&status="+status, nil).Want(t, 200).JSON(t)
	return len(page["items"].([]any))
}

// TestBacklog fills the backlog: one integration's quarter of it, one project's
// half, and the whole. Only the one over its share is refused.
func TestBacklog(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(backlog int) string {
		return gateway.Config(fmt.Sprintf("limits {\nbacklog %d\n}\n", backlog)+soon+gateway.Ticket(sink)+
			of("one", "a")+of("one", "b")+of("one", "c")+of("two", "d")+of("two", "e")+of("three", "f"), gateway.Edge)
	}
	g := gateway.Start(t, config(8))
	release := hold(t, sink)
	delivery := 0
	send := func(id string) *gateway.Answer {
		delivery++
		return g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", fmt.Sprint(delivery), body), body)
	}
	var accepted []string
	take := func(id string, n int) {
		t.Helper()
		for range n {
			accepted = append(accepted, accept(t, send(id)))
		}
	}
	take("a", 2)
	full(t, send("a"), "backlog of this integration is full")
	take("b", 2)
	full(t, send("c"), "project")
	take("d", 2)
	take("e", 2)
	full(t, send("f"), "backlog of events is full")
	again := g.Post("/webhooks/a", gateway.GitHub(secret, "push", "1", body), body)
	if again.Status != 200 || again.Text(t, "status") != "duplicate" {
		t.Errorf("a duplicate on a full backlog: %d %s", again.Status, again.Body)
	}

	for series, want := range map[string]float64{
		"events_pending": 8, "events_pending_limit": 8,
		`refusals_total{reason="limit_integration_backlog"}`: 1,
		`refusals_total{reason="limit_project_backlog"}`:     1,
		`refusals_total{reason="limit_backlog"}`:             1,
		`requests_total{outcome="unavailable"}`:              3,
		`store_state{state="ok"}`:                            1,
		`store_state{state="full"}`:                          0,
	} {
		if got := metric(t, g, series); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if used, limit := status(t, g, "limits", "backlog", "used"), status(t, g, "limits", "backlog", "limit"); used != 8 || limit != 8 {
		t.Errorf("the status says %v of %v", used, limit)
	}

	g.Reload(config(800)) // in force at once, for pending events too
	take("a", 10)
	take("f", 1)
	if got := metric(t, g, "events_pending_limit"); got != 800 {
		t.Errorf("the backlog's limit is %v after the reload", got)
	}
	g.Reload(config(8))
	full(t, send("f"), "backlog of events is full")
	if out, err := g.TryReload(strings.Replace(config(800), "backlog 800", "backlog 800\nin_flight 1", 1)); err == nil {
		t.Errorf("the reload took a senseless limit: %s", out)
	}
	full(t, send("f"), "backlog of events is full")

	release()
	allArrive(t, sink, accepted)
	gateway.Eventually(t, "there is room again", func() bool { return send("f").Status == http.StatusAccepted })
	g.Stop()
	g.WriteConfig(config(8))
	g.Start()
	take("a", 1)
}

// TestIntegrationEvents: an integration keeps a limited number of events, the
// newest; it is refused only while none of them can be purged.
func TestIntegrationEvents(t *testing.T) {
	t.Parallel()
	const most = 32
	g, sink := edge(t, fmt.Sprintf("limits {\nintegration_events %d\n}\n", most)+declared("busy")+declared("quiet"))
	first := push(g, t, "quiet", "first")
	var oldest, last string
	for i := range 10 * most {
		delivery := fmt.Sprint("settled-", i)
		var answer *gateway.Answer
		gateway.Eventually(t, "a settled event makes room", func() bool {
			answer = g.Post("/webhooks/busy", gateway.GitHub(secret, "push", delivery, body), body)
			return answer.Status != http.StatusServiceUnavailable
		})
		last = accept(t, answer)
		oldest = cmp.Or(oldest, last)
		sink.Wait(last)
	}
	g.WaitStatus(t, demo, "busy", last, "delivered")
	g.WaitStatus(t, demo, "quiet", first, "delivered")
	if n := countOf(t, g, "busy", ""); n > most || n < most/2 {
		t.Errorf("%d events are kept, want at most %d", n, most)
	}
	if got := metric(t, g, `events_purged_total{status="delivered"}`); got < 9*most-most/2 {
		t.Errorf("%v events were purged", got)
	}
	is(t, g.Post("/webhooks/busy", gateway.GitHub(secret, "push", "settled-0", body), body), 200,
		`{"status":"duplicate","id":"`+oldest+`"}`) // although it was purged

	release := hold(t, sink)
	accepted := 0
	gateway.Eventually(t, "the integration is refused", func() bool {
		accepted++
		answer := g.Post("/webhooks/busy", gateway.GitHub(secret, "push", fmt.Sprint("pending-", accepted), body), body)
		if answer.Status == http.StatusServiceUnavailable {
			full(t, answer, "has reached its limit of events")
		}
		return answer.Status != http.StatusAccepted && countOf(t, g, "busy", "delivered") == 0
	})
	if accepted < most/2 {
		t.Errorf("it was refused after %d events", accepted)
	}
	push(g, t, "quiet", "second")
	release()
	gateway.Eventually(t, "there is room again", func() bool {
		return g.Post("/webhooks/busy", gateway.GitHub(secret, "push", "after", body), body).Status == http.StatusAccepted
	})
}

// TestDiskBudget: delivered events make room for new ones, pending ones do not.
func TestDiskBudget(t *testing.T) {
	t.Parallel()
	const budget = 64 << 20
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("limits {\ndisk 64MiB\n}\n"+soon+gateway.Ticket(sink)+
		of("one", "a")+of("one", "b")+of("one", "c")+of("two", "d"), gateway.Edge))
	large := func(delivery string) []byte {
		return fmt.Appendf(nil, `{"delivery":%q,"padding":%q}`, delivery, strings.Repeat("x", 1<<20))
	}
	delivery := 0
	send := func(id string) *gateway.Answer {
		delivery++
		body := large(fmt.Sprint(delivery))
		return g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", fmt.Sprint(delivery), body), body)
	}
	var accepted []string
	for range 3 * budget >> 20 {
		var answer *gateway.Answer
		gateway.Eventually(t, "delivered events make room", func() bool {
			answer = send("a")
			return answer.Status != http.StatusServiceUnavailable
		})
		accepted = append(accepted, accept(t, answer))
	}
	allArrive(t, sink, accepted)
	if used := metric(t, g, "disk_bytes"); used > budget*5/4 {
		t.Errorf("%v bytes of disk are used", used)
	}
	if purged := metric(t, g, `events_purged_total{status="delivered"}`); purged < 64 {
		t.Errorf("%v events were purged", purged)
	}
	if limit := status(t, g, "limits", "disk", "limit"); limit != budget {
		t.Errorf("the status says that the budget is %v", limit)
	}

	release := hold(t, sink)
	fill := func(id, words string) {
		t.Helper()
		for range budget >> 20 {
			answer := send(id)
			if answer.Status != http.StatusAccepted {
				full(t, answer, words)
				return
			}
			accepted = append(accepted, answer.Text(t, "id"))
		}
		t.Fatal("there is no end of room")
	}
	fill("a", "disk space for events of this integration is used up")
	fill("b", "disk space for events of this integration")
	full(t, send("c"), "disk space for events of this integration's project is used up")
	accepted = append(accepted, accept(t, send("d")))
	release()
	allArrive(t, sink, accepted)
	gateway.Eventually(t, "there is room again", func() bool { return send("a").Status == http.StatusAccepted })
}

// TestRetention: finished events are purged by age, pending ones stay, and a
// late copy is still recognised.
func TestRetention(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("retention {\ndelivered 2s\nfailed 1h\n}\n"+soon+gateway.Ticket(sink)+declared("plain"), gateway.Edge))
	delivered := push(g, t, "plain", "1")
	g.WaitStatus(t, demo, "plain", delivered, "delivered")
	sink.AnswerStatus(http.StatusUnprocessableEntity)
	failed := push(g, t, "plain", "2")
	g.WaitStatus(t, demo, "plain", failed, "failed")
	release := hold(t, sink)
	pending := push(g, t, "plain", "3")

	gone := func(event string) func() bool {
		return func() bool {
			return g.API("GET", gateway.Integration(demo, "plain", "events", event), nil).Status == http.StatusNotFound
		}
	}
	gateway.Eventually(t, "the delivered event is gone", gone(delivered))
	if got := metric(t, g, `events_purged_total{status="delivered"}`); got != 1 {
		t.Errorf("%v delivered events were purged", got)
	}
	g.WaitStatus(t, demo, "plain", failed, "failed")
	g.WaitStatus(t, demo, "plain", pending, "pending")
	is(t, g.Post("/webhooks/plain", gateway.GitHub(secret, "push", "1", body), body), 200,
		`{"status":"duplicate","id":"`+delivered+`"}`)

	g.Reload(gateway.Config("retention {\ndelivered 1h\nfailed 1s\n}\n"+soon+gateway.Ticket(sink)+declared("plain"), gateway.Edge))
	gateway.Eventually(t, "the failed event is gone", gone(failed))
	release()
	g.WaitStatus(t, demo, "plain", pending, "delivered")
	g.Kill()
	g.Start()
	g.WaitStatus(t, demo, "plain", pending, "delivered")
	for _, event := range []string{delivered, failed} {
		if !gone(event)() {
			t.Errorf("%s has come back", event)
		}
	}
}
