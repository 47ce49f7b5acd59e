package integrationtests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// issuer stands in for an issuer of JSON Web Tokens.
type issuer struct {
	name string // its host
	key  *ecdsa.PrivateKey
	down atomic.Bool
	id   atomic.Value // of the key that it publishes
}

func newIssuer(t *testing.T, internet *gateway.Internet, name string) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{name: name, key: key}
	i.id.Store("1")
	internet.Host(name, i)
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case i.down.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/.well-known/openid-configuration":
		json.NewEncoder(w).Encode(gateway.M{"issuer": "https://" + i.name, "jwks_uri": "https://" + i.name + "/keys"})
	case r.URL.Path == "/keys":
		json.NewEncoder(w).Encode(gateway.M{"keys": []jose.JSONWebKey{{Key: i.key.Public(), KeyID: i.id.Load().(string), Use: "sig"}}})
	default:
		http.NotFound(w, r)
	}
}

// token returns a token valid for an hour, with some claims changed.
func (i *issuer) token(t *testing.T, keyID string, change gateway.M) string {
	t.Helper()
	claims := gateway.M{"iss": "https://" + i.name, "aud": "hookgate", "email": "bot@example.com", "exp": time.Now().Unix() + 3600, "iat": time.Now().Unix()}
	maps.Copy(claims, change)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, (&jose.SignerOptions{}).WithHeader("kid", keyID))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

const jwtOptions = `
jwt_issuer test https://issuer.example {
	algorithms ES256 RS256
}
integration declared {
	project demo
	jwt test {
		audience hookgate
		claim email bot@example.com
	}
	resource ticket T-1
}
integration assertion {
	project demo
	jwt test {
		audience hookgate
		header X-Assertion
	}
	bearer token-for-tests
	match all
	resource ticket T-1
}
integration either {
	project demo
	jwt test {
		audience hookgate
	}
	secure_header X-Secure-Header "open sesame"
	resource ticket T-1
}
`

func TestJWT(t *testing.T) {
	t.Parallel()
	internet := gateway.NewInternet(t)
	i := newIssuer(t, internet, "issuer.example")
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(jwtOptions+gateway.Ticket(sink), gateway.Edge), internet.Env...)
	good := i.token(t, "1", nil)
	g.Create(t, demo, gateway.M{
		"webhook_id": "made", "resource": gateway.M{"type": "ticket", "id": "T-1"},
		"authentication": gateway.M{"jwt": gateway.M{"issuer": "test", "audience": "hookgate", "claims": gateway.M{"email": "bot@example.com"}}},
	})

	for name, test := range map[string]struct {
		id      string
		headers []string
		want    int
	}{
		"declared":        {"declared", []string{"Authorization", "Bearer " + good}, 202},
		"made":            {"made", []string{"Authorization", "bearer  " + good}, 202},
		"no scheme":       {"declared", []string{"Authorization", good}, 401},
		"basic":           {"declared", []string{"Authorization", "Basic " + good}, 401},
		"empty":           {"declared", []string{"Authorization", ""}, 401},
		"nothing":         {"declared", nil, 401},
		"twice":           {"declared", []string{"Authorization", "Bearer " + good, "Authorization", "Bearer " + good}, 401},
		"expired":         {"declared", []string{"Authorization", "Bearer " + i.token(t, "1", gateway.M{"exp": time.Now().Unix() - 100})}, 401},
		"other audience":  {"declared", []string{"Authorization", "Bearer " + i.token(t, "1", gateway.M{"aud": "x"})}, 401},
		"other claim":     {"declared", []string{"Authorization", "Bearer " + i.token(t, "1", gateway.M{"email": "x"})}, 401},
		"claim not asked": {"either", []string{"Authorization", "Bearer " + i.token(t, "1", gateway.M{"email": "x"})}, 202},
		"unknown key":     {"declared", []string{"Authorization", "Bearer " + i.token(t, "2", nil)}, 401},
		"both":            {"assertion", []string{"X-Assertion", good, "Authorization", "Bearer token-for-tests"}, 202},
		"one of both":     {"assertion", []string{"X-Assertion", good}, 401},
		"other of both":   {"assertion", []string{"Authorization", "Bearer token-for-tests"}, 401},
		"with scheme":     {"assertion", []string{"X-Assertion", "Bearer " + good, "Authorization", "Bearer token-for-tests"}, 401},
		"either":          {"either", []string{"X-Secure-Header", headerValue}, 202},
		"either is wrong": {"either", []string{"X-Secure-Header", headerValue, "Authorization", "Bearer " + i.token(t, "1", gateway.M{"aud": "x"})}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			answer := g.Post("/webhooks/"+test.id, gateway.Headers(test.headers...), body)
			if test.want == http.StatusAccepted {
				accept(t, answer)
			} else {
				problem(t, answer, test.want)
			}
		})
	}
	if asked := internet.Asked("issuer.example/keys"); asked != 1 {
		t.Errorf("the keys were fetched %d times", asked)
	}

	read := g.API("GET", gateway.Integration(demo, "made"), nil).Want(t, 200)
	if want := `"jwt":{"issuer":"test","audience":"hookgate","claims":{"email":"bot@example.com"},"header":"Authorization"}`; !strings.Contains(string(read.Body), want) {
		t.Errorf("it reads %s", read.Body)
	}
	g.API("PUT", gateway.Integration(demo, "made"), string(read.Body)).Want(t, 200)
	accept(t, g.Post("/webhooks/made", gateway.Headers("Authorization", "Bearer "+good), body))

	// Only the issuer can sign a test event.
	g.API("POST", gateway.Integration(demo, "made", "test"), gateway.M{}).Want(t, http.StatusConflict)

	// An unreachable issuer affects nothing whose key is known, even across a
	// reload; and its keys are not fetched over and over.
	i.down.Store(true)
	g.Reload(gateway.Config(jwtOptions+gateway.Ticket(sink), gateway.Edge))
	accept(t, g.Post("/webhooks/declared", gateway.Headers("Authorization", "Bearer "+i.token(t, "1", gateway.M{"n": 1})), body))
	if logs := g.Logs(); strings.Contains(logs, good) || strings.Contains(logs, "issuer.example") {
		t.Error("the log holds a token, or an operator's URL")
	}
	status := g.API("GET", "/webhooks/status", nil).Want(t, 200)
	if !regexp.MustCompile(`"key_sources":\[\{"name":"test","fetched_at":"2[^"]+","failed_at":null\}\]`).Match(status.Body) {
		t.Errorf("the status is %s", status.Body)
	}
	metrics, err := g.Try("GET", "http://"+g.Admin+"/metrics", nil, nil)
	if err != nil || !strings.Contains(string(metrics.Body), `caddy_webhooks_key_fetches_total{outcome="fetched",source="test"} 1`) ||
		!strings.Contains(string(metrics.Body), `caddy_webhooks_refusals_total{reason="jwt_audience"} 2`) {
		t.Errorf("metrics: %v", err)
	}
}

