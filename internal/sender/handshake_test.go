package sender

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// exchange is a handshake with the answer that it must get.
type exchange struct {
	ID       string  `json:"id"`
	Provider string  `json:"provider"`
	Secret   *string `json:"secret"`
	Now      int64   `json:"now"`
	Request  struct {
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	} `json:"request"`
	Response struct {
		Status   int               `json:"status"`
		Headers  map[string]string `json:"headers"`
		BodyText string            `json:"body_text"`
		BodyJSON map[string]any    `json:"body_json"`
	} `json:"response"`
	Note string `json:"note"`
}

// anySecret is a secret of the provider's form, for those that need one only
// to exist.
func anySecret(p *Provider) string {
	for _, text := range []string{
		"whsec_a2tra2tra2tra2tra2tra2tra2tr", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", "6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b",
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
		"arn:aws:sns:eu-central-1:123456789012:orders", "push@demo.iam.gserviceaccount.com https://hooks.example.com/webhooks/x",
	} {
		if p.CheckSecret(text) == nil {
			return text
		}
	}
	return "user:secret"
}

func TestHandshakes(t *testing.T) {
	text, err := os.ReadFile("testdata/handshakes.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		t.Run(e.ID, func(t *testing.T) {
			p := mustLookup(t, e.Provider)
			secret := anySecret(p)
			if e.Secret != nil && *e.Secret != "public key" {
				secret = *e.Secret
			}
			v := mustVerifier(t, p.name, false, secret)
			r := &provider.Request{Method: e.Request.Method, URL: "https://hooks.example.com/x", Header: http.Header{}, Body: []byte(e.Request.Body), Now: time.Unix(e.Now, 0)}
			for name, value := range e.Request.Headers {
				r.Header.Set(name, value)
			}
			claim, reason := v.Precheck(r.Header, r.Now)
			verified := reason == "" && claim.Present() && claim.Verify(r.Body) == ""
			if e.Provider == "discord" {
				verified = true // its key signs the vectors only
			}
			learned := ""
			learn := func(secret string) bool {
				learned = secret
				return e.Secret == nil // the window is open while there is none
			}
			a, ok := v.Handshake(r, jsondoc.New(r.Body), verified, learn)
			if e.Response.Status == 401 {
				if ok {
					t.Fatalf("answered %d %s", a.Status, a.Body)
				}
				return
			}
			if !ok || a.Status != e.Response.Status {
				t.Fatalf("answered %v, %d; want %d", ok, a.Status, e.Response.Status)
			}
			if e.Response.BodyText != "" && string(a.Body) != e.Response.BodyText {
				t.Errorf("body %q", a.Body)
			}
			if e.Response.BodyJSON != nil {
				var got map[string]any
				if err := json.Unmarshal(a.Body, &got); err != nil || !maps.Equal(got, e.Response.BodyJSON) {
					t.Errorf("body %s, want %v", a.Body, e.Response.BodyJSON)
				}
			}
			for name, value := range e.Response.Headers {
				if a.Header.Get(name) != value {
					t.Errorf("%s: %q, want %q", name, a.Header.Get(name), value)
				}
			}
			if len(a.Body) > 0 && a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("a browser may guess what the answer is")
			}
			if p.handshakes[0].Learn != nil && learned == "" {
				t.Error("the secret was not learned")
			}
			if _, again := v.Handshake(r, jsondoc.New(r.Body), verified, nil); again != (p.handshakes[0].Learn == nil) {
				t.Errorf("with the window closed: %v", again)
			}
		})
	}
}

// A secret that a sender brings is a text.
func TestLearnedSecretIsText(t *testing.T) {
	v := mustVerifier(t, "notion", false)
	for body, want := range map[string]string{
		`{"verification_token":"secret_abc"}`: "secret_abc", `{"verification_token":5}`: "", `{"verification_token":["secret_abc"]}`: "", `{"verification_token":""}`: "",
	} {
		learned := ""
		_, ok := v.Handshake(&provider.Request{Method: "POST"}, jsondoc.New([]byte(body)), false, func(secret string) bool { learned = secret; return true })
		if learned != want || ok != (want != "") {
			t.Errorf("%s: learned %q, %v", body, learned, ok)
		}
	}
}

