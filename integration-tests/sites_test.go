package integrationtests

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestSites: each of two sites answers for its own projects and no others,
// shows its own address for them, and verifies signatures of the URL against
// it.
func TestSites(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	sms := func(id, project string) string {
		return fmt.Sprintf("integration %s {\nproject %s\nsignature twilio %q\ndedupe none\nresource ticket T-1\n}\n", id, project, secret)
	}
	config := gateway.Config("public_url https://hooks.example.com/webhooks/\n"+gateway.Ticket(sink)+
		sms("sms-demo", "demo")+sms("sms-other", "other")+sms("sms-third", "third")+
		"integration okta-demo {\nproject demo\nsignature okta word\nresource ticket T-2\n}\n", `
	webhooks /webhooks/* {
		projects demo search
		public_url https://demo.example.com/webhooks
	}
	webhooks /in/* {
		projects other
		public_url https://other.example.com/in/
	}
	webhooks /rest/*
	respond 404
`)
	g := gateway.Start(t, config)
	const fields = "BodyHiFrom1"
	post := func(path, signed string) *gateway.Answer {
		header := gateway.Headers("Content-Type", "application/x-www-form-urlencoded",
			"X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac(sha1.New, signed+fields)))
		return g.Post(path, header, []byte("From=1&Body=Hi"))
	}
	unknown := post("/webhooks/none", "https://demo.example.com/webhooks/none").Want(t, 404)
	for _, test := range []struct {
		path, signed string
		status       int
	}{
		{"/webhooks/sms-demo", "https://demo.example.com/webhooks/sms-demo", 204},
		{"/webhooks/sms-demo", "https://hooks.example.com/webhooks/sms-demo", 401},
		{"/webhooks/sms-demo", "https://other.example.com/in/sms-demo", 401},
		{"/in/sms-other", "https://other.example.com/in/sms-other", 204},
		{"/in/sms-other", "https://demo.example.com/webhooks/sms-other", 401},
		{"/rest/sms-third", "https://hooks.example.com/webhooks/sms-third", 204},
		{"/rest/sms-demo", "https://hooks.example.com/webhooks/sms-demo", 204},
		{"/rest/sms-demo", "https://demo.example.com/webhooks/sms-demo", 401},
		{"/in/sms-demo", "https://demo.example.com/webhooks/sms-demo", 404},
		{"/in/sms-third", "https://other.example.com/in/sms-third", 404},
		{"/webhooks/sms-other", "https://other.example.com/in/sms-other", 404},
		{"/webhooks/sms-third", "https://demo.example.com/webhooks/sms-third", 404},
	} {
		answer := post(test.path, test.signed)
		if answer.Status != test.status {
			t.Errorf("%s signed for %s gets %d", test.path, test.signed, answer.Status)
		}
		if test.status == 404 && (!bytes.Equal(answer.Body, unknown.Body) || shape(answer) != shape(unknown)) {
			t.Errorf("%s is told apart from one that is unknown: %s", test.path, answer.Body)
		}
	}
	// A handshake is answered where its project is, too.
	challenge := gateway.Headers("X-Okta-Verification-Challenge", "abc", "Authorization", "word")
	g.Request("GET", "/webhooks/okta-demo", challenge, http.NoBody).Want(t, 200)
	if other, none := g.Request("GET", "/in/okta-demo", challenge, http.NoBody), g.Request("GET", "/in/none", challenge, http.NoBody); other.Status != 405 || !bytes.Equal(other.Body, none.Body) {
		t.Errorf("another project's handshake gets %d: %s", other.Status, other.Body)
	}

	for project, below := range map[string]string{
		"demo": "https://demo.example.com/webhooks/", "search": "https://demo.example.com/webhooks/",
		"other": "https://other.example.com/in/", "third": "https://hooks.example.com/webhooks/",
	} {
		made := g.Create(t, project, gateway.M{"webhook_id": "made-" + project, "dedupe": "none",
			"authentication": gateway.M{"signature": gateway.M{"provider": "twilio", "secrets": []string{secret}}},
			"resource":       gateway.M{"type": "ticket", "id": "T-3"}})
		if made["webhook_url"] != below+"made-"+project {
			t.Errorf("the address of %s is %v", project, made["webhook_url"])
		}
		for _, path := range []string{gateway.Integrations(project), "/webhooks/integrations"} {
			for _, item := range list(t, g, path) {
				if item["project"] == project && item["webhook_url"] != below+item["webhook_id"].(string) {
					t.Errorf("%s has the address %v", path, item["webhook_url"])
				}
			}
		}
		sample := g.API("POST", gateway.Integration(project, "made-"+project, "test"), nil).Want(t, 200).JSON(t)
		if sample["status_code"] != 204.0 {
			t.Errorf("the test event of %s: %v", project, sample)
		}
	}

	// A single site may get another address, and another project.
	g.Reload(strings.NewReplacer("demo.example.com", "new.example.com", "projects other", "projects other third").Replace(config))
	if answer := post("/webhooks/sms-demo", "https://new.example.com/webhooks/sms-demo"); answer.Status != 204 {
		t.Errorf("after the reload: %d", answer.Status)
	}
	if answer := post("/in/sms-third", "https://other.example.com/in/sms-third"); answer.Status != 204 {
		t.Errorf("the project that came: %d", answer.Status)
	}
}

// shape is the header of an answer, except for what always differs.
func shape(answer *gateway.Answer) string {
	header := answer.Header.Clone()
	header.Del("Date")
	return fmt.Sprint(header)
}
