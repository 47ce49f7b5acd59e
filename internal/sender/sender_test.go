package sender

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

func mustLookup(t testing.TB, name string) *Provider {
	t.Helper()
	p, found := Lookup(name)
	if !found {
		t.Fatalf("no provider %q", name)
	}
	return p
}

func mustVerifier(t testing.TB, name string, requireSHA256 bool, secrets ...string) *Verifier {
	t.Helper()
	v, err := mustLookup(t, name).NewVerifier(secrets, requireSHA256)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTable(t *testing.T) {
	if !slices.IsSorted(Names()) {
		t.Errorf("the table is not in order: %q", Names())
	}
	if _, found := Lookup("no-such-sender"); found {
		t.Error("found a provider that does not exist")
	}
	for _, name := range Names() {
		p := mustLookup(t, name)
		if p.Name() != name || len(p.CredentialHeaders()) == 0 && !p.schemes[0].inBody {
			t.Errorf("%s: name %q, credential headers %q", name, p.Name(), p.CredentialHeaders())
		}
		for _, header := range slices.Concat(p.CredentialHeaders(), p.ReservedHeaders(), p.KeptHeaders()) {
			if http.CanonicalHeaderKey(header) != header {
				t.Errorf("%s: %s is not canonical", name, header)
			}
		}
		for _, header := range p.KeptHeaders() {
			if slices.Contains(p.CredentialHeaders(), header) {
				t.Errorf("%s passes on its credential %s", name, header)
			}
		}
		if err := p.CheckSecret(""); err == nil {
			t.Errorf("%s takes an empty secret", name)
		}
		if _, err := p.NewVerifier(nil, false); (err == nil) != p.Learns() {
			t.Errorf("%s without a secret: %v", name, err)
		}
		for i := range p.schemes {
			if s := &p.schemes[i]; s.encoding.length(s.method.size) > maxDigestText {
				t.Errorf("%s: a digest of %d characters does not fit", name, s.encoding.length(s.method.size))
			}
		}
	}
	for name, strong := range map[string]bool{"github": true, "jira": true, "standard-webhooks": true, "gitlab": false} {
		if mustLookup(t, name).SHA256() != strong {
			t.Errorf("%s: SHA256() is not %v", name, strong)
		}
	}
}

func sign256(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func sign1(secret, body string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

func TestGitHubReasons(t *testing.T) {
	const body, strong, legacy = `{"a":1}`, "X-Hub-Signature-256", "X-Hub-Signature"
	good256, good1 := sign256("k", body), sign1("k", body)
	tests := []struct {
		name      string
		header    http.Header
		require   bool
		present   bool
		precheck  Reason
		afterBody Reason
	}{
		{"nothing", http.Header{}, true, false, "", Missing},
		{"good", http.Header{strong: {good256}}, true, true, "", ""},
		{"both", http.Header{strong: {good256}, legacy: {"sha1=junk"}}, true, true, "", ""},
		{"SHA-1 alone, allowed", http.Header{legacy: {good1}}, false, true, "", ""},
		{"SHA-1 alone, required", http.Header{legacy: {good1}}, true, true, Weak, ""},
		{"SHA-1 good, SHA-256 bad", http.Header{strong: {sign256("x", body)}, legacy: {good1}}, false, true, "", Mismatch},
		{"SHA-1 good, SHA-256 empty", http.Header{strong: {""}, legacy: {good1}}, false, true, Malformed, ""},
		{"empty", http.Header{strong: {""}}, true, true, Malformed, ""},
		{"twice", http.Header{strong: {good256, good256}}, true, false, Duplicate, ""},
		{"SHA-1 twice beside SHA-256", http.Header{strong: {good256}, legacy: {good1, good1}}, false, false, Duplicate, ""},
		{"upper case", http.Header{strong: {"sha256=" + strings.ToUpper(good256[7:])}}, true, true, "", Mismatch},
		{"not ASCII", http.Header{strong: {"sha256=" + strings.Repeat("ü", 32)}}, true, true, Malformed, ""},
		{"SHA-1 in the wrong header", http.Header{strong: {good1}}, false, true, Malformed, ""},
		{"list", http.Header{strong: {good256 + "," + good256}}, true, true, Malformed, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := mustVerifier(t, "github", test.require, "other", "k")
			claim, reason := v.Precheck(test.header, time.Now())
			if reason != test.precheck || claim.Present() != test.present {
				t.Fatalf("Precheck: reason %q, present %v; want %q, %v", reason, claim.Present(), test.precheck, test.present)
			}
			if reason != "" {
				return
			}
			if reason := claim.Verify([]byte(body)); reason != test.afterBody {
				t.Errorf("Verify: %q, want %q", reason, test.afterBody)
			}
		})
	}
}

func TestGitLabIsDecidedByHeaders(t *testing.T) {
	v := mustVerifier(t, "gitlab", false, "old", "s3cret")
	for value, want := range map[string]Reason{"s3cret": "", "old": "", "s3cre": Mismatch, "": Malformed, "\xff": Malformed} {
		if _, reason := v.Precheck(http.Header{"X-Gitlab-Token": {value}}, time.Now()); reason != want {
			t.Errorf("token %q: %q, want %q", value, reason, want)
		}
	}
}

func TestStandardWebhooksTime(t *testing.T) {
	const secret, now = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1764000000
	v := mustVerifier(t, "standard-webhooks", true, secret)
	tests := map[string]Reason{
		"1764000000": "", "1763999700": "", "1764000300": "",
		"1763999699": Stale, "1764000301": Stale, "0": Stale, "999999999999": Stale,
		"9223372036854775807": Malformed, "-1": Malformed, "+1764000000": Malformed,
		" 1764000000": Malformed, "1764000000.0": Malformed, "": Malformed,
		"10744000000": Stale, // 8,980,000,000 s later: in nanoseconds just below the wrap
		"18446744073": Stale,
	}
	for stamp, want := range tests {
		header := http.Header{
			"Webhook-Id":        {"msg_1"},
			"Webhook-Timestamp": {stamp},
			"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))},
		}
		if _, reason := v.Precheck(header, time.Unix(now, 0)); reason != want {
			t.Errorf("time %q: %q, want %q", stamp, reason, want)
		}
	}
	header := http.Header{
		"Webhook-Id":        {"msg_1"},
		"Webhook-Timestamp": {"1764000000"},
		"Webhook-Signature": {strings.Repeat("v1,"+strings.Repeat("A", 44)+" ", maxSignatures+1)},
	}
	if _, reason := v.Precheck(header, time.Unix(now, 0)); reason != Malformed {
		t.Errorf("too many signatures: %q", reason)
	}
}

// A byte must not move across the dot in the signed text.
func TestStandardWebhooksID(t *testing.T) {
	const body, now = `{"type":"a"}`, 1764000000
	v := mustVerifier(t, "standard-webhooks", true, "whsec_a2tra2tra2tra2tr")
	sign := func(content string) string {
		mac := hmac.New(sha256.New, []byte("kkkkkkkkkkkk"))
		mac.Write([]byte(content))
		return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	for _, test := range []struct {
		ids  []string
		want Reason
	}{
		{[]string{"msg_1"}, ""},
		{[]string{"msg.1"}, Malformed},
		{[]string{""}, Malformed},
		{[]string{"\xff"}, Malformed},
		{[]string{strings.Repeat("x", maxName+1)}, Malformed},
		{[]string{"msg_1", "msg_1"}, Duplicate},
		{nil, Malformed},
	} {
		header := http.Header{
			"Webhook-Timestamp": {"1764000000"},
			"Webhook-Signature": {sign(strings.Join(test.ids, "") + ".1764000000." + body)},
		}
		if test.ids != nil {
			header["Webhook-Id"] = test.ids
		}
		claim, reason := v.Precheck(header, time.Unix(now, 0))
		if reason == "" {
			reason = claim.Verify([]byte(body))
		}
		if reason != test.want {
			t.Errorf("ID %q: %q, want %q", test.ids, reason, test.want)
		}
	}
}

// A key is as good the second time.
func TestVerifyAgain(t *testing.T) {
	v := mustVerifier(t, "github", true, "k")
	for _, body := range []string{"a", "bb", "a"} {
		claim, reason := v.Precheck(http.Header{"X-Hub-Signature-256": {sign256("k", body)}}, time.Now())
		if reason != "" || claim.Verify([]byte(body)) != "" || claim.Verify([]byte(body+"x")) != Mismatch {
			t.Errorf("body %q: %q", body, reason)
		}
	}
}

func TestRead(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	tests := []struct {
		name     string
		provider string
		header   http.Header
		body     string
		want     Message
		names    []string
		invalid  bool
	}{
		{
			name: "github", provider: "github",
			header: http.Header{"X-Github-Event": {"pull_request"}, "X-Github-Delivery": {"1"}},
			body:   `{"action":"opened"}`,
			want:   Message{Type: "pull_request", DeliveryID: "1"},
			names:  []string{"pull_request", "pull_request.opened"},
		},
		{
			name: "github ping", provider: "github",
			header: http.Header{"X-Github-Event": {"ping"}},
			want:   Message{Type: "ping", Ping: true},
			names:  []string{"ping"},
		},
		{name: "github without headers", provider: "github", body: `{"action":"opened"}`},
		{name: "event twice", provider: "github", header: http.Header{"X-Github-Event": {"a", "a"}}, invalid: true},
		{name: "event empty", provider: "github", header: http.Header{"X-Github-Event": {""}}, invalid: true},
		{name: "event too long", provider: "github", header: http.Header{"X-Github-Event": {long}}, invalid: true},
		{name: "delivery not ASCII", provider: "github", header: http.Header{"X-Github-Delivery": {"\xff"}}, invalid: true},
		{name: "delivery with a tab", provider: "github", header: http.Header{"X-Github-Delivery": {"a\tb"}}, invalid: true},
		{
			name: "gitlab", provider: "gitlab",
			header: http.Header{"X-Gitlab-Event": {"Merge Request Hook"}, "X-Gitlab-Event-Uuid": {"e"}, "Idempotency-Key": {"i"}},
			body:   `{"object_kind":"merge_request","object_attributes":{"action":"open"}}`,
			want:   Message{Type: "Merge Request Hook", DeliveryID: "i"},
			names:  []string{"Merge Request Hook", "merge_request", "Merge Request Hook.open", "merge_request.open"},
		},
		{
			name: "gitlab, an older server", provider: "gitlab",
			header: http.Header{"X-Gitlab-Event": {"System Hook"}, "X-Gitlab-Event-Uuid": {"e"}},
			body:   `{"event_name":"project_create"}`,
			want:   Message{Type: "System Hook", DeliveryID: "e"},
			names:  []string{"System Hook", "project_create"},
		},
		{
			name: "gitlab, second header bad", provider: "gitlab",
			header: http.Header{"Idempotency-Key": {"i"}, "X-Gitlab-Event-Uuid": {"e", "f"}}, invalid: true,
		},
		{
			name: "jira", provider: "jira",
			header: http.Header{"X-Atlassian-Webhook-Identifier": {"7"}},
			body:   "\xef\xbb\xbf" + `{"timestamp":1,"webhookEvent":"jira:issue_updated"}`,
			want:   Message{Type: "jira:issue_updated", DeliveryID: "7"},
			names:  []string{"jira:issue_updated"},
		},
		{name: "jira, no JSON", provider: "jira", body: `{"webhookEvent":"a"`},
		{name: "jira, no string", provider: "jira", body: `{"webhookEvent":true}`},
		{name: "jira, no whole number", provider: "jira", body: `{"webhookEvent":7.5}`},
		{
			name: "telegram", provider: "telegram", body: `{"update_id":727}`,
			want: Message{DeliveryID: "727"},
		},
		{name: "jira, no header text", provider: "jira", body: `{"webhookEvent":"a\nb"}`},
		{name: "jira, too long", provider: "jira", body: `{"webhookEvent":"` + long + `"}`},
		{name: "jira, too deep", provider: "jira", body: strings.Repeat("[", 1_000_000)},
		{
			name: "standard webhooks", provider: "standard-webhooks",
			header: http.Header{"Webhook-Id": {"msg_1"}},
			body:   `{"type":"user.created"}`,
			want:   Message{Type: "user.created", DeliveryID: "msg_1"},
			names:  []string{"user.created"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := readMessage(mustLookup(t, test.provider), test.header, jsondoc.New([]byte(test.body)))
			if (err != nil) != test.invalid || err != nil && !errors.Is(err, ErrHeader) {
				t.Fatalf("error %v, want one: %v", err, test.invalid)
			}
			if got.Type != test.want.Type || got.DeliveryID != test.want.DeliveryID || got.Ping != test.want.Ping {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if err != nil {
				return
			}
			if names := slices.Collect(got.Names()); !slices.Equal(names, test.names) {
				t.Errorf("names %q, want %q", names, test.names)
			}
		})
	}
}

// Both write the same under other names, and the key is public.
func TestAsymmetric(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"type":"user.created"}`
	key, now := "whpk_"+base64.StdEncoding.EncodeToString(public), time.Unix(1764000000, 0)
	right := "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte("msg_1.1764000000."+body)))
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte("msg_1.1764000000." + body))
	shared := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for provider, prefixes := range map[string][]string{"standard-webhooks-ed25519": {"Webhook-"}, "svix-ed25519": {"Svix-", "Webhook-"}} {
		v := mustVerifier(t, provider, true, key)
		for _, prefix := range prefixes {
			for signature, want := range map[string]Reason{
				right: "", "v1,AAAA " + right: "", shared: Malformed, strings.Replace(right, "v1a", "v1", 1): Malformed,
				"v1a," + base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)): Mismatch,
			} {
				header := http.Header{prefix + "Id": {"msg_1"}, prefix + "Timestamp": {"1764000000"}, prefix + "Signature": {signature}}
				claim, got := v.Precheck(header, now)
				if got == "" {
					got = claim.Verify([]byte(body))
				}
				if got != want {
					t.Errorf("%s, %s%s: %q, want %q", provider, prefix, signature, got, want)
				}
			}
		}
	}
	if mustLookup(t, "svix").CheckSecret(key) == nil {
		t.Error("svix takes a public key for a secret that is shared")
	}
}

func TestGuess(t *testing.T) {
	if got := Guess(http.Header{"X-Gitlab-Event": {"Push Hook"}}); got.Name() != "gitlab" {
		t.Errorf("guessed %q", got.Name())
	}
	if got := Guess(http.Header{"X-Hub-Signature-256": {"x"}}); got.Name() != "" {
		t.Errorf("guessed %q of no event header", got.Name())
	}
	m, err := readMessage(Guess(http.Header{}), http.Header{"Idempotency-Key": {"1", "2"}}, jsondoc.New([]byte(`{"type":"x"}`)))
	if err != nil || m.Type != "" || m.DeliveryID != "" {
		t.Errorf("nobody says %+v, %v", m, err)
	}
}
