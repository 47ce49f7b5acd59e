package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func TestInline(t *testing.T) {
	t.Parallel()
	upstream := gateway.NewSink(t)
	upstream.Answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Upstream", "yes")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "short and stout")
	})
	integration := func(id, lines string) string {
		return fmt.Sprintf("integration %s {\nproject demo\nalias \"The alias\"\n%s\n}\n", id, lines)
	}
	g := gateway.Start(t, gateway.Config(
		integration("gh", "signature github \""+secret+"\"\nevent_filter push")+
			integration("header", "secure_header X-Secure-Header \""+headerValue+"\"")+
			integration("basic", "basic user password")+
			integration("resourced", "signature github \""+secret+"\"\nresource ticket R-7")+
			"trigger http ticket http://127.0.0.1:1\n",
		`
	log {
		output file {$DIR}/access.log
		format filter {
			request>headers delete
		}
	}
	route /webhooks/* {
		log_append webhook {webhook.id}
		log_append event {webhook.event}
		webhooks /webhooks/* {
			inline
			max_body 1MiB
		}
		reverse_proxy `+strings.TrimPrefix(upstream.URL, "http://")+` {
			header_up X-From "{webhook.id} {webhook.project} {webhook.alias} {webhook.provider} {webhook.event} {webhook.delivery_id} {webhook.resource_type} {webhook.resource_id}"
		}
	}
	handle_path /kept/* {
		webhooks {
			inline
			forward_credentials
			prefix /
		}
		reverse_proxy `+strings.TrimPrefix(upstream.URL, "http://")+`
	}
	respond "the site" 404
`))
	last := func() gateway.Delivery { all := upstream.Deliveries(); return all[len(all)-1] }

	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<15)
	for i, payload := range [][]byte{body, {}, big} {
		header := gateway.GitHub(secret, "push", fmt.Sprint("d-", i), payload)
		header.Set("X-Webhook-Project", "forged")
		header.Set("X-Webhook-Anything", "forged")
		header.Set("X-Other", "kept")
		answer := g.Post("/webhooks/gh?q=1", header, payload).Want(t, http.StatusTeapot)
		if string(answer.Body) != "short and stout" || answer.Header.Get("X-Upstream") != "yes" {
			t.Errorf("the upstream's answer is not relayed: %s", answer.Body)
		}
		got := last()
		if !bytes.Equal(got.Body, payload) || got.URI != "/webhooks/gh?q=1" {
			t.Errorf("the upstream got %s with %d bytes, want %d", got.URI, len(got.Body), len(payload))
		}
		for _, name := range []string{"X-Hub-Signature-256", "X-Webhook-Project", "X-Webhook-Anything"} {
			if value := got.Header.Get(name); value != "" {
				t.Errorf("the upstream got %s: %s", name, value)
			}
		}
		if got.Header.Get("X-Other") != "kept" || got.Header.Get("X-GitHub-Event") != "push" || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the upstream's header is %v", got.Header)
		}
		if from, want := got.Header.Get("X-From"), fmt.Sprintf("gh demo The alias github push d-%d", i); strings.TrimSpace(from) != want {
			t.Errorf("the placeholders say %q, want %q", from, want)
		}
	}
	g.Post("/webhooks/resourced", gateway.GitHub(secret, "push", "r-1", body), body).Want(t, http.StatusTeapot)
	if from := last().Header.Get("X-From"); !strings.HasSuffix(from, " ticket R-7") {
		t.Errorf("the placeholders say %q", from)
	}
	g.Post("/webhooks/header", gateway.Headers("X-Secure-Header", headerValue), body).Want(t, http.StatusTeapot)
	if value := last().Header.Get("X-Secure-Header"); value != "" {
		t.Errorf("the upstream got the credential %q", value)
	}
	g.Post("/webhooks/basic", gateway.Headers("Authorization", "Basic dXNlcjpwYXNzd29yZA=="), body).Want(t, http.StatusTeapot)
	if value := last().Header.Get("Authorization"); value != "" {
		t.Errorf("the upstream got the credential %q", value)
	}
	header := gateway.GitHub(secret, "push", "k-1", body)
	header.Set("X-Webhook-Project", "forged")
	g.Post("/kept/gh", header, body).Want(t, http.StatusTeapot)
	if got := last(); got.Header.Get("X-Hub-Signature-256") != gateway.SHA256(secret, body) || got.Header.Get("X-Webhook-Project") != "" {
		t.Errorf("with forward_credentials the upstream got %v", got.Header)
	}

	// What the gateway answers itself never reaches the upstream. Inline mode
	// detects no duplicates.
	seen := len(upstream.Deliveries())
	g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "d-0", body), body).Want(t, http.StatusTeapot)
	if n := len(upstream.Deliveries()); n != seen+1 {
		t.Errorf("a second copy reached the upstream %d times, want once", n-seen)
	}
	problem(t, g.Post("/webhooks/gh", gateway.GitHub("wrong", "push", "x", body), body), 401)
	problem(t, g.Post("/webhooks/unknown", gateway.GitHub(secret, "push", "x", body), body), 404)
	problem(t, g.Request("GET", "/webhooks/gh", nil, http.NoBody), 405)
	problem(t, g.Raw(g.Addr, fmt.Sprintf("POST /webhooks/gh HTTP/1.1\nContent-Length: %d", 1<<20+1), ""), 413)
	is(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "issues", "x", body), body), 200, `{"status":"filtered","event":"issues"}`)
	is(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "ping", "x", body), body), 200, `{"status":"pong"}`)
	if n := len(upstream.Deliveries()); n != seen+1 {
		t.Errorf("%d refused requests reached the upstream", n-seen-1)
	}
	if items := list(t, g, gateway.Integration(demo, "gh", "events")); len(items) != 0 {
		t.Errorf("inline stored %v", items)
	}

	gateway.Eventually(t, "the access log has the placeholders", func() bool {
		log, err := os.ReadFile(filepath.Join(g.Dir, "access.log"))
		return err == nil && bytes.Contains(log, []byte(`"webhook":"gh"`)) && bytes.Contains(log, []byte(`"event":"push"`))
	})
}
