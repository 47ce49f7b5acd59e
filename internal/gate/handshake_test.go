package gate

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// by makes the integration another provider's.
func by(name string, texts ...string) func(*integration.Integration) {
	return func(it *integration.Integration) {
		give(it, &credential.Signature{Provider: name, Secrets: secrets(texts...)})
		it.Authentication.RequireSHA256Signature = false
	}
}

// ask sends a request without a body.
func (s *server) ask(t *testing.T, method, path string, fields ...string) reply {
	t.Helper()
	return s.raw(t, method+" "+path+" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"+strings.Join(append(fields, ""), "\r\n")+"\r\n")
}

func TestHandshakeByMethod(t *testing.T) {
	const okta = "X-Okta-Verification-Challenge: abc"
	both := func(it *integration.Integration) {
		by("dropbox", "k")(it)
		it.Authentication.Match = integration.MatchAll
		give(it, &credential.SecureHeader{Name: "X-Other", Value: credential.NewSecret("o")})
	}
	tests := []struct {
		name   string
		change func(*integration.Integration)
		method string
		query  string
		fields []string
		want   string // or the status: 401, 405
	}{
		{"okta", by("okta", "word"), "GET", "", []string{okta, "Authorization: word"}, `{"verification":"abc"}`},
		{"okta, another credential", by("okta", "word"), "GET", "", []string{okta, "Authorization: ward"}, "401"},
		{"okta, no credential", by("okta", "word"), "GET", "", []string{okta}, "401"},
		{"okta, no challenge", by("okta", "word"), "GET", "", []string{"Authorization: word"}, "405"},
		{"okta by PUT", by("okta", "word"), "PUT", "", []string{okta, "Authorization: word"}, "405"},
		{"meta", by("meta", "k", "verify:w"), "GET", "?hub.mode=subscribe&hub.verify_token=w&hub.challenge=77", nil, "77"},
		{"meta, another word", by("meta", "k", "verify:w"), "GET", "?hub.mode=subscribe&hub.verify_token=k&hub.challenge=77", nil, "401"},
		{"meta, another mode", by("meta", "k", "verify:w"), "GET", "?hub.mode=unsubscribe&hub.verify_token=w&hub.challenge=77", nil, "405"},
		{"dropbox", by("dropbox", "k"), "GET", "?challenge=77", nil, "77"},
		{"dropbox, too long", by("dropbox", "k"), "GET", "?challenge=" + strings.Repeat("7", 257), nil, "405"},
		{"all, without the other", both, "GET", "?challenge=77", nil, "401"},
		{"all, with the other", both, "GET", "?challenge=77", []string{"X-Other: o"}, "77"},
		{"any, with a wrong one", func(it *integration.Integration) { both(it); it.Authentication.Match = integration.MatchAny }, "GET", "?challenge=77", []string{"X-Other: p"}, "401"},
		{"with a token that cannot be judged", func(it *integration.Integration) {
			by("dropbox", "k")(it)
			give(it, &credential.JWT{Issuer: "issuer", Audience: "a", Header: "X-Token"})
		}, "GET", "?challenge=77", []string{"X-Token: t"}, "503"},
		{"github", func(*integration.Integration) {}, "GET", "?hub.mode=subscribe&hub.challenge=77", nil, "405"},
		{"disabled", func(it *integration.Integration) { by("okta", "word")(it); it.IsEnabled = false }, "GET", "", []string{okta, "Authorization: word"}, "405"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBackend(t, github(test.change))
			s := serve(t, b, New(Settings{}))
			got := s.ask(t, test.method, "/webhooks/hook"+test.query, test.fields...)
			if status, err := strconv.Atoi(test.want); err == nil && status > 400 && status != 405 {
				if got.status != status || strings.Contains(got.body, "77") || strings.Contains(got.body, "abc") {
					t.Errorf("%d %s, want %d", got.status, got.body, status)
				}
			} else if test.want == "405" {
				if nobody := s.ask(t, test.method, "/webhooks/nobody"+test.query, test.fields...); got.status != 405 || got.body != nobody.body || nobody.status != 405 {
					t.Errorf("%d %s; where there is nothing %d %s", got.status, got.body, nobody.status, nobody.body)
				}
			} else if got.status != 200 || got.body != test.want || got.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%d %q %v", got.status, got.body, got.header)
			}
			if b.log.count() != 0 {
				t.Error("a handshake was stored")
			}
		})
	}
}