// Handshakes that no file has: the senders' own documents do.
func TestMoreHandshakes(t *testing.T) {
	long, odd := strings.Repeat("x", maxEcho+1), "a\nb"
	tests := []struct {
		name, provider, method, query string
		header                        http.Header
		body                          string
		verified                      bool
		want                          string // of the body; "-" is no answer
	}{
		{name: "meta", provider: "meta", method: "GET", query: "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=word", want: "1158201444"},
		{name: "meta, another word", provider: "meta", method: "GET", query: "hub.mode=subscribe&hub.challenge=1&hub.verify_token=secret", want: "-"},
		{name: "meta, no word", provider: "meta", method: "GET", query: "hub.mode=subscribe&hub.challenge=1", want: "-"},
		{name: "meta, verified does not help", provider: "meta", method: "GET", query: "hub.mode=subscribe&hub.challenge=1", verified: true, want: "-"},
		{name: "dropbox", provider: "dropbox", method: "GET", query: "challenge=abc123", want: "abc123"},
		{name: "dropbox twice", provider: "dropbox", method: "GET", query: "challenge=a&challenge=b", want: "-"},
		{name: "dropbox too long", provider: "dropbox", method: "GET", query: "challenge=" + long, want: "-"},
		{name: "dropbox not printable", provider: "dropbox", method: "GET", query: "challenge=a%0Ab", want: "-"},
		{name: "dropbox malformed", provider: "dropbox", method: "GET", query: "challenge=%zz", want: "-"},
		{name: "dropbox by POST", provider: "dropbox", method: "POST", query: "challenge=abc", verified: true, want: "-"},
		{
			name: "twitch", provider: "twitch", method: "POST", verified: true, body: `{"challenge":"pogchamp-kappa-360noscope-vohiyo"}`,
			header: http.Header{"Twitch-Eventsub-Message-Type": {"webhook_callback_verification"}}, want: "pogchamp-kappa-360noscope-vohiyo",
		},
		{
			name: "twitch, not signed", provider: "twitch", method: "POST", body: `{"challenge":"x"}`,
			header: http.Header{"Twitch-Eventsub-Message-Type": {"webhook_callback_verification"}}, want: "-",
		},
		{name: "trello", provider: "trello", method: "HEAD", want: ""},
		{name: "intercom", provider: "intercom", method: "HEAD", want: ""},
		{name: "cloudevents", provider: "cloudevents", method: "OPTIONS", header: http.Header{"Webhook-Request-Origin": {"a.example"}}, want: ""},
		{name: "github", provider: "github", method: "GET", query: "challenge=x", verified: true, want: "-"},
		{name: "websub", provider: "websub", method: "GET", query: "hub.mode=subscribe&hub.topic=t&hub.challenge=c", want: "c"},
		{name: "websub, the end", provider: "websub", method: "GET", query: "hub.mode=unsubscribe&hub.topic=t&hub.challenge=c", want: "-"},
		{
			name: "event grid", provider: "azure-event-grid", method: "POST", header: http.Header{"Aeg-Event-Type": {"SubscriptionValidation"}},
			body: `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]`,
			want: `{"validationResponse":"512d38b6"}`,
		},
		{
			name: "event grid, without the header", provider: "azure-event-grid", method: "POST", verified: true,
			body: `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]`,
			want: `{"validationResponse":"512d38b6"}`,
		},
		{
			name: "event grid, an event", provider: "azure-event-grid", method: "POST", header: http.Header{"Aeg-Event-Type": {"Notification"}},
			body: `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6"}}]`, want: "-",
		},
		{name: "okta without the credential", provider: "okta", method: "GET", header: http.Header{"X-Okta-Verification-Challenge": {"x"}}, want: "-"},
		{name: "okta, a line break", provider: "okta", method: "GET", verified: true, header: http.Header{"X-Okta-Verification-Challenge": {odd}}, want: "-"},
		{name: "okta, a quote", provider: "okta", method: "GET", verified: true, header: http.Header{"X-Okta-Verification-Challenge": {`"<`}}, want: `{"verification":"\"\u003c"}`},
		{name: "slack, an event", provider: "slack", method: "POST", verified: true, body: `{"type":"event_callback","challenge":"x"}`, want: "-"},
		{name: "discord, an event", provider: "discord", method: "POST", verified: true, body: `{"type":1,"event":{"type":"ENTITLEMENT_CREATE"}}`, want: "-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := mustLookup(t, test.provider)
			secrets := []string{anySecret(p)}
			if test.provider == "meta" {
				secrets = []string{"secret", "verify:word"}
			}
			v := mustVerifier(t, test.provider, false, secrets...)
			r := &provider.Request{Method: test.method, URL: "https://h.example/x?" + test.query, Header: test.header, Body: []byte(test.body), Now: time.Now()}
			a, ok := v.Handshake(r, jsondoc.New(r.Body), test.verified, nil)
			if test.method == "OPTIONS" && a.Header.Get("Allow") != "POST" {
				t.Errorf("allows %q", a.Header.Get("Allow"))
			}
			if ok != (test.want != "-") || ok && string(a.Body) != test.want {
				t.Errorf("answered %v %d %q, want %q", ok, a.Status, a.Body, test.want)
			}
		})
	}
}

