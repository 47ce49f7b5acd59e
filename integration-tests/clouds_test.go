package integrationtests

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
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

const (
	topic          = "arn:aws:sns:eu-central-1:123456789012:orders"
	snsHost        = "sns.eu-central-1.amazonaws.com"
	snsCertificate = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

	pusher         = "push@demo.iam.gserviceaccount.com"
	pubsubAudience = "https://hooks.example.com/webhooks/pubsub"
)

// clouds stand in for Amazon SNS and Google.
type clouds struct {
	t           *testing.T
	key         *rsa.PrivateKey
	certificate []byte
	confirmed   atomic.Int64
}

func newClouds(t *testing.T, internet *gateway.Internet) *clouds {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &clouds{t: t, key: key, certificate: internet.Certify(&x509.Certificate{DNSNames: []string{"sns.amazonaws.com"}}, key.Public())}
	internet.Host(snsHost, http.HandlerFunc(c.serveSNS))
	internet.Host("www.googleapis.com", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(gateway.M{"keys": []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	}))
	return c
}

func (c *clouds) serveSNS(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == snsCertificate:
		w.Write(c.certificate)
	case r.URL.Path == "/" && r.URL.Query().Get("Action") == "ConfirmSubscription" && r.URL.Query().Get("TopicArn") == topic && r.URL.Query().Get("Token") == "t-1":
		c.confirmed.Add(1)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// message returns what SNS sends, with some members changed before it is
// signed.
func (c *clouds) message(change gateway.M) []byte {
	c.t.Helper()
	members := gateway.M{
		"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": topic, "Subject": "Grüße",
		"Message": "first line\nsecond line — 🚀", "Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"SignatureVersion": "2", "SigningCertURL": "https://" + snsHost + snsCertificate, "UnsubscribeURL": "https://" + snsHost + "/",
	}
	maps.Copy(members, change)
	names := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if members["Type"] == "SubscriptionConfirmation" {
		names = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var text strings.Builder
	for _, name := range names {
		if value, ok := members[name].(string); ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash, new256, old := crypto.SHA256, sha256.Sum256([]byte(text.String())), sha1.Sum([]byte(text.String()))
	sum := new256[:]
	if members["SignatureVersion"] == "1" {
		hash, sum = crypto.SHA1, old[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, c.key, hash, sum)
	if err != nil {
		c.t.Fatal(err)
	}
	members["Signature"] = base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(members)
	if err != nil {
		c.t.Fatal(err)
	}
	return body
}

func (c *clouds) subscription() []byte {
	query := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {topic}, "Token": {"t-1"}}
	return c.message(gateway.M{
		"Type": "SubscriptionConfirmation", "Token": "t-1", "SubscribeURL": "https://" + snsHost + "/?" + query.Encode(), "Subject": nil,
	})
}

// token returns a Google token, with some claims changed.
func (c *clouds) token(change gateway.M) string {
	c.t.Helper()
	claims := gateway.M{
		"iss": "https://accounts.google.com", "aud": pubsubAudience, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 3600,
		"email": pusher, "email_verified": true, "sub": "1", "azp": "1",
	}
	maps.Copy(claims, change)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: c.key}, (&jose.SignerOptions{}).WithHeader("kid", "1").WithType("JWT"))
	if err != nil {
		c.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return token
}

func snsHeaders() http.Header {
	return gateway.Headers("Content-Type", "text/plain; charset=UTF-8", "X-Amz-Sns-Message-Type", "Notification", "X-Amz-Sns-Topic-Arn", topic)
}

func pubsubHeaders(token string) http.Header {
	return gateway.Headers("Content-Type", "application/json", "Authorization", "Bearer "+token)
}

const cloudOptions = `
integration sns {
	project demo
	signature sns ` + topic + `
	require_sha256_signature on
	resource ticket T-1
}
integration sns-sha1 {
	project demo
	signature sns ` + topic + `
	event_filter Notification
	resource ticket T-1
}
integration paypal {
	project demo
	signature paypal 9XL90610J3647323C
	resource ticket T-1
}
integration pubsub {
	project demo
	signature pubsub "` + pusher + ` ` + pubsubAudience + `"
	resource ticket T-1
}
`

// startClouds starts a gateway whose internet consists of these clouds.
func startClouds(t *testing.T) (*gateway.Internet, *clouds, *gateway.Sink, *gateway.Gateway) {
	t.Helper()
	internet := gateway.NewInternet(t)
	c := newClouds(t, internet)
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(cloudOptions+gateway.Ticket(sink), gateway.Edge), internet.Env...)
	return internet, c, sink, g
}

func TestSNS(t *testing.T) {
	t.Parallel()
	internet, c, sink, g := startClouds(t)
	post := func(id string, body []byte) *gateway.Answer { return g.Post("/webhooks/"+id, snsHeaders(), body) }

	forged := bytes.Replace(c.message(nil), []byte(topic), []byte(topic+"x"), 1)
	problem(t, post("sns", forged), http.StatusUnauthorized)
	problem(t, g.Post("/webhooks/sns", gateway.Headers("Content-Type", "text/plain"), c.message(nil)), http.StatusUnauthorized)
	if asked := internet.Asked(snsHost + snsCertificate); asked != 0 {
		t.Errorf("a message of another topic caused %d fetches", asked)
	}

	good := c.message(nil)
	id := accept(t, post("sns", good))
	if d := sink.Wait(id); !bytes.Equal(d.Body, good) || d.Header.Get("X-Webhook-Delivery") != "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324" || d.Header.Get("X-Webhook-Event") != "Notification" {
		t.Errorf("the trigger got %v %s", d.Header, d.Body)
	}
	post("sns", good).Want(t, http.StatusOK) // a duplicate
	for at := 0; at < bytes.Index(good, []byte(`,"SigningCertURL"`)); at += 7 {
		problem(t, post("sns", flip(good, 8*at)), http.StatusUnauthorized)
	}
	problem(t, post("sns", c.message(gateway.M{"SignatureVersion": "1"})), http.StatusUnauthorized)
	accept(t, post("sns-sha1", c.message(gateway.M{"SignatureVersion": "1"})))
	problem(t, post("sns", c.message(gateway.M{"Timestamp": "2020-01-01T00:00:00.000Z"})), http.StatusUnauthorized)
	problem(t, post("sns", c.message(gateway.M{"SigningCertURL": "https://sns.us-east-1.amazonaws.com" + snsCertificate})), http.StatusUnauthorized)
	if asked := internet.Asked(snsHost + snsCertificate); asked != 1 {
		t.Errorf("the certificate was fetched %d times", asked)
	}

	// A made-up certificate may exist; the host is asked only a few times.
	for n := range 30 {
		problem(t, post("sns", c.message(gateway.M{"SigningCertURL": fmt.Sprintf("https://%s/SimpleNotificationService-%d.pem", snsHost, n)})), http.StatusServiceUnavailable)
	}
	asked := 0
	for n := range 30 {
		asked += internet.Asked(fmt.Sprintf("%s/SimpleNotificationService-%d.pem", snsHost, n))
	}
	if asked == 0 || asked > 12 {
		t.Errorf("invented certificates caused %d fetches", asked)
	}
	accept(t, post("sns", c.message(gateway.M{"MessageId": "m-2"})))
}

func TestSNSSubscription(t *testing.T) {
	t.Parallel()
	_, c, _, g := startClouds(t)
	post := func(body []byte) *gateway.Answer { return g.Post("/webhooks/sns", snsHeaders(), body) }

	subscription := c.subscription()
	problem(t, post(bytes.Replace(subscription, []byte("t-1"), []byte("t-2"), 1)), http.StatusUnauthorized)
	if c.confirmed.Load() != 0 {
		t.Error("a forged request was confirmed")
	}
	answer := post(subscription).Want(t, http.StatusOK)
	if string(answer.Body) != `{"status":"confirmed"}` || c.confirmed.Load() != 1 {
		t.Errorf("%s, confirmed %d times", answer.Body, c.confirmed.Load())
	}
	// If refused, SNS tries again.
	problem(t, post(c.message(gateway.M{"Type": "SubscriptionConfirmation", "Token": "t-9", "SubscribeURL": "https://" + snsHost + "/", "Subject": nil})), http.StatusServiceUnavailable)
	if events := g.API("GET", gateway.Integration(demo, "sns", "events"), nil).Want(t, 200).JSON(t)["items"].([]any); len(events) != 0 {
		t.Errorf("%d events are stored", len(events))
	}
}

func TestPubSub(t *testing.T) {
	t.Parallel()
	internet, c, sink, g := startClouds(t)
	post := func(token string) *gateway.Answer {
		return g.Post("/webhooks/pubsub", pubsubHeaders(token), []byte(`{"message":{"messageId":"7","data":"e30=","attributes":{"eventType":"OBJECT_FINALIZE"}},"subscription":"s"}`))
	}
	problem(t, post(c.token(gateway.M{"aud": "https://example.com"})), http.StatusUnauthorized)
	if asked := internet.Asked("www.googleapis.com/oauth2/v3/certs"); asked != 0 {
		t.Errorf("a token for another caused %d fetches", asked)
	}
	id := accept(t, post(c.token(nil)))
	d := sink.Wait(id)
	if d.Header.Get("X-Webhook-Delivery") != "7" || d.Header.Get("X-Webhook-Event") != "OBJECT_FINALIZE" {
		t.Errorf("the trigger got %v", d.Header)
	}
	if strings.Contains(fmt.Sprint(d.Header), "Bearer") || strings.Contains(g.Logs(), c.token(nil)[:60]) {
		t.Error("the token was passed on, or stands in the log")
	}
	post(c.token(gateway.M{"n": 1})).Want(t, http.StatusOK) // a duplicate, with another token
	for name, change := range map[string]gateway.M{
		"expired": {"exp": time.Now().Unix() - 100}, "email": {"email": "other@example.com"}, "verified": {"email_verified": false},
	} {
		if answer := post(c.token(change)); answer.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, answer.Status)
		}
	}
	// The body is not awaited if the headers are refused.
	conn := gateway.Dial(t, g.Addr)
	conn.Send("POST /webhooks/pubsub HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: Bearer x\r\n\r\n")
	conn.Answer().Want(t, http.StatusUnauthorized)
	// Only the sender can sign.
	g.API("POST", gateway.Integration(demo, "pubsub", "test"), gateway.M{}).Want(t, http.StatusConflict)
}

