package integrationtests

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// desk returns the headers of a sender known only by its description.
func desk(key, delivery string, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return gateway.Headers("X-Desk-Time", stamp, "X-Desk-Event", "ticket", "X-Desk-Delivery", delivery,
		"X-Desk-Signature", gateway.SHA256(key, append([]byte(stamp+"."), body...)))
}

// TestCustomSignature serves a sender described in an integration, once in the
// Caddyfile and once through the admin API.
func TestCustomSignature(t *testing.T) {
	t.Parallel()
	g, sink := admin(t, `integration written {
		project demo
		signature custom `+strconv.Quote(secret)+` {
			header X-Desk-Signature
			prefix sha256=
			signed "{header.X-Desk-Time}.{body}"
			time header X-Desk-Time
			event header X-Desk-Event
			delivery header X-Desk-Delivery
			action change.action action
		}
		event_filter ticket.opened
		resource ticket T-1
	}
	`)
	scheme := gateway.M{
		"header": "X-Desk-Signature", "algorithm": "hmac-sha256", "prefix": "sha256=",
		"signed": "{header.X-Desk-Time}.{body}", "time": gateway.M{"header": "X-Desk-Time"},
	}
	description := gateway.M{
		"schemes": []any{scheme}, "event": []any{gateway.M{"header": "X-Desk-Event"}},
		"delivery": []any{gateway.M{"header": "X-Desk-Delivery"}}, "action": "action",
	}
	signature := gateway.M{"provider": "custom", "secrets": []string{secret}, "description": description}
	made := github("made", "event_filter", []string{"ticket.opened"}, "authentication", gateway.M{"signature": signature})
	g.Create(t, demo, made)

	now := time.Now()
	for _, id := range []string{"written", "made"} {
		event := accept(t, g.Post("/webhooks/"+id, desk(secret, "d-1", now, body), body))
		if arrived := sink.Wait(event); arrived.Header.Get("X-Webhook-Delivery") != "d-1" || arrived.Header.Get("X-Desk-Event") != "ticket" {
			t.Errorf("%s: what arrived: %v", id, arrived.Header)
		}
		is(t, g.Post("/webhooks/"+id, desk(secret, "d-1", now, body), body), 200, `{"status":"duplicate","id":"`+event+`"}`)
		problem(t, g.Post("/webhooks/"+id, desk("wrong", "d-2", now, body), body), 401)
		problem(t, g.Post("/webhooks/"+id, desk(secret, "d-3", now.Add(-time.Hour), body), body), 401)
		problem(t, g.Post("/webhooks/"+id, desk(secret, "d-4", now, body), append(body, ' ')), 401)
		problem(t, g.Post("/webhooks/"+id, nil, body), 401)
	}
	g.API("POST", gateway.Integration(demo, "made", "test"), nil).Want(t, 200)

	// It survives a restart, and what was read can be sent back, while another
	// scheme needs the secrets again.
	g.Kill()
	g.Start()
	accept(t, g.Post("/webhooks/made", desk(secret, "d-5", now, body), body))
	read := g.API("GET", gateway.Integration(demo, "made"), nil).Want(t, 200)
	if strings.Contains(string(read.Body), secret) {
		t.Error("a secret is shown")
	}
	g.API("PUT", gateway.Integration(demo, "made"), read.JSON(t)).Want(t, 200)
	accept(t, g.Post("/webhooks/made", desk(secret, "d-6", now, body), body))
	patch := func(change gateway.M) *gateway.Answer {
		return g.API("PATCH", gateway.Integration(demo, "made"), gateway.M{"authentication": gateway.M{"signature": change}})
	}
	patch(gateway.M{"description": gateway.M{"sample": "ticket"}}).Want(t, 200)
	token := gateway.M{"header": "X-Desk-Token", "algorithm": "token"}
	refused(t, patch(gateway.M{"description": gateway.M{"schemes": []any{token}}}), 400, "secrets[0]")
	unsigned := gateway.M{"header": "X-Desk-Signature", "algorithm": "hmac-sha256", "signed": "x"}
	refused(t, patch(gateway.M{"description": gateway.M{"schemes": []any{unsigned}}}), 400, "description", "the body is not signed")
	refused(t, patch(gateway.M{"provider": "github"}), 400, "only the provider custom")
}