// What the sender signs is answered only when it is signed, and stores nothing.
func TestHandshakeByPost(t *testing.T) {
	b := newBackend(t, github(by("slack", "k")))
	s := serve(t, b, New(Settings{}))
	p, _ := sender.Lookup("slack")
	for _, test := range []struct {
		secret, body string
		status       int
		want         string
	}{
		{"k", `{"type":"url_verification","challenge":"abc"}`, 200, "abc"},
		{"x", `{"type":"url_verification","challenge":"abc"}`, 401, ""},
		{"k", `{"type":"event_callback","challenge":"abc"}`, 202, ""},
	} {
		r := p.Sample("", "d", time.Now())
		r.Body = []byte(test.body)
		if err := p.Sign(test.secret, r); err != nil {
			t.Fatal(err)
		}
		got := s.post(t, "/webhooks/hook", r.Header, test.body)
		if got.status != test.status || test.want != "" && got.body != test.want {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
		}
	}
	if b.log.count() != 1 {
		t.Errorf("%d events stored", b.log.count())
	}
}

// What is about the subscription is no event, though it cannot be answered.
func TestHandshakeThatCannotBeAnswered(t *testing.T) {
	for _, test := range []struct{ provider, body string }{
		{"slack", `{"type":"url_verification"}`},
		{"slack", `{"type":"url_verification","challenge":"` + strings.Repeat("a", 257) + `"}`},
		{"slack", `{"type":"url_verification","challenge":"café"}`},
		{"zoom", `{"event":"endpoint.url_validation","payload":{"plainToken":"a b"}}`},
		{"zoom", `{"event":"endpoint.url_validation"}`},
		{"azure-event-grid", `[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{}}]`},
	} {
		b := newBackend(t, github(by(test.provider, "k")))
		s := serve(t, b, New(Settings{}))
		p, _ := sender.Lookup(test.provider)
		r := p.Sample("", "d", time.Now())
		r.Body = []byte(test.body)
		if err := p.Sign("k", r); err != nil {
			t.Fatal(err)
		}
		if got := s.post(t, "/webhooks/hook", r.Header, test.body); got.status != 400 || b.log.count() != 0 {
			t.Errorf("%s, %s: %d %s, %d events stored", test.provider, test.body, got.status, got.body, b.log.count())
		}
	}
}

// Azure Event Grid does not sign its handshake, so it is answered to all; its
// events still need the credential.
func TestHandshakeUnsigned(t *testing.T) {
	b := newBackend(t, github(by("azure-event-grid", "k")))
	s := serve(t, b, New(Settings{}))
	validation := `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d"}}]`
	for _, test := range []struct {
		kind, body string
		status     int
	}{
		{"SubscriptionValidation", validation, 200},
		{"Notification", validation, 401},
		{"SubscriptionValidation", strings.Repeat(" ", maxUnsigned) + validation, 401},
	} {
		got := s.post(t, "/webhooks/hook", http.Header{"Aeg-Event-Type": {test.kind}}, test.body)
		if got.status != test.status || got.status == 200 && got.body != `{"validationResponse":"512d"}` {
			t.Errorf("%s: %d %s", test.kind, got.status, got.body)
		}
	}
	if b.log.count() != 0 {
		t.Error("a handshake was stored")
	}
}