// TestCloudsOwnLibraries compares the gateway's verdict with that of the
// senders' own libraries.
func TestCloudsOwnLibraries(t *testing.T) {
	t.Parallel()
	needLibraries(t, "senders")
	_, c, _, g := startClouds(t)

	good := c.message(nil)
	messages := [][]byte{
		good, c.message(gateway.M{"SignatureVersion": "1"}), c.message(gateway.M{"Subject": nil}), c.subscription(),
		bytes.Replace(good, []byte("first"), []byte("First"), 1),
		bytes.Replace(good, []byte(`"SignatureVersion":"2"`), []byte(`"SignatureVersion":"1"`), 1),
		c.message(gateway.M{"SignatureVersion": "3"}),
		c.message(gateway.M{"SigningCertURL": "https://example.com" + snsCertificate}),
		[]byte(`{"Type":"Notification"}`),
	}
	tokens := []string{
		c.token(nil), c.token(gateway.M{"exp": time.Now().Unix() - 1000}), c.token(gateway.M{"aud": "x"}), c.token(gateway.M{"iss": "x"}), "x.y.z",
	}
	spki, err := x509.MarshalPKIXPublicKey(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	texts := make([]string, len(messages))
	for i, message := range messages {
		texts[i] = string(message)
	}
	input, err := json.Marshal(gateway.M{
		"certificates": gateway.M{"https://" + snsHost + snsCertificate: string(c.certificate)}, "messages": texts,
		"keys":     gateway.M{"1": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))},
		"audience": pubsubAudience, "tokens": tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("node", filepath.Join("senders", "judge.mjs"))
	command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var judged struct{ Messages, Tokens []bool }
	if err := json.Unmarshal(output, &judged); err != nil || len(judged.Messages) != len(messages) || len(judged.Tokens) != len(tokens) {
		t.Fatalf("%v: %s", err, output)
	}
	for i, message := range messages {
		if status := g.Post("/webhooks/sns-sha1", snsHeaders(), message).Status; (status < 300) != judged.Messages[i] || judged.Messages[i] != (i < 4) {
			t.Errorf("message %d: %d here, and there %v", i, status, judged.Messages[i])
		}
	}
	for i, token := range tokens {
		if status := g.Post("/webhooks/pubsub", pubsubHeaders(token), []byte("{}")).Status; (status < 300) != judged.Tokens[i] || judged.Tokens[i] != (i < 1) {
			t.Errorf("token %d: %d here, and there %v", i, status, judged.Tokens[i])
		}
	}
}
