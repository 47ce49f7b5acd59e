package integrationtests

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

func TestPayPal(t *testing.T) {
	t.Parallel()
	internet := gateway.NewInternet(t)
	c := newClouds(t, internet)
	const path = "/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
	internet.Host("api.paypal.com", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Write(c.certificate)
	}))
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(cloudOptions+gateway.Ticket(sink), gateway.Edge), internet.Env...)
	body := []byte(`{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","summary":"Grüße — 🚀"}`)
	post := func(webhook, certificate string, body []byte) *gateway.Answer {
		return g.Post("/webhooks/paypal", c.paypal(t, webhook, certificate, body), body)
	}
	problem(t, post("9XL90610J3647323C", "https://example.com"+path, body), http.StatusUnauthorized)
	problem(t, post("9XL90610J3647323D", "https://api.paypal.com"+path, body), http.StatusUnauthorized)
	id := accept(t, post("9XL90610J3647323C", "https://api.paypal.com"+path, body))
	if d := sink.Wait(id); !bytes.Equal(d.Body, body) || d.Header.Get("X-Webhook-Event") != "PAYMENT.CAPTURE.COMPLETED" || d.Header.Get("X-Webhook-Delivery") != "WH-1" {
		t.Errorf("the trigger got %v %s", d.Header, d.Body)
	}
	post("9XL90610J3647323C", "https://api.paypal.com"+path, body).Want(t, http.StatusOK) // a duplicate
	// The proxy refuses connections to a host that does not exist.
	problem(t, post("9XL90610J3647323C", "https://api.sandbox.paypal.com"+path, body), http.StatusServiceUnavailable)
	if asked := internet.Asked("api.paypal.com" + path); asked != 1 {
		t.Errorf("the certificate was fetched %d times", asked)
	}
}

// paypal returns the headers of a transmission.
func (c *clouds) paypal(t *testing.T, webhook, certificate string, body []byte) http.Header {
	t.Helper()
	const id = "d938e770-8046-11e6-8103-6b62a8a99ac4"
	at := time.Now().UTC().Format(time.RFC3339)
	digest := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s|%d", id, at, webhook, crc32.ChecksumIEEE(body)))
	signature, err := rsa.SignPKCS1v15(rand.Reader, c.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return gateway.Headers(
		"PAYPAL-TRANSMISSION-ID", id, "PAYPAL-TRANSMISSION-TIME", at, "PAYPAL-AUTH-ALGO", "SHA256withRSA", "PAYPAL-CERT-URL", certificate,
		"PAYPAL-TRANSMISSION-SIG", base64.StdEncoding.EncodeToString(signature), "Content-Type", "application/json")
}

// TestPayPalUnderForgeries has forgers make up certificates: first while a
// genuine one was never seen, from another address, and then after a restart,
// from the same address and with PayPal unreachable.
func TestPayPalUnderForgeries(t *testing.T) {
	t.Parallel()
	internet := gateway.NewInternet(t)
	c := newClouds(t, internet)
	const webhook, certificates = "9XL90610J3647323C", "/v1/notifications/certs/CERT-"
	const path = certificates + "360caa42-fca2a594-a5cafa77"
	var down atomic.Bool
	internet.Host("api.paypal.com", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write(c.certificate)
	}))
	sink := gateway.NewSink(t)
	config := strings.Replace(gateway.Config(cloudOptions+gateway.Ticket(sink), gateway.Edge),
		"webhooks {", "servers {\ntrusted_proxies static 127.0.0.1/32\n}\nwebhooks {", 1)
	g := gateway.Start(t, config, internet.Env...)
	post := func(client, certificate string, body []byte) *gateway.Answer {
		header := c.paypal(t, webhook, "https://api.paypal.com"+certificate, body)
		header.Set("X-Forwarded-For", client)
		return g.Post("/webhooks/paypal", header, body)
	}
	forge := func(client string) {
		t.Helper()
		for n := range 150 {
			problem(t, post(client, fmt.Sprint(certificates, n), body), http.StatusServiceUnavailable)
		}
	}
	genuine := func(n int) []byte { return fmt.Appendf(nil, `{"id":"WH-%d","event_type":"X"}`, n) }

	forge("192.0.2.1")
	accept(t, post("192.0.2.2", path, genuine(0)))
	gateway.Eventually(t, "the certificate is kept", func() bool {
		kept, err := filepath.Glob(filepath.Join(g.Data(), "webhooks", "certificates", "*.pem"))
		return err == nil && len(kept) == 1
	})
	g.Stop()
	g.Start()
	down.Store(true)
	forge("192.0.2.2")
	for n := range 12 {
		accept(t, post("192.0.2.2", path, genuine(n+1)))
	}
}