// What a sender does not sign is answered however its length is told: before the
// body, in chunks, or by the end of an HTTP/2 stream.
func TestHandshakeUnsignedOfAnyFraming(t *testing.T) {
	const validation = `[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d"}}]`
	aeg := http.Header{"Aeg-Event-Type": {"SubscriptionValidation"}}
	asana := http.Header{"X-Hook-Secret": {"s3cret"}}
	none := http.Header{}
	const token = `{"verification_token":"secret_x"}`
	own := func(it *integration.Integration) {
		it.Authentication.Credentials = it.Authentication.Credentials.With(&credential.Signature{Secrets: secrets("k"), Description: &provider.Description{
			Name:       "custom",
			Schemes:    []provider.Scheme{{Header: "X-Signature", Signed: "{body}", Algorithm: provider.HMACSHA256}},
			Handshakes: []provider.Handshake{{Open: true, When: []provider.Condition{{Place: provider.Place{JSON: "challenge"}}}, Echo: &provider.Place{JSON: "challenge"}}},
		}})
		it.Authentication.RequireSHA256Signature = false
	}
	tests := []struct {
		name   string
		change func(*integration.Integration)
		header http.Header
		query  string
		body   string
		status int
	}{
		{"azure-event-grid", by("azure-event-grid", "k"), aeg, "", validation, 200},
		{"azure-event-grid, large", by("azure-event-grid", "k"), aeg, "", validation + strings.Repeat(" ", maxUnsigned-len(validation)), 200},
		{"azure-event-grid, too large", by("azure-event-grid", "k"), aeg, "", validation + strings.Repeat(" ", maxUnsigned-len(validation)+1), 401},
		{"azure-event-grid, another message", by("azure-event-grid", "k"), aeg, "", `[{"eventType":"x"}]`, 401},
		{"notion", learning("notion", 0), none, "", token, 200},
		{"notion, no window", by("notion", "k"), none, "", token, 401},
		{"asana", learning("asana", 0), asana, "", "{}", 200},
		{"asana, empty", learning("asana", 0), asana, "", "", 200},
		{"msgraph", by("msgraph", "k"), none, "?validationToken=abc", "{}", 200},
		{"described", own, none, "", `{"challenge":"abc"}`, 200},
	}
	for _, test := range tests {
		for _, framing := range []string{"length", "chunks", "HTTP/2"} {
			t.Run(test.name+" by "+framing, func(t *testing.T) {
				b := newBackend(t, github(test.change))
				g := New(Settings{})
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Serve(w, r, "192.0.2.1", b.Acquire) }))
				s.EnableHTTP2 = framing == "HTTP/2"
				s.StartTLS()
				defer s.Close()
				var body io.Reader = strings.NewReader(test.body)
				if framing != "length" {
					body = io.MultiReader(body) // whose length nobody knows
				}
				r, err := http.NewRequest(http.MethodPost, s.URL+"/webhooks/hook"+test.query, body)
				if err != nil {
					t.Fatal(err)
				}
				r.Header = test.header.Clone()
				res, err := s.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				if got := read(t, res); got.status != test.status || (res.ProtoMajor == 2) != (framing == "HTTP/2") {
					t.Errorf("%s: %d %s", res.Proto, got.status, got.body)
				}
				if b.log.count() != 0 {
					t.Error("a handshake was stored")
				}
			})
		}
	}
}

// No body is waited for where the headers show that there is no handshake.
func TestNoHandshakeInTheHeaders(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*integration.Integration)
	}{
		{"notion, no window", by("notion", "k")},
		{"asana, no window", by("asana", "k")},
		{"asana, no secret", learning("asana", 0, "k")},
		{"azure-event-grid, an event", by("azure-event-grid", "k")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newBackend(t, github(test.change)), New(Settings{}))
			if got := s.raw(t, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n"); got.status != 401 {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

// The URL that is signed is the public one, with the query as it was sent, and
// a sender that insists on 200 gets it.
func TestSignedURL(t *testing.T) {
	s := serve(t, newBackend(t, github(by("trello", "k"))), New(Settings{}))
	p, _ := sender.Lookup("trello")
	for _, test := range []struct {
		address, path string
		status        int
	}{
		{"https://hooks.example.com/webhooks/hook", "/webhooks/hook", 200},
		{"https://hooks.example.com/webhooks/hook?a=%20b", "/webhooks/hook?a=%20b", 200},
		{"https://hooks.example.com/webhooks/hook", "/webhooks/hook?a=b", 401},
		{"http://test/webhooks/hook", "/webhooks/hook", 401},
	} {
		r := p.Sample(test.address, "d", time.Now())
		if err := p.Sign("k", r); err != nil {
			t.Fatal(err)
		}
		if got := s.post(t, test.path, r.Header, string(r.Body)); got.status != test.status {
			t.Errorf("%s at %s: %d %s", test.address, test.path, got.status, got.body)
		}
	}
}
