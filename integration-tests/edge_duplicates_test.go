package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func TestDuplicates(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("delivery")+declared("other")+
		declared("body", "dedupe body")+
		declared("none", "dedupe none"))
	send := func(id, delivery string, body []byte) *gateway.Answer {
		return g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", delivery, body), body)
	}
	duplicate := func(t *testing.T, answer *gateway.Answer, first string) {
		t.Helper()
		is(t, answer, http.StatusOK, `{"status":"duplicate","id":"`+first+`"}`)
	}
	other := []byte(`{"another":"body"}`)

	first := accept(t, send("delivery", "d-1", body))
	duplicate(t, send("delivery", "d-1", body), first)
	if second := accept(t, send("delivery", "d-1", other)); second == first {
		t.Error("another body under the same delivery ID is the same event")
	}
	duplicate(t, send("delivery", "d-1", body), first)
	accept(t, send("delivery", "d-2", body))
	accept(t, send("other", "d-1", body)) // each integration has its own

	first = accept(t, send("body", "b-1", body))
	duplicate(t, send("body", "b-2", body), first)
	accept(t, send("body", "b-1", other))

	accept(t, send("none", "n-1", body))
	accept(t, send("none", "n-1", body))

	gateway.Eventually(t, "all have arrived", func() bool { return len(sink.Deliveries()) == 8 })
}

func TestDuplicatesAtOnce(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	const rounds, copies = 10, 16
	for round := range rounds {
		header := gateway.GitHub(secret, "push", fmt.Sprint("round-", round), body)
		answers := make([]*gateway.Answer, copies)
		var copying sync.WaitGroup
		for i := range copies {
			copying.Go(func() {
				answers[i], _ = g.Try("POST", "http://"+g.Addr+"/webhooks/plain", header, bytes.NewReader(body))
			})
		}
		copying.Wait()
		accepted, id := 0, ""
		for _, answer := range answers {
			if answer == nil {
				t.Fatal("a copy was not answered")
			}
			if id == "" {
				id = answer.Text(t, "id")
			}
			if got := answer.Text(t, "id"); got != id {
				t.Errorf("a copy has ID %s, another %s", got, id)
			}
			switch answer.Status {
			case http.StatusAccepted:
				accepted++
			case http.StatusOK:
			default:
				t.Errorf("a copy got %d", answer.Status)
			}
		}
		if accepted != 1 {
			t.Errorf("%d of %d copies were accepted, want one", accepted, copies)
		}
	}
	gateway.Eventually(t, "each round has arrived", func() bool { return len(sink.Events()) == rounds })
	for id, n := range sink.Events() {
		if n != 1 {
			t.Errorf("event %s arrived %d times", id, n)
		}
	}
}

func TestDuplicateOfAFailedEvent(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	send := func() *gateway.Answer {
		return g.Post("/webhooks/plain", gateway.GitHub(secret, "push", "again", body), body)
	}
	sink.AnswerStatus(http.StatusUnprocessableEntity)
	id := accept(t, send())
	g.WaitStatus(t, demo, "plain", id, "failed")
	for requeue := range 5 {
		if again := accept(t, send()); again != id {
			t.Fatalf("requeued as %s, want %s", again, id)
		}
		key := fmt.Sprintf("%s.%d", id, requeue+2)
		if got := sink.WaitAttempts(id, requeue+2)[requeue+1]; got.Header.Get("Idempotency-Key") != key {
			t.Errorf("Idempotency-Key %q, want %q", got.Header.Get("Idempotency-Key"), key)
		} else if number := fmt.Sprint(requeue + 2); got.Header.Get("X-Webhook-Attempt") != number {
			t.Errorf("X-Webhook-Attempt %q, want %s", got.Header.Get("X-Webhook-Attempt"), number)
		}
		g.WaitStatus(t, demo, "plain", id, "failed")
	}
	is(t, send(), http.StatusOK, `{"status":"duplicate","id":"`+id+`"}`)
	if n := len(sink.Of(id)); n != 6 {
		t.Errorf("%d attempts, want 6", n)
	}
}