// TestCustomHandshakes serves a sender described with two ways to authenticate
// and with handshakes.
func TestCustomHandshakes(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, `integration desk {
		project demo
		signature custom `+strconv.Quote(secret)+` verify:word {
			header X-Desk-Signature
			prefix sha256=
			scheme {
				header X-Desk-Mac
			}
			handshake {
				when json type hello
				unless header X-Desk-Event
				echo json challenge
				member challenge
				mac_member proof
			}
			handshake GET {
				when query mode subscribe
				open
				token query word
				echo query challenge
				status 201
			}
		}
		resource ticket T-1
	}
	`)
	const path = "/webhooks/desk"
	signed := func(body string, more ...string) http.Header {
		return gateway.Headers(append(more, "X-Desk-Signature", gateway.SHA256(secret, []byte(body)))...)
	}
	const hello = `{"type":"hello","challenge":"abc"}`
	proof := gateway.SHA256(secret, []byte("abc"))
	is(t, g.Post(path, signed(hello), []byte(hello)), 200, `{"challenge":"abc","proof":"`+strings.TrimPrefix(proof, "sha256=")+`"}`)
	problem(t, g.Post(path, nil, []byte(hello)), 401)
	accept(t, g.Post(path, signed(hello, "X-Desk-Event", "ticket"), []byte(hello)))
	accept(t, g.Post(path, gateway.Headers("X-Desk-Mac", strings.TrimPrefix(gateway.SHA256(secret, body), "sha256=")), body))
	problem(t, g.Post(path, gateway.Headers("X-Desk-Mac", strings.TrimPrefix(gateway.SHA256("word", body), "sha256=")), body), 401)
	is(t, g.Request("GET", path+"?mode=subscribe&word=word&challenge=abc", nil, nil), 201, "abc")
	for query, status := range map[string]int{
		"mode=subscribe&word=wrong&challenge=abc": 401, "mode=subscribe&word=word": 401, "mode=unsubscribe&word=word&challenge=abc": 405, "": 405,
	} {
		problem(t, g.Request("GET", path+"?"+query, nil, nil), status)
	}
}

// TestDocumentedDescription pastes both forms of the description in the docs:
// they define the same provider.
func TestDocumentedDescription(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(gateway.Root(t), "docs", "senders.md"))
	if err != nil {
		t.Fatal(err)
	}
	written := strings.Replace(snippet(t, page, "caddyfile"), "{env.DESK_WEBHOOK_SECRET}", strconv.Quote(secret), 1)
	made := strings.NewReplacer("…", secret, `"tickets"`, `"made"`).Replace(snippet(t, page, "json"))
	g, _ := admin(t, strings.ReplaceAll(written, "\n", "\n\t")+"\n\t")
	g.API("POST", gateway.Integrations("desk"), made).Want(t, http.StatusCreated)

	var descriptions []any
	for _, id := range []string{"tickets", "made"} {
		integration := g.API("GET", gateway.Integration("desk", id), nil).Want(t, http.StatusOK).JSON(t)
		signature := integration["authentication"].(gateway.M)["signature"].(gateway.M)
		description := signature["description"].(gateway.M)
		delete(description["schemes"].([]any)[0].(gateway.M), "time") // one of the two includes the defaults
		descriptions = append(descriptions, description)
	}
	if !reflect.DeepEqual(descriptions[0], descriptions[1]) {
		t.Errorf("the Caddyfile describes %v, the JSON %v", descriptions[0], descriptions[1])
	}
}
