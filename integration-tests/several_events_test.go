package integrationtests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// signedBy returns the headers with which a sender sends the body, and the
// body, into which some senders put the signature.
func signedBy(t *testing.T, name, key, address, body string, pairs ...string) (http.Header, []byte) {
	t.Helper()
	p, found := sender.Lookup(name)
	if !found {
		t.Fatalf("there is no provider %s", name)
	}
	r := &provider.Request{Method: "POST", URL: address, Header: gateway.Headers(pairs...), Body: []byte(body), Now: time.Now()}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if err := p.Sign(key, r); err != nil {
		t.Fatal(err)
	}
	return r.Header, r.Body
}

// A request that contains several events is wanted if any of them is, and then
// concerns the first of those.
func TestSeveralEvents(t *testing.T) {
	t.Parallel()
	const (
		hubspot = `[{"eventId":1,"subscriptionType":"contact.creation","attemptNumber":0},{"eventId":2,"subscriptionType":"deal.deletion","attemptNumber":0}]`
		asana   = `{"events":[{"action":"changed","resource":{"resource_type":"project"}},{"action":"added","resource":{"resource_type":"task"}}]}`
		meta    = `{"object":"page","entry":[{"id":"1","messaging":[{}]},{"id":"2","changes":[{"field":"feed"},{"field":"leadgen"}]}]}`
		graph   = `{"value":[{"id":"a","changeType":"created"},{"id":"b","changeType":"deleted"}]}`
		alerts  = `{"status":"firing","groupKey":"{}","alerts":[{"status":"firing"},{"status":"resolved"}]}`
		batch   = `[{"type":"com.example.made","id":"1"},{"type":"com.example.gone","id":"2"}]`
	)
	tests := []struct {
		provider, filter, body, event, delivery string // event: the wanted one
	}{
		{"asana", "task", asana, "task", ""},
		{"asana", "task.added", asana, "task", ""},
		{"asana", "project", asana, "project", ""},
		{"asana", "task.changed", asana, "", ""}, // describes another event
		{"hubspot", "deal.deletion", hubspot, "deal.deletion", "2"},
		{"hubspot", "contact.*", `{"eventId":7,"subscriptionType":"contact.creation"}`, "contact.creation", "7"},
		{"okta", "user.session.end", `{"eventId":"o","data":{"events":[{"eventType":"user.session.start"},{"eventType":"user.session.end"}]}}`, "user.session.end", "o"},
		{"msgraph", "deleted", graph, "deleted", "b"},
		{"msgraph", "updated", graph, "", ""},
		{"meta", "leadgen", meta, "page", ""},
		{"meta", "ratings", meta, "", ""},
		{"azure-event-grid", "Azure.Deleted", `[{"id":"1","eventType":"Azure.Created"},{"id":"2","eventType":"Azure.Deleted"}]`, "Azure.Deleted", "2"},
		{"azure-event-grid", "Azure.Deleted", `[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionDeletedEvent"},{"id":"2","eventType":"Azure.Deleted"}]`, "Azure.Deleted", "2"},
		{"auth0", "fp", `[{"log_id":"1","data":{"type":"s"}},{"log_id":"2","data":{"type":"fp"}}]`, "fp", "2"},
		{"auth0", "fp", `{"log_id":"1","data":{"type":"fp"}}`, "fp", "1"},
		{"auth0", "fp", `{"log_id":"1","data":{"type":"s"}}` + "\n" + `{"log_id":"2","data":{"type":"fp"}}` + "\n", "fp", "2"},
		{"auth0", "f", `{"log_id":"1","data":{"type":"s"}}` + "\r\n\r\n" + `{"log_id":"2","data":{"type":"fp"}}`, "", ""},
		{"cloudevents", "com.example.gone", batch, "com.example.gone", "2"},
		{"cloudevents", "com.example.*", batch, "com.example.made", "1"},
		{"cloudevents", "com.example.other", batch, "", ""},
		{"alertmanager", "resolved", alerts, "firing", ""},
		{"alertmanager", "resolved", `{"status":"firing","alerts":[{"status":"firing"}]}`, "", ""},
		{"grafana", "resolved", alerts, "firing", ""},
		{"terraform", "run:errored", `{"notifications":[{"trigger":"run:created"},{"trigger":"run:errored"}]}`, "run:errored", ""},
	}
	var integrations strings.Builder
	for i, test := range tests {
		fmt.Fprintf(&integrations, "integration i%d {\nproject demo\nsignature %s %q\nevent_filter %q\nresource ticket T-%d\n}\n", i, test.provider, secret, test.filter, i)
	}
	g, sink := edge(t, "public_url "+publicURL+"\n"+integrations.String())
	for i, test := range tests {
		path := fmt.Sprintf("i%d", i)
		var more []string
		if test.body == batch {
			more = []string{"Content-Type", "application/cloudevents-batch+json; charset=utf-8"}
		}
		header, body := signedBy(t, test.provider, secret, publicURL+path, test.body, more...)
		answer := g.Post("/webhooks/"+path, header, body)
		if test.event == "" {
			if answer.Status != 200 || answer.Text(t, "status") != "filtered" {
				t.Errorf("%s, %s: %d %s", test.provider, test.filter, answer.Status, answer.Body)
			}
			continue
		}
		if answer.Status > 202 && len(answer.Body) > 0 || answer.Status <= 202 && answer.Text(t, "status") != "accepted" {
			t.Errorf("%s, %s: %d %s", test.provider, test.filter, answer.Status, answer.Body)
			continue
		}
		arrived := arrival(t, sink, path, answer)
		if kind, id := arrived.Header.Get("X-Webhook-Event"), arrived.Header.Get("X-Webhook-Delivery"); kind != test.event || id != test.delivery || string(arrived.Body) != string(body) {
			t.Errorf("%s, %s: event %q, delivery %q, body %s", test.provider, test.filter, kind, id, arrived.Body)
		}
	}
}

