package integrationtests

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestTestEvent has the gateway send itself what a sender would send.
func TestTestEvent(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, declared("written"))
	g.Create(t, demo, github("gh"))
	g.Create(t, demo, github("off", "is_enabled", false))
	g.Create(t, demo, github("picky", "event_filter", []string{"release"}))
	g.Create(t, demo, github("header", "authentication", gateway.M{"secure_header": gateway.M{"name": "X-Secure", "value": "v"}}))
	g.Create(t, demo, github("theirs", "authentication", gateway.M{"signature": gateway.M{
		"provider": "discord", "secrets": []string{"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
	}}))
	send := func(id string) *gateway.Answer { return g.API("POST", gateway.Integration(demo, id, "test"), nil) }

	for _, id := range []string{"gh", "written", "header"} {
		answer := send(id).Want(t, http.StatusOK)
		event := answer.Text(t, "event_id")
		got := answer.JSON(t)
		inner, _ := got["body"].(map[string]any)
		if got["status_code"] != 202.0 || inner["status"] != "accepted" || inner["id"] != event || len(got) != 3 {
			t.Errorf("%s: %s", id, answer.Body)
		}
		if strings.Contains(string(answer.Body), secret) {
			t.Errorf("%s shows a secret", id)
		}
		arrived := sink.Wait(event)
		if id == "gh" && (arrived.Header.Get("X-Github-Event") != "push" || !strings.HasPrefix(arrived.Header.Get("X-Webhook-Delivery"), "test-")) {
			t.Errorf("what arrived: %v", arrived.Header)
		}
	}
	is(t, send("picky"), http.StatusOK, `{"status_code":200,"body":{"status":"filtered","event":"push"},"event_id":""}`)
	refused(t, send("off"), http.StatusConflict, "disabled")
	refused(t, send("theirs"), http.StatusConflict, "only the sender can sign")
	refused(t, send("unknown"), http.StatusNotFound)

	// Ten a minute: four sent ones have been counted, and one that could not be
	// sent.
	for range 5 {
		send("gh").Want(t, http.StatusOK)
	}
	over := send("gh")
	refused(t, over, http.StatusTooManyRequests)
	if over.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