func TestHandshakeMethods(t *testing.T) {
	for name, want := range map[string][]string{
		"github": nil, "okta": {"GET"}, "slack": {"POST"}, "trello": {"HEAD"}, "cloudevents": {"OPTIONS"},
	} {
		if got := mustLookup(t, name).HandshakeMethods(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The word of a handshake signs nothing.
func TestWordIsNoKey(t *testing.T) {
	p := mustLookup(t, "meta")
	if _, err := p.NewVerifier([]string{"verify:word"}, true); err == nil {
		t.Error("a word alone verifies")
	}
	if p.CheckSecret("verify:") == nil || p.CheckSecret("verify: x") == nil || p.CheckSecret("verify:a\nb") == nil {
		t.Error("takes a word that no URL holds")
	}
	v := mustVerifier(t, "meta", true, "secret", "verify:word")
	for _, key := range []string{"word", "verify:word"} {
		header := http.Header{"X-Hub-Signature-256": {sign256(key, "{}")}}
		if claim, reason := v.Precheck(header, time.Now()); reason == "" && claim.Verify([]byte("{}")) == "" {
			t.Errorf("%q signs", key)
		}
	}
	if err := mustLookup(t, "github").CheckSecret("verify:word"); err != nil {
		t.Errorf("where no handshake has a word, it is a secret like any other: %v", err)
	}
}

// Zoom's answer must never be a signature of a delivery.
func TestZoomIsNoOracle(t *testing.T) {
	p := mustLookup(t, "zoom")
	v := mustVerifier(t, "zoom", true, "k")
	for _, token := range []string{`v0:1764000000:{}`, "a b", "a.b", ""} {
		body, err := json.Marshal(map[string]any{"event": "endpoint.url_validation", "payload": map[string]string{"plainToken": token}})
		if err != nil {
			t.Fatal(err)
		}
		r := &provider.Request{Method: "POST", Header: http.Header{}, Body: body, Now: time.Now()}
		if err := p.Sign("k", r); err != nil {
			t.Fatal(err)
		}
		if a, ok := v.Handshake(r, jsondoc.New(r.Body), true, nil); ok {
			t.Errorf("%q: answered %s", token, a.Body)
		}
	}
}
