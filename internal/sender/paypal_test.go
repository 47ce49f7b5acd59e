package sender

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

const paypalGood = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"

func TestPayPal(t *testing.T) {
	certificate := func(key *rsa.PrivateKey, from, to time.Duration) []byte {
		return certify("messages.example.com", key, remoteNow.Add(from), remoteNow.Add(to))
	}
	at := func(name string) string { return "https://api.paypal.com/v1/notifications/certs/CERT-" + name }
	remote := world{
		paypalGood: certificate(remoteKey, -time.Hour, time.Hour),
		at("1"):    certificate(remoteKey, -time.Hour, time.Hour),
		at("2"):    certificate(otherKey, -time.Hour, time.Hour),
		at("3"):    certificate(remoteKey, -2*time.Hour, -time.Hour),
		at("4"):    certificate(remoteKey, time.Hour, 2*time.Hour),
	}.remote(t)
	const webhook, body = "9XL90610J3647323C", `{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED"}`
	signed := func(webhook string, change map[string]string) http.Header {
		values := map[string]string{
			paypalID: "d938e770-8046-11e6-8103-6b62a8a99ac4", paypalTime: "2027-01-15T08:00:00Z", paypalAlgorithm: "SHA256withRSA", paypalCertificate: paypalGood,
		}
		maps.Copy(values, change)
		// The checksum is that of the sender's documents, by another program.
		digest := sha256.Sum256([]byte(values[paypalID] + "|" + values[paypalTime] + "|" + webhook + "|1429317798"))
		header := http.Header{paypalSignature: {base64.StdEncoding.EncodeToString(must(rsa.SignPKCS1v15(rand.Reader, remoteKey, crypto.SHA256, digest[:])))}}
		for name, value := range values {
			header.Set(name, value)
		}
		return header
	}
	with := func(name, value string) http.Header { return signed(webhook, map[string]string{name: value}) }
	without := with("X", "x")
	without.Del(paypalCertificate)
	twice := with("X", "x")
	twice.Add(paypalID, "1")
	for name, test := range map[string]struct {
		header http.Header
		body   string
		want   Reason
	}{
		"good":             {signed(webhook, nil), body, ""},
		"second":           {signed("WEBHOOK_ID", nil), body, ""},
		"real":             {with(paypalCertificate, at("1")), body, ""},
		"three days ago":   {with(paypalTime, remoteNow.Add(-72*time.Hour).Format(time.RFC3339)), body, ""},
		"older":            {with(paypalTime, remoteNow.Add(-73*time.Hour).Format(time.RFC3339)), body, Stale},
		"other webhook":    {signed("9XL90610J3647323D", nil), body, Mismatch},
		"other body":       {signed(webhook, nil), body + " ", Mismatch},
		"other key":        {with(paypalCertificate, at("2")), body, Mismatch},
		"expired":          {with(paypalCertificate, at("3")), body, Mismatch},
		"not yet valid":    {with(paypalCertificate, at("4")), body, Mismatch},
		"no certificate":   {with(paypalCertificate, at("5")), body, Unavailable},
		"other host":       {with(paypalCertificate, "https://example.com/v1/notifications/certs/CERT-1"), body, Malformed},
		"host of others":   {with(paypalCertificate, "https://api.paypal.com.example.com/v1/notifications/certs/CERT-1"), body, Malformed},
		"other path":       {with(paypalCertificate, "https://api.paypal.com/v1/CERT-1"), body, Malformed},
		"dots":             {with(paypalCertificate, at("../1")), body, Malformed},
		"http":             {with(paypalCertificate, strings.Replace(at("1"), "https", "http", 1)), body, Malformed},
		"SHA-1":            {with(paypalAlgorithm, "SHA1withRSA"), body, Malformed},
		"moved":            {with(paypalID, "1|2"), body, Malformed},
		"header twice":     {twice, body, Duplicate},
		"without a header": {without, body, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			v := mustVerifier(t, "paypal", false, webhook, "WEBHOOK_ID")
			claim, reason := v.Precheck(test.header, remoteNow)
			if reason == "" {
				reason = claim.VerifyBy(t.Context(), jsondoc.New([]byte(test.body)), remote, false)
			}
			if reason != test.want {
				t.Errorf("got %q, want %q", reason, test.want)
			}
		})
	}
	for secret, good := range map[string]bool{webhook: true, "WEBHOOK_ID": true, "WH|1": false, "": false, "id ": false} {
		if err := mustLookup(t, "paypal").CheckSecret(secret); (err == nil) != good {
			t.Errorf("%q: %v", secret, err)
		}
	}
}
