package integrationtests

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
	"github.com/hookgate/hookgate/internal/sender"
)

// TestSenderPages pastes the contents of each sender's page: all Caddyfile
// snippets into one configuration, and each JSON body into the admin API. Both
// create the same integration, and a test event of the sender reaches the
// trigger through either.
func TestSenderPages(t *testing.T) {
	t.Parallel()
	pages := readPages(t)
	sink := gateway.NewSink(t)
	trigger := "\t\ttrigger http assistant " + sink.URL + "/{webhook.resource_id}\n"
	var snippets strings.Builder
	var environment []string
	for _, p := range pages {
		// Test events are counted per project.
		snippet := strings.Replace(p.caddyfile, "project demo", "project "+p.name, 1)
		snippets.WriteString("\t\t" + strings.ReplaceAll(strings.TrimSpace(snippet), "\n", "\n\t\t") + "\n")
		environment = append(environment, p.variable+"="+p.secret)
	}
	written := gateway.New(t, gateway.Config(trigger+strings.TrimSuffix(snippets.String(), "\n"), strings.TrimSuffix(gateway.Edge, "\n")), environment...)
	file := filepath.Join(written.Dir, "Caddyfile")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if formatted, err := written.Command("fmt", file); err != nil || formatted != string(text) {
		t.Errorf("a snippet is not formatted: %v\n%s", err, formatted)
	}
	written.Start()
	stored := gateway.Start(t, gateway.Config(trigger, gateway.Edge))

	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			path := gateway.Integration(p.name, "my-"+p.name)
			stored.API("POST", gateway.Integrations(p.name), strings.Replace(p.json, "…", p.secret, 1)).Want(t, http.StatusCreated)
			if !strings.Contains(p.json, "…") { // the sender would choose it
				stored.API("PATCH", path, gateway.M{"authentication": gateway.M{"signature": gateway.M{
					"provider": p.name, "secrets": []string{p.secret},
				}}}).Want(t, http.StatusOK)
			}
			created := stored.API("GET", path, nil).Want(t, http.StatusOK).JSON(t)
			declared := written.API("GET", path, nil).Want(t, http.StatusOK).JSON(t)
			if a, b := lasting(t, created), lasting(t, declared); !reflect.DeepEqual(a, b) {
				t.Errorf("the JSON makes %v, the Caddyfile %v", a, b)
			}
			for _, g := range []*gateway.Gateway{written, stored} {
				answer := g.API("POST", path+"/test", nil)
				if p.senderSigns {
					refused(t, answer, http.StatusConflict, "only the sender can sign")
					continue
				}
				if got := answer.Want(t, http.StatusOK).JSON(t)["status_code"]; got != float64(p.status) {
					t.Errorf("the test event is answered by %s, want status %d", answer.Body, p.status)
				} else {
					sink.Wait(answer.Text(t, "event_id"))
				}
			}
		})
	}
}

// senderPage is what a sender's page offers to paste, and its provider's facts.
type senderPage struct {
	name, caddyfile, json string
	variable, secret      string
	status                int // of an accepted event
	senderSigns           bool
}

var secretVariable = regexp.MustCompile(`\{env\.([A-Z0-9_]+)\}`)

func readPages(t *testing.T) []senderPage {
	t.Helper()
	folder := filepath.Join(gateway.Root(t), "docs", "senders")
	var pages []senderPage
	for _, name := range sender.Names() {
		text, err := os.ReadFile(filepath.Join(folder, name+".md"))
		if err != nil {
			t.Fatal(err)
		}
		p := senderPage{name: name, caddyfile: snippet(t, text, "caddyfile"), json: snippet(t, text, "json"), status: http.StatusAccepted}
		found := secretVariable.FindStringSubmatch(p.caddyfile)
		if found == nil {
			t.Fatalf("%s: there is no place for the secret", name)
		}
		scheme, _ := sender.Lookup(name)
		p.variable, p.secret = found[1], secretOf(t, scheme)
		if status := scheme.Status(); status != 0 {
			p.status = status
		}
		sample := scheme.Sample("https://hooks.example.com/webhooks/my-"+name, "1", time.Now())
		p.senderSigns = errors.Is(scheme.Sign(p.secret, sample), sender.ErrSenderSigns)
		pages = append(pages, p)
	}
	return pages
}

// snippet returns the page's only block in that language.
func snippet(t *testing.T, page []byte, language string) string {
	t.Helper()
	_, after, found := bytes.Cut(page, []byte("\n```"+language+"\n"))
	block, rest, closed := bytes.Cut(after, []byte("\n```\n"))
	if !found || !closed || bytes.Contains(rest, []byte("\n```"+language+"\n")) {
		t.Fatalf("there is not one block of %s in %.40q", language, page)
	}
	return string(block)
}

// secretOf returns a secret that the provider takes.
func secretOf(t *testing.T, p *sender.Provider) string {
	t.Helper()
	for _, secret := range []string{
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"0123456789abcdef0123456789abcdef",
		"user:password",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
		"arn:aws:sns:eu-central-1:123456789012:orders",
		"push@demo.iam.gserviceaccount.com https://hooks.example.com/webhooks/x",
	} {
		if p.CheckSecret(secret) == nil {
			return secret
		}
	}
	t.Fatalf("no secret is known that %s takes", p.Name())
	return ""
}

// lasting is an integration without what differs from one to the next.
func lasting(t *testing.T, integration gateway.M) gateway.M {
	t.Helper()
	for _, name := range []string{"managed_by", "created_at", "updated_at"} {
		delete(integration, name)
	}
	signature, ok := integration["authentication"].(gateway.M)["signature"].(gateway.M)
	if !ok {
		t.Fatalf("there is no signature in %v", integration)
	}
	delete(signature, "secrets") // masks with a fingerprint each
	return integration
}