func TestDuplicateOfADeliveredEvent(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	header := gateway.GitHub(secret, "push", "once", body)
	id := accept(t, g.Post("/webhooks/plain", header, body))
	g.WaitStatus(t, demo, "plain", id, "delivered")
	g.Kill()
	g.Start()
	is(t, g.Post("/webhooks/plain", header, body), http.StatusOK, `{"status":"duplicate","id":"`+id+`"}`)
	last := accept(t, g.Post("/webhooks/plain", gateway.GitHub(secret, "push", "last", body), body))
	sink.Wait(last)
	if last <= id {
		t.Errorf("event %s sorts before %s, which is older", last, id)
	}
	if n := len(sink.Of(id)); n != 1 {
		t.Errorf("the event arrived %d times", n)
	}
}

// A signed ID decides alone; the event type is part of the key; and a body
// counts as it was received, whatever its declared type.
func TestDuplicatesOfSenders(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, "public_url "+publicURL+"\n"+declared("github")+declared("bytes", "dedupe body")+
		fmt.Sprintf("integration notion {\nproject demo\nsignature notion %[1]q\nresource ticket T-1\n}\nintegration sms {\nproject demo\nsignature twilio %[1]q\ndedupe body\nresource ticket T-2\n}\n", secret)+
		fmt.Sprintf("integration header {\nproject demo\nsignature notion %[1]q\nsecure_header X-Secure %[1]q\nrequire_sha256_signature off\nresource ticket T-3\n}\n", secret))
	notion := func(path, body string, pairs ...string) *gateway.Answer {
		header, signed := signedBy(t, "notion", secret, publicURL+path, body, pairs...)
		return g.Post("/webhooks/"+path, header, signed)
	}
	first := accept(t, notion("notion", `{"id":"n-1","type":"page.created","attempt_number":1}`))
	for attempt := 2; attempt < 9; attempt++ {
		is(t, notion("notion", fmt.Sprintf(`{"id":"n-1","type":"page.created","attempt_number":%d}`, attempt)), 200, `{"status":"duplicate","id":"`+first+`"}`)
	}
	accept(t, notion("notion", `{"id":"n-2","type":"page.created","attempt_number":1}`))
	// A header with a secret says nothing about the ID.
	for _, n := range []int{1, 2} {
		accept(t, g.Post("/webhooks/header", gateway.Headers("X-Secure", secret), fmt.Appendf(nil, `{"id":"n-1","type":"page.created","attempt_number":%d}`, n)))
	}

	// A body that someone has seen, sent as another event.
	accept(t, g.Post("/webhooks/github", gateway.GitHub(secret, "issues", "d-1", body), body))
	genuine := accept(t, g.Post("/webhooks/github", gateway.GitHub(secret, "push", "d-1", body), body))
	is(t, g.Post("/webhooks/github", gateway.GitHub(secret, "push", "d-1", body), body), 200, `{"status":"duplicate","id":"`+genuine+`"}`)

	form := []byte("payload=%7B%22action%22%3A%22opened%22%7D")
	header := gateway.GitHub(secret, "issues", "d-1", form)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	once := accept(t, g.Post("/webhooks/bytes", header, form))
	header = gateway.GitHub(secret, "push", "d-2", form)
	header.Set("Content-Type", "text/plain")
	is(t, g.Post("/webhooks/bytes", header, form), 200, `{"status":"duplicate","id":"`+once+`"}`)

	for _, text := range []string{"From=1&Body=a&To=2", "To=2&Body=a&From=1", "Body=%61&From=1&To=2"} {
		header, body := signedBy(t, "twilio", secret, publicURL+"sms", text, "Content-Type", "application/x-www-form-urlencoded")
		g.Post("/webhooks/sms", header, body).Want(t, http.StatusNoContent)
	}
	gateway.Eventually(t, "all have arrived", func() bool { return len(sink.Deliveries()) == 8 })
}
