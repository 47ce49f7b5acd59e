package integrationtests

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestCloudEvents makes the CloudEvents SDK send events in binary and
// structured mode: with a wrong credential, with the right one, and once more.
func TestCloudEvents(t *testing.T) {
	t.Parallel()
	needLibraries(t, "senders")
	g, sink := edge(t, `integration events {
		project demo
		signature cloudevents `+token+`
		event_filter com.example.*
		resource ticket T-1
	}
	integration others {
		project demo
		signature cloudevents `+token+`
		event_filter com.example.json
		resource ticket T-1
	}
	`)
	refused := emitCloudEvents(t, g, "events", "Bearer another")
	for _, e := range refused {
		if status := e.answer(t)["status"]; status != float64(http.StatusUnauthorized) {
			t.Errorf("%s is answered by %s", e.ID, e.Answer)
		}
	}
	accepted := emitCloudEvents(t, g, "events", "Bearer "+token)
	again := emitCloudEvents(t, g, "events", "Bearer "+token)
	for i, e := range accepted {
		answer := e.answer(t)
		if answer["status"] != "accepted" {
			t.Errorf("%s is answered by %s", e.ID, e.Answer)
			continue
		}
		id, _ := answer["id"].(string)
		d := sink.Wait(id)
		if string(d.Body) != e.Body || d.Header.Get("Content-Type") != e.ContentType {
			t.Errorf("%s arrived as %s %q, sent was %s %q", e.ID, d.Header.Get("Content-Type"), d.Body, e.ContentType, e.Body)
		}
		if d.Header.Get("X-Webhook-Event") != e.Type || d.Header.Get("X-Webhook-Delivery") != e.ID {
			t.Errorf("%s arrived with the headers %v", e.ID, d.Header)
		}
		if e.Mode == "binary" && (d.Header.Get("Ce-Source") != "/tests" || d.Header.Get("Ce-Subject") != "a subject") {
			t.Errorf("%s arrived without its attributes: %v", e.ID, d.Header)
		}
		if d.Header.Get("Authorization") != "" {
			t.Errorf("%s arrived with its credential", e.ID)
		}
		// In binary mode the time is new each time, but is in a header.
		if repeated := again[i].answer(t); e.Mode == "binary" && (repeated["status"] != "duplicate" || repeated["id"] != id) {
			t.Errorf("%s again is answered by %s", e.ID, again[i].Answer)
		}
	}
	for _, e := range emitCloudEvents(t, g, "others", "Bearer "+token) {
		want := map[bool]string{true: "accepted", false: "filtered"}[e.Type == "com.example.json"]
		if e.answer(t)["status"] != want {
			t.Errorf("%s is answered by %s, want it %s", e.ID, e.Answer, want)
		}
	}
}

// emitted is an event that the SDK has sent.
type emitted struct {
	Mode, Type, ID, ContentType, Body, Answer string
}

func (e *emitted) answer(t *testing.T) gateway.M {
	t.Helper()
	var object gateway.M
	if err := json.Unmarshal([]byte(e.Answer), &object); err != nil {
		t.Fatalf("%v: %s", err, e.Answer)
	}
	return object
}

func emitCloudEvents(t *testing.T, g *gateway.Gateway, id, authorization string) []emitted {
	t.Helper()
	sender := exec.Command("node", filepath.Join("senders", "emit.mjs"), "http://"+g.Addr+"/webhooks/"+id)
	sender.Env = append(os.Environ(), "AUTHORIZATION="+authorization)
	sender.Stderr = os.Stderr
	out, err := sender.Output()
	if err != nil {
		t.Fatal(err)
	}
	var sent []emitted
	if err := json.Unmarshal(out, &sent); err != nil {
		t.Fatal(err)
	}
	if len(sent) < 5 {
		t.Fatalf("%d events were sent, want at least 5", len(sent))
	}
	return sent
}
