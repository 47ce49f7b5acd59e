package sender

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

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