// While keys cannot be fetched, the sender of a possibly valid token is asked
// to try again. Nobody else is, and a flood causes one fetch.
func TestJWTWithoutKeys(t *testing.T) {
	t.Parallel()
	internet := gateway.NewInternet(t)
	i := newIssuer(t, internet, "issuer.example")
	i.down.Store(true)
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(jwtOptions+gateway.Ticket(sink), gateway.Edge), internet.Env...)
	post := func(token string) *gateway.Answer {
		return g.Post("/webhooks/declared", gateway.Headers("Authorization", "Bearer "+token), body)
	}
	problem(t, post("forged"), http.StatusUnauthorized)
	problem(t, post(i.token(t, "1", gateway.M{"aud": "x"})), http.StatusUnauthorized)
	if asked := internet.Asked("issuer.example/.well-known/openid-configuration"); asked != 0 {
		t.Errorf("a forged token caused %d fetches", asked)
	}
	for range 20 {
		answer := post(i.token(t, "1", nil))
		problem(t, answer, http.StatusServiceUnavailable)
		if answer.Header.Get("Retry-After") != "30" {
			t.Errorf("Retry-After %q", answer.Header.Get("Retry-After"))
		}
	}
	status := g.API("GET", "/webhooks/status", nil).Want(t, 200)
	if !regexp.MustCompile(`"key_sources":\[\{"name":"test","fetched_at":null,"failed_at":"2[^"]+","error":"status"\}\]`).Match(status.Body) {
		t.Errorf("the status is %s", status.Body)
	}
	// A token that cannot be checked is as bad as a wrong one, whatever else the
	// request carries.
	either := gateway.Headers("X-Secure-Header", headerValue)
	accept(t, g.Post("/webhooks/either", either, body))
	either.Set("Authorization", "Bearer "+i.token(t, "1", nil))
	problem(t, g.Post("/webhooks/either", either, body), http.StatusServiceUnavailable)
	if asked := internet.Asked("issuer.example/.well-known/openid-configuration"); asked != 1 {
		t.Errorf("the issuer was asked %d times", asked)
	}
}