// SendGrid has its own signing key.
func TestSeveralEventsOfSendGrid(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	g, sink := edge(t, fmt.Sprintf("integration mail {\nproject demo\nsignature sendgrid %q\nevent_filter bounce dropped\nresource ticket T-1\n}\n", base64.StdEncoding.EncodeToString(der)))
	send := func(body string) *gateway.Answer {
		now := strconv.FormatInt(time.Now().Unix(), 10)
		digest := sha256.Sum256([]byte(now + body))
		signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return g.Post("/webhooks/mail", gateway.Headers("Content-Type", "application/json", "X-Twilio-Email-Event-Webhook-Timestamp", now,
			"X-Twilio-Email-Event-Webhook-Signature", base64.StdEncoding.EncodeToString(signature)), []byte(body))
	}
	arrived := sink.Wait(accept(t, send(`[{"event":"processed","sg_event_id":"a"},{"event":"bounce","sg_event_id":"b"},{"event":"dropped","sg_event_id":"c"}]`)))
	if arrived.Header.Get("X-Webhook-Event") != "bounce" || arrived.Header.Get("X-Webhook-Delivery") != "b" {
		t.Errorf("what arrived: %v", arrived.Header)
	}
	is(t, send(`[{"event":"processed"},{"event":"delivered"}]`), 200, `{"status":"filtered","event":"processed"}`)
	is(t, send(`[]`), 200, `{"status":"pong"}`)
	is(t, send(`[`+strings.Repeat(`{"event":"open"},`, 9_999)+`{"event":"click"}]`), 200, `{"status":"filtered","event":"open"}`)
	problem(t, send(`[`+strings.Repeat(`{},`, 10_000)+`{"event":"bounce"}]`), 400)
}

