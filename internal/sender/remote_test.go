package sender

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/provider"
)

// world is what a verifier can fetch, by URL. What is not there is a 404.
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

const (
	topicARN = "arn:aws:sns:eu-central-1:123456789012:orders"
	snsHost  = "https://sns.eu-central-1.amazonaws.com/"
	snsGood  = snsHost + "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)

func snsWorld() world {
	pem := func(name string, from, to time.Duration) []byte {
		return certify(name, remoteKey, remoteNow.Add(from), remoteNow.Add(to))
	}
	at := func(name string) string { return snsHost + "SimpleNotificationService-" + name + ".pem" }
	return world{
		snsGood:  pem("sns.amazonaws.com", -time.Hour, time.Hour),
		at("a1"): pem("sns-signing.eu-central-1.amazonaws.com", -time.Hour, time.Hour),
		at("a2"): pem("example.com", -time.Hour, time.Hour),
		at("a3"): pem("sns.amazonaws.com", -2*time.Hour, -time.Hour),
		at("a4"): pem("sns.amazonaws.com", time.Hour, 2*time.Hour),
		at("a5"): []byte("no certificate"),
		at("a6"): certify("sns.amazonaws.com", otherKey, remoteNow.Add(-time.Hour), remoteNow.Add(time.Hour)),
		at("a7"): pem("sns-signing.eu-central-2.amazonaws.com", -time.Hour, time.Hour),
		"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem":     pem("sns.amazonaws.com", -time.Hour, time.Hour),
		"https://example.com/SimpleNotificationService-a.pem":                     pem("sns.amazonaws.com", -time.Hour, time.Hour),
		"https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-a.pem": pem("sns-cn-north-1.amazonaws.com.cn", -time.Hour, time.Hour),
	}
}

// snsSigned returns a message as SNS would write it, by another key if need be.
func snsSigned(change map[string]any, key *rsa.PrivateKey) []byte {
	members := map[string]any{
		"Type": "Notification", "MessageId": "m-1", "TopicArn": topicARN, "Message": "line\nline", "Timestamp": "2027-01-15T08:00:00.000Z",
		"SignatureVersion": "2", "SigningCertURL": snsGood, "UnsubscribeURL": snsHost,
	}
	maps.Copy(members, change)
	var text strings.Builder
	for _, name := range []string{"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"} {
		if value, ok := members[name].(string); ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash, digest := crypto.SHA256, sha256.Sum256([]byte(text.String()))
	sum := digest[:]
	if members["SignatureVersion"] == "1" {
		old := sha1.Sum([]byte(text.String()))
		hash, sum = crypto.SHA1, old[:]
	}
	signature := base64.StdEncoding.EncodeToString(must(rsa.SignPKCS1v15(rand.Reader, key, hash, sum)))
	if _, set := members["Signature"]; !set {
		members["Signature"] = signature
	}
	return must(json.Marshal(members))
}

func snsVerify(t testing.TB, remote *Remote, body []byte, strong bool, topics ...string) (Reason, *Claim) {
	v := mustVerifier(t, "sns", strong, topics...)
	claim, reason := v.Precheck(http.Header{"X-Amz-Sns-Message-Type": {"Notification"}}, remoteNow)
	if reason != "" {
		return reason, &claim
	}
	return claim.VerifyBy(t.Context(), jsondoc.New(body), remote, strong), &claim
}

func TestSNS(t *testing.T) {
	remote := snsWorld().remote(t)
	m := func(pairs ...any) []byte {
		change := make(map[string]any)
		for i := 0; i < len(pairs); i += 2 {
			change[pairs[i].(string)] = pairs[i+1]
		}
		return snsSigned(change, remoteKey)
	}
	certificate := func(name string) []byte {
		return m("SigningCertURL", snsHost+"SimpleNotificationService-"+name+".pem")
	}
	good := string(m())
	for name, test := range map[string]struct {
		body []byte
		want Reason
	}{
		"plain":           {m(), ""},
		"subject":         {m("Subject", "Greetings"), ""},
		"no subject":      {m("Subject", nil), ""},
		"subscription":    {m("Type", "SubscriptionConfirmation", "Token", "t", "SubscribeURL", snsHost), ""},
		"end":             {m("Type", "UnsubscribeConfirmation", "Token", "t", "SubscribeURL", snsHost), ""},
		"further member":  {m("New", map[string]any{"a": 1}), ""},
		"second topic":    {m("TopicArn", topicARN+"2"), ""},
		"regional name":   {certificate("a1"), ""},
		"a day ago":       {m("Timestamp", remoteNow.Add(-24*time.Hour).Format(time.RFC3339)), ""},
		"two days ago":    {m("Timestamp", remoteNow.Add(-48*time.Hour).Format(time.RFC3339)), Stale},
		"no time":         {m("Timestamp", ""), Malformed},
		"other topic":     {m("TopicArn", topicARN+"3"), Mismatch},
		"other region":    {m("SigningCertURL", "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem"), Malformed},
		"other host":      {m("SigningCertURL", "https://example.com/SimpleNotificationService-a.pem"), Malformed},
		"user":            {m("SigningCertURL", "https://sns.eu-central-1.amazonaws.com@example.com/SimpleNotificationService-a.pem"), Malformed},
		"port":            {m("SigningCertURL", strings.Replace(snsGood, ".com/", ".com:444/", 1)), Malformed},
		"http":            {m("SigningCertURL", strings.Replace(snsGood, "https", "http", 1)), Malformed},
		"dots":            {m("SigningCertURL", snsHost+"SimpleNotificationService-../a.pem"), Malformed},
		"query":           {m("SigningCertURL", snsGood+"?.pem"), Malformed},
		"other path":      {m("SigningCertURL", snsHost+"a.pem"), Malformed},
		"other name":      {certificate("a2"), Mismatch},
		"expired":         {certificate("a3"), Mismatch},
		"not valid yet":   {certificate("a4"), Mismatch},
		"no certificate":  {certificate("a5"), Unavailable},
		"other key":       {certificate("a6"), Mismatch},
		"region's name":   {certificate("a7"), Mismatch},
		"not there":       {certificate("a8"), Unavailable},
		"forged":          {snsSigned(nil, otherKey), Mismatch},
		"no signature":    {m("Signature", ""), Mismatch},
		"signature":       {m("Signature", "%"), Malformed},
		"version 1":       {m("SignatureVersion", "1"), Weak},
		"version 3":       {m("SignatureVersion", "3"), Malformed},
		"version is a 2":  {m("SignatureVersion", 2), Malformed},
		"other type":      {m("Type", "Other"), Malformed},
		"no token":        {m("Type", "SubscriptionConfirmation", "SubscribeURL", snsHost), Malformed},
		"line in an ID":   {m("MessageId", "m\nTimestamp"), Malformed},
		"line in subject": {m("Subject", "s\nTimestamp"), Malformed},
		"changed":         {[]byte(strings.Replace(good, "line", "lint", 1)), Mismatch},
		"another message": {[]byte(strings.Replace(good, "{", `{"Message":"x",`, 1)), Malformed},
		"in another case": {[]byte(strings.Replace(good, "{", `{"message":"x",`, 1)), Malformed},
		"written escaped": {[]byte(strings.Replace(good, "{", `{"Messag\u0065":"x",`, 1)), Malformed},
		"moved line":      {[]byte(strings.Replace(strings.Replace(good, `line\nline`, `line`, 1), "m-1", `line\nMessageId\nm-1`, 1)), Malformed},
		"two values":      {[]byte(good + good), Malformed},
		"no JSON":         {[]byte("raw message"), Malformed},
		"list":            {[]byte("[]"), Malformed},
		"empty":           {nil, Malformed},
		"nothing":         {[]byte("{}"), Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := snsVerify(t, remote, test.body, true, topicARN, topicARN+"2"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got, _ := snsVerify(t, remote, m("SignatureVersion", "1"), false, topicARN); got != "" {
		t.Errorf("version 1 where SHA-1 is allowed: %q", got)
	}
	china := "arn:aws-cn:sns:cn-north-1:123456789012:orders"
	body := m("TopicArn", china, "SigningCertURL", "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-a.pem")
	if got, _ := snsVerify(t, remote, body, true, china); got != "" {
		t.Errorf("in China: %q", got)
	}
}

// The subscription is confirmed at the topic's host, whatever address the
// request names.
func TestSNSConfirmation(t *testing.T) {
	w := snsWorld()
	remote := w.remote(t)
	address := snsHost + "?" + url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {topicARN}, "Token": {"t&o=k"}}.Encode()
	body := snsSigned(map[string]any{"Type": "SubscriptionConfirmation", "Token": "t&o=k", "SubscribeURL": "https://example.com/"}, remoteKey)
	reason, claim := snsVerify(t, remote, body, true, topicARN)
	if reason != "" {
		t.Fatal(reason)
	}
	if wanted, err := claim.Confirms(t.Context(), body, remote); !wanted || err == nil {
		t.Errorf("nobody was there to confirm it: %v, %v", wanted, err)
	}
	w[address] = []byte("<ConfirmSubscriptionResponse/>")
	if wanted, err := claim.Confirms(t.Context(), body, remote); !wanted || err != nil {
		t.Errorf("%v, %v", wanted, err)
	}
	if wanted, err := claim.Confirms(t.Context(), snsSigned(nil, remoteKey), remote); wanted || err != nil {
		t.Errorf("a notification: %v, %v", wanted, err)
	}
}

func TestSNSSecrets(t *testing.T) {
	p := mustLookup(t, "sns")
	for secret, good := range map[string]bool{
		topicARN: true,
		"arn:aws-us-gov:sns:us-gov-west-1:123456789012:a": true,
		"arn:aws:sns:eu-central-1:123456789012:":          false,
		"arn:aws:sqs:eu-central-1:123456789012:orders":    false,
		"arn:evil:sns:eu-central-1:123456789012:orders":   false,
		"arn:aws:sns:x.example.com/:123456789012:orders":  false,
		"arn:aws:sns:eu-central-1:*:orders":               false,
		"arn:aws:sns::123456789012:orders":                false,
		topicARN + ":" + "8f0c":                           false,
		"orders":                                          false,
	} {
		if err := p.CheckSecret(secret); (err == nil) != good {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func FuzzSNS(f *testing.F) {
	remote := snsWorld().remote(f)
	f.Add(snsSigned(nil, otherKey))
	f.Add(snsSigned(map[string]any{"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": snsHost, "SignatureVersion": "1"}, otherKey))
	f.Add([]byte(`{"Type":"Notification","Message":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		reason, claim := snsVerify(t, remote, body, false, topicARN)
		if reason == "" {
			t.Errorf("%q counts", body)
		}
		code := claim.line.code.(confirming)
		if address := code.confirmation(&provider.Request{Body: body}); address != "" && !strings.HasPrefix(address, snsHost+"?Action=ConfirmSubscription&") {
			t.Errorf("%q would be visited", address)
		}
	})
}

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
