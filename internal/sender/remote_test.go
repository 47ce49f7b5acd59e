package sender

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/provider"
)

// world is what a verifier can fetch, by URL. Anything else is a 404.
type world map[string][]byte

func (w world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, found := w[r.URL.String()]
	status := http.StatusOK
	if !found {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

func (w world) remote(t testing.TB) *Remote {
	client := remotekey.NewClient(w)
	nobody := func(string, string) {}
	sets, certificates := jwt.NewKeySets(client, nobody), remotekey.NewCertificates(client, nobody)
	t.Cleanup(sets.Close)
	t.Cleanup(certificates.Close)
	return &Remote{Google: sets.Issuer(jwt.Google), Certificates: certificates, Client: client}
}

var (
	remoteNow = time.Unix(1_800_000_000, 0).UTC()
	remoteKey = must(rsa.GenerateKey(rand.Reader, 2048))
	otherKey  = must(rsa.GenerateKey(rand.Reader, 2048))
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// certify returns a certificate in PEM for a name.
func certify(name string, key *rsa.PrivateKey, from, to time.Time) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: from, NotAfter: to}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

const pubsubSecret = "push@demo.iam.gserviceaccount.com https://hooks.example.com/webhooks/x"

func TestPubSub(t *testing.T) {
	published := must(json.Marshal(map[string]any{"keys": []jose.JSONWebKey{{Key: remoteKey.Public(), KeyID: "1", Use: "sig", Algorithm: "RS256"}}}))
	w := world{jwt.Google.JWKSURL: published}
	remote := w.remote(t)
	signer := func(key *rsa.PrivateKey) jose.Signer {
		return must(jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "1")))
	}
	token := func(key *rsa.PrivateKey, pairs ...any) string {
		claims := map[string]any{
			"iss": "https://accounts.google.com", "aud": "https://hooks.example.com/webhooks/x", "exp": remoteNow.Unix() + 3600, "iat": remoteNow.Unix(),
			"email": "push@demo.iam.gserviceaccount.com", "email_verified": true,
		}
		for i := 0; i < len(pairs); i += 2 {
			claims[pairs[i].(string)] = pairs[i+1]
		}
		return must(must(signer(key).Sign(must(json.Marshal(claims)))).CompactSerialize())
	}
	for name, test := range map[string]struct {
		header string
		want   Reason
	}{
		"good":           {"Bearer " + token(remoteKey), ""},
		"second":         {"bearer  " + token(remoteKey, "aud", "https://hooks.example.com/webhooks/y"), ""},
		"forged":         {"Bearer " + token(otherKey), Mismatch},
		"other account":  {"Bearer " + token(remoteKey, "email", "other@demo.iam.gserviceaccount.com"), "claim"},
		"not verified":   {"Bearer " + token(remoteKey, "email_verified", false), "claim"},
		"other audience": {"Bearer " + token(remoteKey, "aud", "https://hooks.example.com/webhooks/z"), "audience"},
		"other issuer":   {"Bearer " + token(remoteKey, "iss", "https://example.com"), "issuer"},
		"expired":        {"Bearer " + token(remoteKey, "exp", remoteNow.Unix()-100), Stale},
		"no token":       {"Bearer x", Malformed},
		"no scheme":      {token(remoteKey), Malformed},
		"basic":          {"Basic " + token(remoteKey), Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			v := mustVerifier(t, "pubsub", false, strings.Replace(pubsubSecret, "/x", "/y", 1), pubsubSecret)
			claim, reason := v.Precheck(http.Header{"Authorization": {test.header}}, remoteNow)
			if reason != "" || claim.NeedsBody() {
				t.Fatalf("%q, %v", reason, claim.NeedsBody())
			}
			if got := claim.VerifyBy(t.Context(), jsondoc.New(nil), remote, false); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := claim.Verify(nil); got != Unavailable {
				t.Errorf("without help: %q", got)
			}
		})
	}
	body := []byte(`{"message":{"messageId":"7","attributes":{"eventType":"OBJECT_DELETE"},"data":"e30="},"subscription":"s"}`)
	m, err := readMessage(mustLookup(t, "pubsub"), http.Header{}, jsondoc.New(body))
	if err != nil || m.Type != "OBJECT_DELETE" || m.DeliveryID != "7" {
		t.Errorf("%q %q %v", m.Type, m.DeliveryID, err)
	}
	for secret, good := range map[string]bool{
		pubsubSecret: true, "push@demo.iam.gserviceaccount.com": false, "push https://x": false, "a@b ": false, "a@b  https://x": false, "a@b é": false,
	} {
		if err := mustLookup(t, "pubsub").CheckSecret(secret); (err == nil) != good {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func TestNetlify(t *testing.T) {
	v := mustVerifier(t, "netlify", true, "first", "s3cret")
	sign := func(algorithm, secret, text string) string {
		encode := base64.RawURLEncoding.EncodeToString
		content := encode([]byte(`{"typ":"JWT","alg":"`+algorithm+`"}`)) + "." + encode([]byte(text))
		return content + "." + newMACs(sha256.New, provider.Base64URL, []byte(secret)).text(nil, content)
	}
	const body = `{"id":"1"}`
	digest := netlifyDigest([]byte(body))
	good := sign("HS256", "s3cret", `{"iss":"netlify","sha256":"`+digest+`"}`)
	for name, test := range map[string]struct {
		token, body string
		want        Reason
	}{
		"good":         {good, body, ""},
		"other body":   {good, body + " ", Mismatch},
		"no digest":    {sign("HS256", "s3cret", `{"iss":"netlify"}`), body, Mismatch},
		"other issuer": {sign("HS256", "s3cret", `{"iss":"x","sha256":"`+digest+`"}`), body, Mismatch},
		"upper case":   {sign("HS256", "s3cret", `{"iss":"netlify","sha256":"`+strings.ToUpper(digest)+`"}`), body, Mismatch},
		"other secret": {sign("HS256", "other", `{"iss":"netlify","sha256":"`+digest+`"}`), body, Mismatch},
		"HS512":        {sign("HS512", "s3cret", `{"iss":"netlify","sha256":"`+digest+`"}`), body, Malformed},
		"RS256":        {sign("RS256", "s3cret", `{"iss":"netlify","sha256":"`+digest+`"}`), body, Malformed},
		"no JSON":      {sign("HS256", "s3cret", `netlify`), body, Malformed},
		"none":         {"eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".", body, Malformed},
		"text":         {"x", body, Malformed},
		"critical":     {sign(`HS256","crit":["x"],"x":"`, "s3cret", `{"iss":"netlify","sha256":"`+digest+`"}`), body, Malformed},
	} {
		r := &provider.Request{Method: http.MethodPost, Header: http.Header{netlifyHeader: {test.token}}, Body: []byte(test.body), Now: remoteNow}
		if got := check(v, r); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