// Messages about the subscription itself, and connection tests, start nothing.
func TestAboutTheSubscription(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	const deleted = `"Microsoft.EventGrid.SubscriptionDeletedEvent"`
	tests := []struct {
		provider, body string
		header         []string
		unsigned       bool
		want           string // of the answer; "" for a 401
		integration    string // further options
	}{
		{"twitch", `{"subscription":{"status":"authorization_revoked"}}`, []string{"Twitch-Eventsub-Message-Id", "1", "Twitch-Eventsub-Message-Type", "revocation", "Twitch-Eventsub-Subscription-Type", "stream.online"}, false, "pong", "event_filter stream.online"},
		{"twitch", `{}`, []string{"Twitch-Eventsub-Message-Id", "1", "Twitch-Eventsub-Message-Type", "revocation"}, true, "", ""},
		{"twitch", `{"event":{}}`, []string{"Twitch-Eventsub-Message-Id", "1", "Twitch-Eventsub-Message-Type", "notification", "Twitch-Eventsub-Subscription-Type", "stream.online"}, false, "accepted", ""},
		{"asana", `{"events":[]}`, nil, false, "pong", ""},
		{"asana", `{"events": [ ]}`, nil, false, "pong", "event_filter task"},
		{"asana", `{"events":[]}`, nil, true, "", ""},
		{"slack", `ssl_check=1&token=x`, []string{"Content-Type", form}, false, "pong", ""},
		{"slack", `token=x&ssl_check=1`, []string{"Content-Type", form}, true, "pong", ""},
		{"slack", `ssl_check=0&token=x`, []string{"Content-Type", form}, true, "", ""},
		{"slack", `{"ssl_check":"1"}`, nil, true, "", ""},
		{"slack", `token=x&command=%2Fdeploy`, []string{"Content-Type", form}, false, "accepted", ""},
		{"slack", `{"type":"app_rate_limited","team_id":"T1"}`, nil, false, "pong", ""},
		{"slack", `{"type":"app_rate_limited","team_id":"T1"}`, nil, false, "accepted", "event_filter app_rate_limited"},
		{"bitbucket", `{"test":true}`, []string{"X-Event-Key", "diagnostics:ping"}, true, "pong", ""},
		{"bitbucket", `{"test":true}`, []string{"X-Event-Key", "diagnostics:ping"}, false, "pong", ""},
		{"bitbucket", `{"test":true}`, []string{"X-Event-Key", "diagnostics:ping"}, false, "accepted", "event_filter diagnostics:ping"},
		{"bitbucket", `{"test":true}`, []string{"X-Event-Key", "diagnostics:ping"}, true, "pong", "event_filter diagnostics:ping"},
		{"bitbucket", `{"test":true}`, []string{"X-Event-Key", "repo:push"}, true, "", ""},
		{"bitbucket", `{"test":true}`, []string{"X-Event-Key", "diagnostics:ping", "X-Hub-Signature", "sha256=00"}, true, "", ""},
		{"azure-event-grid", `[{"id":"1","eventType":` + deleted + `}]`, nil, false, "pong", ""},
		{"azure-event-grid", `[{"id":"1","eventType":` + deleted + `},{"id":"2","eventType":` + deleted + `}]`, nil, false, "pong", "event_filter *"},
		{"azure-event-grid", `[{"id":"1","eventType":` + deleted + `}]`, nil, true, "", ""},
		{"cloudevents", `{"type":` + deleted + `,"id":"1"}`, nil, false, "pong", ""},
		{"msgraph", `{"value":[{"lifecycleEvent":"reauthorizationRequired"}]}`, nil, false, "pong", ""},
		{"msgraph", `{"value":[{"lifecycleEvent":"missed"},{"lifecycleEvent":"subscriptionRemoved"}]}`, nil, false, "pong", ""},
		{"msgraph", `{"value":[{"lifecycleEvent":"missed"}]}`, nil, false, "accepted", "event_filter missed"},
		{"okta", `{"data":{"events":[]}}`, nil, false, "204", ""},
		{"confluence", `{"test":true}`, []string{"X-Event-Key", "diagnostics:ping"}, true, "pong", ""},
		{"confluence", `{"test":true}`, []string{"X-Event-Key", "page_created"}, true, "", ""},
		{"box", `{"trigger":"WEBHOOK.DELETED","id":"1"}`, nil, false, "pong", ""},
		{"stripe", `{"type":"v2.core.event_destination.ping","id":"evt_1"}`, nil, false, "pong", ""},
		{"pagerduty", `{"event":{"event_type":"pagey.ping","id":"1"}}`, nil, false, "pong", ""},
		{"circleci", `{"type":"ping","id":"1"}`, nil, false, "pong", ""},
		{"intercom", `{"topic":"ping","id":"1"}`, nil, false, "pong", ""},
		{"terraform", `{"notifications":[{"trigger":"verification"}]}`, nil, false, "pong", ""},
		{"github", `{"action":"opened"}`, []string{"X-GitHub-Event", "ping"}, true, "", ""},
	}
	var integrations strings.Builder
	for i, test := range tests {
		fmt.Fprintf(&integrations, "integration i%d {\nproject demo\nsignature %s %q\n%s\nresource ticket T-%d\n}\n", i, test.provider, secret, test.integration, i)
	}
	g, sink := edge(t, "public_url "+publicURL+"\n"+integrations.String())
	accepted := 0
	for i, test := range tests {
		path := fmt.Sprintf("i%d", i)
		header, body := gateway.Headers(test.header...), []byte(test.body)
		if !test.unsigned {
			header, body = signedBy(t, test.provider, secret, publicURL+path, test.body, test.header...)
		}
		answer := g.Post("/webhooks/"+path, header, body)
		switch test.want {
		case "":
			problem(t, answer, http.StatusUnauthorized)
		case "pong":
			is(t, answer, http.StatusOK, `{"status":"pong"}`)
		case "204":
			is(t, answer, http.StatusNoContent, "")
		default:
			if answer.Status > 202 || answer.Text(t, "status") != test.want {
				t.Errorf("%s, %s: %d %s", test.provider, test.body, answer.Status, answer.Body)
			}
			sink.Wait(answer.Text(t, "id"))
			accepted++
		}
	}
	if n := len(sink.Deliveries()); n != accepted {
		t.Errorf("%d events have arrived, want %d", n, accepted)
	}
}

