package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// replay replays an event and returns the new one's ID.
func replay(t testing.TB, g *gateway.Gateway, id, event string) string {
	t.Helper()
	answer := g.API("POST", gateway.Integration(demo, id, "events", event, "replay"), nil).Want(t, http.StatusAccepted)
	again := answer.Text(t, "id")
	if again <= event || len(answer.JSON(t)) != 1 {
		t.Fatalf("the replay of %s is %s", event, answer.Body)
	}
	return again
}

func TestReplay(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "")
	g.Create(t, demo, github("gh", "event_filter", []string{"push"}))
	header := gateway.GitHub(secret, "push", "d-1", body)
	send := func() *gateway.Answer { return g.Post("/webhooks/gh", header, body) }
	sink.AnswerStatus(http.StatusUnprocessableEntity)
	first := accept(t, send())
	if failed := g.WaitStatus(t, demo, "gh", first, "failed"); failed["replay_of"] != nil {
		t.Errorf("the sender's event is a replay of %v", failed["replay_of"])
	}

	// A replay skips the filter and goes to the current resource.
	sink.AnswerStatus(http.StatusNoContent)
	g.API("PATCH", gateway.Integration(demo, "gh"), gateway.M{
		"event_filter": []string{"release"}, "resource": gateway.M{"type": "ticket", "id": "T-2"},
	}).Want(t, 200)
	second := replay(t, g, "gh", first)
	record := g.WaitStatus(t, demo, "gh", second, "delivered")
	if record["replay_of"] != first || record["delivery_id"] != "d-1" || record["event"] != "push" {
		t.Errorf("the replay is %v", record)
	}
	if got := g.Event(t, demo, "gh", first); got["status"] != "failed" || fmt.Sprint(got["headers"]) != fmt.Sprint(record["headers"]) {
		t.Errorf("the first is %v, the replay %v", got, record)
	}
	arrived := sink.Wait(second)
	if !bytes.Equal(arrived.Body, body) || arrived.URI != "/T-2" {
		t.Errorf("%s got %q", arrived.URI, arrived.Body)
	}
	for name, want := range map[string]string{
		"Idempotency-Key": second, "X-Webhook-Delivery": "d-1", "X-Webhook-Event": "push", "X-Webhook-Attempt": "1", "X-Github-Event": "push",
	} {
		if got := arrived.Header.Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}

	// The newest of the chain determines the answer to a repeated delivery, even
	// after a crash.
	g.API("PATCH", gateway.Integration(demo, "gh"), gateway.M{"event_filter": nil}).Want(t, 200)
	is(t, send(), http.StatusOK, `{"status":"duplicate","id":"`+first+`"}`)
	g.Kill()
	g.Start()
	is(t, send(), http.StatusOK, `{"status":"duplicate","id":"`+first+`"}`)
	sink.AnswerStatus(http.StatusUnprocessableEntity)
	third := replay(t, g, "gh", first)
	g.WaitStatus(t, demo, "gh", third, "failed")
	if again := accept(t, send()); again != first {
		t.Errorf("the newest was queued again as %s, want %s", again, first)
	}
	if got := sink.WaitAttempts(third, 2)[1]; got.Header.Get("Idempotency-Key") != third+".2" {
		t.Errorf("Idempotency-Key %q", got.Header.Get("Idempotency-Key"))
	}
	if n := len(sink.Of(first)); n != 1 {
		t.Errorf("the first arrived %d times", n)
	}
}

func TestReplayIsRefused(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, declared("declared"))
	g.Create(t, demo, github("gh"))
	path := func(project, id, event string) string {
		return gateway.Integration(project, id, "events", event, "replay")
	}
	send := func(id string) string {
		return accept(t, g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", "d-"+id, body), body))
	}
	sink.AnswerStatus(http.StatusServiceUnavailable)
	pending := send("gh")
	refused(t, g.API("POST", path(demo, "gh", pending), nil), http.StatusConflict, "pending")
	sink.AnswerStatus(http.StatusUnprocessableEntity)
	event := send("declared")
	g.WaitStatus(t, demo, "declared", event, "failed")

	refused(t, g.API("POST", path("other", "declared", event), nil), http.StatusNotFound)
	refused(t, g.API("POST", path(demo, "gh", event), nil), http.StatusNotFound)
	refused(t, g.API("POST", path(demo, "declared", strings.Repeat("0", 26)), nil), http.StatusNotFound)
	refused(t, g.API("GET", path(demo, "declared", event), nil), http.StatusMethodNotAllowed)
	refused(t, g.API("POST", gateway.Integration(demo, "declared", "replay"), gateway.M{"status": "pending"}), http.StatusBadRequest, "status")

	replay(t, g, "declared", event) // a declared integration's events can be replayed as well
	g.API("PATCH", gateway.Integration(demo, "gh"), gateway.M{"is_enabled": false}).Want(t, 200)
	refused(t, g.API("POST", path(demo, "gh", pending), nil), http.StatusConflict, "disabled")
	refused(t, g.API("POST", gateway.Integration(demo, "gh", "replay"), gateway.M{}), http.StatusConflict, "disabled")
}

func TestBulkReplay(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, "")
	g.Create(t, demo, github("gh"))
	sink.AnswerStatus(http.StatusUnprocessableEntity)
	const n = 12
	failed := make(map[string]bool)
	for i := range n {
		event := []string{"push", "release"}[i%2]
		id := accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, event, fmt.Sprint("d-", i), body), body))
		g.WaitStatus(t, demo, "gh", id, "failed")
		failed[id] = true
	}
	sink.AnswerStatus(http.StatusNoContent)
	bulk := func(selection gateway.M, matched, replayed, skipped int) {
		t.Helper()
		is(t, g.API("POST", gateway.Integration(demo, "gh", "replay"), selection), http.StatusOK,
			fmt.Sprintf(`{"matched":%d,"replayed":%d,"skipped":%d}`, matched, replayed, skipped))
	}
	bulk(gateway.M{"dry_run": true}, n, 0, 0)
	bulk(gateway.M{"event": "push", "limit": n / 4}, n/2, n/4, 0)
	bulk(gateway.M{"to": "2020-01-01T00:00:00Z"}, 0, 0, 0)
	bulk(gateway.M{}, n, n-n/4, n/4)
	bulk(gateway.M{}, n, 0, n)
	gateway.Eventually(t, "the replays have arrived", func() bool { return len(sink.Events()) == 2*n })
	for id, times := range sink.Events() {
		if times != 1 {
			t.Errorf("event %s arrived %d times", id, times)
		}
		if record := g.WaitStatus(t, demo, "gh", id, map[bool]string{true: "failed", false: "delivered"}[failed[id]]); !failed[id] && !failed[fmt.Sprint(record["replay_of"])] {
			t.Errorf("event %s is a replay of %v", id, record["replay_of"])
		}
	}
}
