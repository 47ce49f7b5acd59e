package integrationtests

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// TestRetriesAreFresh sends what a sender that signs only once would send at
// its last retry.
func TestRetriesAreFresh(t *testing.T) {
	t.Parallel()
	const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	tests := []struct {
		provider, body string
		last           time.Duration // the age of the last retry
	}{
		{"linear", `{"type":"Issue","action":"create","webhookTimestamp":AT}`, 7*time.Hour + time.Minute},
		{"zoom", `{"event":"meeting.started","payload":{}}`, 85 * time.Minute},
		{"calendly", `{"event":"invitee.created","payload":{}}`, 24*time.Hour - time.Minute},
		{"slack", `{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}`, 6 * time.Minute},
		{"mailgun", `{"signature":{"token":"t1"},"event-data":{"event":"failed"}}`, 8*time.Hour + 5*time.Minute},
	}
	declared := ""
	for _, test := range tests {
		declared += "integration " + test.provider + " {\nproject demo\nsignature " + test.provider + " " + key + "\nresource ticket T-1\n}\n"
	}
	g, sink := edge(t, declared)
	for i, test := range tests {
		p, found := sender.Lookup(test.provider)
		if !found {
			t.Fatalf("there is no provider %s", test.provider)
		}
		send := func(age time.Duration) *gateway.Answer {
			at := time.Now().Add(-age)
			body := strings.Replace(test.body, "AT", strconv.FormatInt(at.UnixMilli(), 10), 1)
			r := &provider.Request{Method: http.MethodPost, Header: gateway.Headers("Content-Type", "application/json"), Body: []byte(body), Now: at}
			if err := p.Sign(key, r); err != nil {
				t.Fatal(err)
			}
			return g.Post("/webhooks/"+test.provider, r.Header, r.Body)
		}
		problem(t, send(25*time.Hour), http.StatusUnauthorized)
		problem(t, send(-6*time.Minute), http.StatusUnauthorized)
		if answer := send(test.last); answer.Status > http.StatusAccepted || answer.Text(t, "status") != "accepted" {
			t.Errorf("%s: %d %s", test.provider, answer.Status, answer.Body)
		}
		gateway.Eventually(t, "it has arrived", func() bool { return len(sink.Deliveries()) == i+1 })
	}
}
