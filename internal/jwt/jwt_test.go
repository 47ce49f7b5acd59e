package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/provider"
)

const audience = "https://hooks.example.com/webhooks/x"

// The keys of the tests, by their IDs.
var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ = ed25519.GenerateKey(rand.Reader)
	published   = []jose.JSONWebKey{
		{Key: rsaKey.Public(), KeyID: "rsa", Use: "sig"},
		{Key: ecKey.Public(), KeyID: "ec", Algorithm: "ES256"},
		{Key: edKey.Public(), KeyID: "ed"},
		{Key: rsaKey.Public(), KeyID: "rs256", Algorithm: "RS256"},
	}
)

// server is an issuer's web site.
type server struct {
	*httptest.Server
	keys  atomic.Value // []jose.JSONWebKey
	down  atomic.Bool
	asked atomic.Int64
	// says is the issuer of its configuration.
	says string
}

func newServer(t testing.TB) *server {
	s := &server{}
	s.keys.Store(published)
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": s.says, "jwks_uri": s.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		if s.down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"keys": s.keys.Load()})
	})
	s.Server = httptest.NewTLSServer(mux)
	s.says = s.URL
	t.Cleanup(s.Close)
	return s
}

// issuer is how the server is known, with the usual place of its keys.
func (s *server) issuer(t testing.TB) *Issuer {
	sets := NewKeySets(remotekey.NewClient(s.Client().Transport), func(string, string) {})
	t.Cleanup(sets.Close)
	return sets.Issuer(Settings{Name: "test", Issuer: s.URL})
}

var (
	now  = time.Unix(1_800_000_000, 0)
	want = Want{Audience: audience, Claims: map[string]any{"email": "a@example.com", "email_verified": true, "groups": "ops"}}
)