// An issuer that the operator has removed is reported where an integration
// refers to it, and works again once it is back.
func TestJWTIssuerIsTakenOut(t *testing.T) {
	t.Parallel()
	internet := gateway.NewInternet(t)
	i := newIssuer(t, internet, "issuer.example")
	sink := gateway.NewSink(t)
	const issuer = "jwt_issuer test https://issuer.example\n"
	g := gateway.Start(t, gateway.Config(issuer+gateway.Ticket(sink), gateway.Edge), internet.Env...)
	g.Create(t, demo, gateway.M{
		"webhook_id": "made", "resource": gateway.M{"type": "ticket", "id": "T-1"},
		"authentication": gateway.M{"jwt": gateway.M{"issuer": "test", "audience": "hookgate"}},
	})
	header := gateway.Headers("Authorization", "Bearer "+i.token(t, "1", nil))
	accept(t, g.Post("/webhooks/made", header, body))

	g.Reload(gateway.Config(gateway.Ticket(sink), gateway.Edge))
	problem(t, g.Post("/webhooks/made", header, body), http.StatusServiceUnavailable)
	gateway.Eventually(t, "the log names issuer and integration", func() bool {
		return slices.ContainsFunc(strings.Split(g.Logs(), "\n"), func(line string) bool {
			return strings.Contains(line, `"level":"warn"`) && strings.Contains(line, `"reason":"jwt_issuer_unknown"`) &&
				strings.Contains(line, `"webhook_id":"made"`) && strings.Contains(line, `"jwt_issuer":"test"`)
		})
	})

	g.Reload(gateway.Config(issuer+gateway.Ticket(sink), gateway.Edge))
	accept(t, g.Post("/webhooks/made", header, []byte(`{"n":2}`)))
}

func TestJWTIsRefused(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, jwtOptions)
	for text, want := range map[string]string{
		`{"jwt":{"issuer":"other","audience":"x"}}`:                             "authentication.jwt.issuer",
		`{"jwt":{"issuer":"google","audience":"x"}}`:                            "authentication.jwt.claims",
		`{"jwt":{"issuer":"test"}}`:                                             "authentication.jwt.audience",
		`{"jwt":{"issuer":"test","audience":["x"]}}`:                            "authentication.jwt.audience",
		`{"jwt":{"issuer":"test","audience":"x","url":"https://x"}}`:            "authentication.jwt.url",
		`{"jwt":{"issuer":"test","audience":"x","claims":{"iss":"x"}}}`:         "authentication.jwt.claims.iss",
		`{"jwt":{"issuer":"test","audience":"x","claims":{"n":1}}}`:             "authentication.jwt.claims.n",
		`{"jwt":{"issuer":"test","audience":"x","header":"Host"}}`:              "authentication.jwt.header",
		`{"jwt":{"issuer":"test","audience":"x"},"bearer":{"tokens":["x"]}}`:    "authentication.bearer",
		`{"jwt":{"issuer":"test","audience":"x"},"allow_unauthenticated":true}`: "authentication.allow_unauthenticated",
	} {
		var auth gateway.M
		if err := json.Unmarshal([]byte(text), &auth); err != nil {
			t.Fatal(err)
		}
		answer := g.API("POST", gateway.Integrations(demo), gateway.M{"authentication": auth})
		if answer.Status != http.StatusBadRequest || !strings.HasPrefix(answer.Text(t, "error"), want) {
			t.Errorf("%s: %d %s", text, answer.Status, answer.Body)
		}
	}
	for options, want := range map[string]string{
		"jwt_issuer test http://issuer.example":                          "issuer: must be an https URL",
		"jwt_issuer google https://issuer.example":                       "google is predefined",
		"jwt_issuer a https://a.example\njwt_issuer a https://b.example": "'a' is repeated",
		"jwt_issuer a https://a.example {\nalgorithms HS256\n}":          "HS256",
		"jwt_issuer a https://a.example {\nkeys x\n}":                    "unrecognized option 'keys'",
		"jwt_issuer a": "wrong argument count",
		"integration x {\nproject demo\njwt google {\nclaim a b\nclaim a c\n}\n}":           "the claim 'a' is repeated",
		"integration x {\nproject demo\njwt other {\naudience x\n}\nresource ticket T-1\n}": "unknown issuer",
	} {
		sink := gateway.NewSink(t)
		if out, err := g.TryReload(gateway.Config(options+"\n"+gateway.Ticket(sink), gateway.Edge)); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %s", options, err, out)
		}
	}
}