// A hub announces by GET that it will not send anything.
func TestSubscriptionDenied(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, "integration feed {\nproject demo\nsignature websub word\nresource ticket T-1\n}\n")
	const denied = "/webhooks/feed?hub.mode=denied&hub.topic=https%3A%2F%2Fexample.com%2Ffeed&hub.reason=unknown"
	is(t, g.Request("GET", denied, nil, nil), http.StatusOK, `{"status":"pong"}`)
	problem(t, g.Request("GET", "/webhooks/feed?hub.mode=unsubscribe&hub.topic=a&hub.challenge=b", nil, nil), http.StatusMethodNotAllowed)
}

// Twilio accepts no JSON, Okta, Discord and Airtable no body.
func TestAnswersWithoutABody(t *testing.T) {
	t.Parallel()
	const base64Secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	g, sink := edge(t, "public_url "+publicURL+"\n"+fmt.Sprintf(
		"integration sms {\nproject demo\nsignature twilio %[1]q\ndedupe body\nresource ticket T-1\n}\nintegration none {\nproject demo\nsignature twilio %[1]q\nevent_filter any\nresource ticket T-2\n}\n"+
			"integration hooks {\nproject demo\nsignature okta %[2]s\nresource ticket T-3\n}\nintegration base {\nproject demo\nsignature airtable %[2]s\nresource ticket T-4\n}\n",
		secret, base64Secret))
	for _, path := range []string{"sms", "sms", "none"} { // accepted, a duplicate, filtered
		header, body := signedBy(t, "twilio", secret, publicURL+path, "Body=Hi&From=%2B1555", "Content-Type", "application/x-www-form-urlencoded")
		answer := g.Post("/webhooks/"+path, header, body)
		if answer.Status != http.StatusNoContent || len(answer.Body) > 0 || answer.Header.Get("Content-Type") != "" {
			t.Errorf("%s: %d, %q, %v", path, answer.Status, answer.Body, answer.Header)
		}
	}
	gateway.Eventually(t, "it has arrived", func() bool { return len(sink.Deliveries()) == 1 })
	for _, path := range []string{"hooks", "hooks", "base"} {
		header, body := signedBy(t, map[string]string{"hooks": "okta", "base": "airtable"}[path], base64Secret, publicURL+path, `{"eventId":"1","data":{"events":[{"eventType":"a"}]}}`)
		is(t, g.Post("/webhooks/"+path, header, body), http.StatusNoContent, "")
	}
	gateway.Eventually(t, "they have arrived", func() bool { return len(sink.Deliveries()) == 3 })
	problem(t, g.Post("/webhooks/sms", nil, []byte("Body=Hi")), http.StatusUnauthorized)
}