func (s *server) claims(change map[string]any) map[string]any {
	claims := map[string]any{
		"iss": s.URL, "aud": want.Audience, "exp": now.Unix() + 60, "iat": now.Unix(), "sub": "1",
		"email": "a@example.com", "email_verified": true, "groups": []string{"dev", "ops"},
	}
	maps.Copy(claims, change)
	for name, value := range change {
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, keyID string, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if keyID != "" {
		options.WithHeader("kid", keyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options.WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	return serialize(t, signer, claims)
}

func serialize(t testing.TB, signer jose.Signer, claims map[string]any) string {
	t.Helper()
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// unsigned writes a token by hand.
func unsigned(header string, claims map[string]any, signature string) string {
	text, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode(text) + "." + signature
}

func TestVerify(t *testing.T) {
	s := newServer(t)
	issuer := s.issuer(t)
	good := func(change map[string]any) string { return sign(t, jose.RS256, rsaKey, "rsa", s.claims(change)) }
	plain := good(nil)
	spki, _ := x509.MarshalPKIXPublicKey(rsaKey.Public())
	embedded, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: otherKey}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	flipped := []byte(plain)
	flipped[len(flipped)-100] ^= 1
	// The last character of a signature of 256 bytes has four bits to spare.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	respelled := plain[:len(plain)-1] + string(alphabet[strings.IndexByte(alphabet, plain[len(plain)-1])+1])

	for name, test := range map[string]struct {
		token string
		want  provider.Reason
	}{
		"rs256":           {plain, ""},
		"ps512":           {sign(t, jose.PS512, rsaKey, "rsa", s.claims(nil)), ""},
		"es256":           {sign(t, jose.ES256, ecKey, "ec", s.claims(nil)), ""},
		"eddsa":           {sign(t, jose.EdDSA, edKey, "ed", s.claims(nil)), ""},
		"no key ID":       {sign(t, jose.ES256, ecKey, "", s.claims(nil)), ""},
		"audiences":       {good(map[string]any{"aud": []string{"x", want.Audience}}), ""},
		"just expired":    {good(map[string]any{"exp": now.Unix() - 59}), ""},
		"nearly valid":    {good(map[string]any{"nbf": now.Unix() + 59}), ""},
		"no time of sign": {good(map[string]any{"iat": nil}), ""},

		"expired":             {good(map[string]any{"exp": now.Unix() - 61}), provider.Stale},
		"not yet valid":       {good(map[string]any{"nbf": now.Unix() + 61}), provider.Stale},
		"of the future":       {good(map[string]any{"iat": now.Unix() + 61}), provider.Stale},
		"for ever":            {good(map[string]any{"exp": nil}), provider.Malformed},
		"expires with a text": {good(map[string]any{"exp": "never"}), provider.Malformed},
		"other issuer":        {good(map[string]any{"iss": s.URL + "/"}), WrongIssuer},
		"no issuer":           {good(map[string]any{"iss": nil}), WrongIssuer},
		"other audience":      {good(map[string]any{"aud": want.Audience + "y"}), WrongAudience},
		"no audience":         {good(map[string]any{"aud": nil}), WrongAudience},
		"empty audience":      {good(map[string]any{"aud": ""}), WrongAudience},
		"other claim":         {good(map[string]any{"email": "b@example.com"}), WrongClaim},
		"no claim":            {good(map[string]any{"email": nil}), WrongClaim},
		"claim of other type": {good(map[string]any{"email_verified": "true"}), WrongClaim},
		"false claim":         {good(map[string]any{"email_verified": false}), WrongClaim},
		"list without":        {good(map[string]any{"groups": []any{"dev", 1, nil}}), WrongClaim},
		"list of an object":   {good(map[string]any{"groups": map[string]any{"ops": "ops"}}), WrongClaim},

		"other key":              {sign(t, jose.RS256, otherKey, "rsa", s.claims(nil)), provider.Mismatch},
		"other key, no ID":       {sign(t, jose.RS256, otherKey, "", s.claims(nil)), provider.Mismatch},
		"unknown key":            {sign(t, jose.RS256, otherKey, "other", s.claims(nil)), provider.Mismatch},
		"a key of its own":       {serialize(t, embedded, s.claims(nil)), provider.Mismatch},
		"key of other method":    {sign(t, jose.RS256, rsaKey, "ec", s.claims(nil)), provider.Mismatch},
		"public key as HMAC's":   {sign(t, jose.HS256, spki, "rsa", s.claims(nil)), provider.Malformed},
		"none":                   {unsigned(`{"alg":"none"}`, s.claims(nil), ""), provider.Malformed},
		"none with signature":    {unsigned(`{"alg":"none","kid":"rsa"}`, s.claims(nil), "AAAA"), provider.Malformed},
		"no method":              {unsigned(`{"kid":"rsa"}`, s.claims(nil), "AAAA"), provider.Malformed},
		"no signature":           {unsigned(`{"alg":"RS256","kid":"rsa"}`, s.claims(nil), ""), provider.Mismatch},
		"must be understood":     {unsigned(`{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}`, s.claims(nil), "AAAA"), provider.Mismatch},
		"respelled":              {respelled, provider.Malformed},
		"key for another method": {sign(t, jose.PS256, rsaKey, "rs256", s.claims(nil)), provider.Mismatch},
		"flipped":                {string(flipped), provider.Mismatch},
		"empty":                  {"", provider.Malformed},
		"two parts":              {plain[:strings.LastIndexByte(plain, '.')], provider.Malformed},
		"more parts":             {plain + ".x", provider.Malformed},
		"JSON":                   {`{"payload":"e30","signatures":[]}`, provider.Malformed},
		"blank":                  {plain + " ", provider.Malformed},
		"too long":               {good(map[string]any{"x": strings.Repeat("x", maxToken)}), provider.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := issuer.Verify(t.Context(), test.token, want, now); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if asked := s.asked.Load(); asked != 1 {
		t.Errorf("the issuer was asked %d times", asked)
	}
	if got := issuer.Verify(t.Context(), plain, Want{}, now); got != provider.Malformed {
		t.Errorf("without an audience: %q", got)
	}
	if got := (*Issuer)(nil).Verify(t.Context(), plain, want, now); got != provider.Unavailable {
		t.Errorf("without an issuer: %q", got)
	}
}

// Only what could be a token of the issuer makes it be asked, and while it does
// not answer nothing of it is called wrong.
func TestVerifyWithoutKeys(t *testing.T) {
	s := newServer(t)
	s.down.Store(true)
	issuer := s.issuer(t)
	verify := func(token string) provider.Reason { return issuer.Verify(t.Context(), token, want, now) }
	for _, change := range []map[string]any{{"exp": now.Unix() - 100}, {"aud": "x"}, {"iss": "x"}} {
		if got := verify(sign(t, jose.RS256, rsaKey, "rsa", s.claims(change))); got == "" || got == provider.Unavailable {
			t.Errorf("%v: %q", change, got)
		}
	}
	if asked := s.asked.Load(); asked != 0 {
		t.Errorf("the issuer was asked %d times", asked)
	}
	for range 20 {
		if got := verify(sign(t, jose.RS256, otherKey, "other", s.claims(nil))); got != provider.Unavailable {
			t.Errorf("got %q", got)
		}
	}
	if asked := s.asked.Load(); asked != 1 {
		t.Errorf("the issuer was asked %d times", asked)
	}
}

// A known key counts while the issuer is down; an unknown one may exist.
func TestVerifyWhileTheIssuerIsDown(t *testing.T) {
	s := newServer(t)
	limits := remotekey.Limits{Entries: 1, Pace: remotekey.Pace{Burst: 100, Pause: time.Hour}}
	sets := &KeySets{remotekey.NewClient(s.Client().Transport), remotekey.NewCache[keySet](limits, func(string, string) {})}
	defer sets.Close()
	issuer := sets.Issuer(Settings{Name: "test", Issuer: s.URL, JWKSURL: s.URL + "/keys", Algorithms: []string{"RS256"}})
	verify := func(key crypto.PrivateKey, keyID string) provider.Reason {
		return issuer.Verify(t.Context(), sign(t, jose.RS256, key, keyID, s.claims(nil)), want, now)
	}
	if got := verify(rsaKey, "rsa"); got != "" {
		t.Fatal(got)
	}
	if got := issuer.Verify(t.Context(), sign(t, jose.ES256, ecKey, "ec", s.claims(nil)), want, now); got != provider.Malformed {
		t.Errorf("an algorithm that is not allowed: %q", got)
	}
	s.down.Store(true)
	for keyID, want := range map[string]provider.Reason{"rsa": "", "new": provider.Unavailable} {
		if got := verify(rsaKey, keyID); got != want {
			t.Errorf("%s: %q, want %q", keyID, got, want)
		}
	}
	if got := verify(otherKey, "rsa"); got != provider.Mismatch {
		t.Errorf("a forged token of a known key: %q", got)
	}
	s.down.Store(false)
	s.keys.Store([]jose.JSONWebKey{{Key: otherKey.Public(), KeyID: "new"}})
	if got := verify(otherKey, "new"); got != "" {
		t.Errorf("the new key: %q", got)
	}
	if got := verify(rsaKey, "rsa"); got != provider.Mismatch {
		t.Errorf("the key that is gone: %q", got)
	}
}

func TestDiscovery(t *testing.T) {
	s := newServer(t)
	for says, want := range map[string]provider.Reason{s.URL: "", s.URL + "/": provider.Unavailable, "": provider.Unavailable} {
		s.says = says
		if got := s.issuer(t).Verify(t.Context(), sign(t, jose.RS256, rsaKey, "rsa", s.claims(nil)), Want{Audience: audience}, now); got != want {
			t.Errorf("%q: %q, want %q", says, got, want)
		}
	}
}

func TestParseKeySet(t *testing.T) {
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	write := func(list ...any) string {
		text, err := json.Marshal(map[string]any{"keys": list})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "rsa"}
	many := make([]any, maxKeys+1)
	for i := range many {
		many[i] = good
	}
	for name, test := range map[string]struct {
		text string
		want int
	}{
		"one":        {write(good), 1},
		"unknown":    {write(map[string]any{"kty": "new"}, good, map[string]any{"kty": "RSA"}, 7), 1},
		"encryption": {write(jose.JSONWebKey{Key: rsaKey.Public(), Use: "enc"}), 0},
		"private":    {write(jose.JSONWebKey{Key: rsaKey}), 0},
		"weak":       {write(jose.JSONWebKey{Key: weak.Public()}), 0},
		"e is 1":     {write(jose.JSONWebKey{Key: &rsa.PublicKey{N: rsaKey.N, E: 1}}, good), 1},
		"of order 1": {write(map[string]any{"kty": "OKP", "crv": "Ed25519", "x": "AQ" + strings.Repeat("A", 41)}, good), 1},
		"symmetric":  {write(jose.JSONWebKey{Key: []byte("secret")}), 0},
		"empty":      {write(), 0},
		"as many":    {write(many[1:]...), maxKeys},
		"too many":   {write(many...), 0},
		"no JSON":    {"keys", 0},
		"other JSON": {`[]`, 0},
		"other keys": {`{"keys":{}}`, 0},
		"nothing":    {"", 0},
	} {
		set, err := parseKeySet([]byte(test.text))
		if len(set) != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("%s: %d keys, %v", name, len(set), err)
		}
	}
}

func TestSettings(t *testing.T) {
	for text, change := range map[string]func(*Settings){
		"":                             func(*Settings) {},
		"name: m":                      func(s *Settings) { s.Name = "A" },
		"name: mu":                     func(s *Settings) { s.Name = "" },
		"name: google":                 func(s *Settings) { s.Name = "google" },
		"issuer: m":                    func(s *Settings) { s.Issuer = "http://example.com" },
		"issuer: mu":                   func(s *Settings) { s.Issuer = "https://example.com/?x" },
		"issuer:":                      func(s *Settings) { s.Issuer = "" },
		"jwks_url: m":                  func(s *Settings) { s.JWKSURL = "https://user@example.com/" },
		"jwks_url:":                    func(s *Settings) { s.JWKSURL = "keys" },
		"algorithms:":                  func(s *Settings) { s.Algorithms = []string{"RS256", "HS256"} },
		"algorithms: unknown \"none\"": func(s *Settings) { s.Algorithms = []string{"none"} },
	} {
		s := Settings{Name: "test", Issuer: "https://example.com", JWKSURL: "https://example.com/keys?x=1", Algorithms: []string{"ES256"}}
		change(&s)
		if err := s.Validate(); (err == nil) != (text == "") || err != nil && !strings.HasPrefix(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := newServer(f)
	issuer := s.issuer(f)
	good := sign(f, jose.RS256, rsaKey, "rsa", s.claims(nil))
	f.Add(good)
	f.Add(sign(f, jose.ES256, otherEC(), "ec", s.claims(nil)))
	f.Add(unsigned(`{"alg":"none"}`, s.claims(nil), ""))
	f.Add(unsigned(`{"alg":"RS256","kid":"rsa"}`, s.claims(nil), "AAAA"))
	f.Fuzz(func(t *testing.T, token string) {
		if got := issuer.Verify(t.Context(), token, want, now); got == "" && token != good {
			t.Errorf("%q counts", token)
		}
	})
}

func otherEC() *ecdsa.PrivateKey {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return key
}

func BenchmarkVerify(b *testing.B) {
	s := newServer(b)
	issuer := s.issuer(b)
	for name, token := range map[string]string{
		"RS256": sign(b, jose.RS256, rsaKey, "rsa", s.claims(nil)),
		"ES256": sign(b, jose.ES256, ecKey, "ec", s.claims(nil)),
		"other": sign(b, jose.RS256, rsaKey, "rsa", s.claims(map[string]any{"aud": "x"})),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = issuer.Verify(b.Context(), token, want, now)
			}
		})
	}
}
