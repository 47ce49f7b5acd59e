package integrationtests

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// authority signs the certificates of senders.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "senders"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate, key}
}

// issue signs a certificate for a sender with these names.
func (a *authority) issue(t *testing.T, until time.Time, uri string, hosts ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, DNSNames: hosts,
	}
	if uri != "" {
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = []*url.URL{parsed}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func fingerprint(certificate tls.Certificate) string {
	sum := sha256.Sum256(certificate.Certificate[0])
	return hex.EncodeToString(sum[:])
}

// TestClientCertificates has senders authenticate by TLS: at a site that
// verifies certificates, and at one that only requests them.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	trusted, foreign := newAuthority(t), newAuthority(t)
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	good := trusted.issue(t, later, "spiffe://example.com/ci", "sender.example.com")
	other := trusted.issue(t, later, "", "other.example.com")
	forged := foreign.issue(t, later, "spiffe://example.com/ci", "sender.example.com")
	expired := foreign.issue(t, before, "", "sender.example.com")
	pinned := foreign.issue(t, later, "", "pinned.example.com")

	sink := gateway.NewSink(t)
	_, verifying, _ := net.SplitHostPort(gateway.FreeAddr(t))
	_, asking, _ := net.SplitHostPort(gateway.FreeAddr(t))
	integration := func(id, block string) string {
		return fmt.Sprintf("integration %s {\nproject demo\n%s\nresource ticket T-1\n}\n", id, block)
	}
	config := gateway.Config(
		integration("host", "client_certificate {\nsan sender.example.com\n}")+
			integration("uri", "client_certificate {\nsan nobody.example.com spiffe://example.com/ci\n}")+
			integration("pin", "client_certificate {\nfingerprint "+fingerprint(pinned)+" "+fingerprint(expired)+"\n}")+
			integration("both", "client_certificate {\nsan sender.example.com\n}\nbearer t\nmatch all")+
			integration("either", "client_certificate {\nsan sender.example.com\n}\nbearer t")+
			gateway.Ticket(sink), gateway.Edge)
	config = strings.Replace(config, "persist_config off", "persist_config off\n\tskip_install_trust\n\tauto_https disable_redirects", 1)
	site := "\nhttps://localhost:%s {\n\tbind 127.0.0.1\n\ttls internal {\n\t\tclient_auth {\n\t\t\t%s\n\t\t}\n\t}\n\twebhooks\n}\n"
	g := gateway.New(t, config+
		fmt.Sprintf(site, verifying, "mode verify_if_given\n\t\t\ttrust_pool file {$DIR}/senders.pem")+
		fmt.Sprintf(site, asking, "mode request"))
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.certificate.Raw})
	if err := os.WriteFile(filepath.Join(g.Dir, "senders.pem"), roots, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Start()
	for _, port := range []string{verifying, asking} {
		gateway.Eventually(t, "the site has its certificate", func() bool {
			conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
	tests := []struct {
		name, port, id string
		certificate    *tls.Certificate
		token          string
		status         int // 0 if TLS ends it
	}{
		{"host", verifying, "host", &good, "", 202},
		{"URI", verifying, "uri", &good, "", 202},
		{"another name", verifying, "host", &other, "", 401},
		{"none", verifying, "host", nil, "", 401},
		{"another authority", verifying, "host", &forged, "", 0},
		{"a name that nobody has verified", asking, "host", &forged, "", 401},
		{"the right name, not verified", asking, "host", &good, "", 401},
		{"fingerprint", asking, "pin", &pinned, "", 202},
		{"another fingerprint", asking, "pin", &good, "", 401},
		{"expired", asking, "pin", &expired, "", 401},
		{"certificate without token", verifying, "both", &good, "", 401},
		{"token without certificate", verifying, "both", nil, "t", 401},
		{"both", verifying, "both", &good, "t", 202},
		{"either: certificate", verifying, "either", &good, "", 202},
		{"either: token", verifying, "either", nil, "t", 202},
		{"either: token beside a wrong certificate", verifying, "either", &other, "t", 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trust := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"} // the sender's certificate is what is tested
			if test.certificate != nil {
				trust.Certificates = []tls.Certificate{*test.certificate}
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}, Timeout: gateway.Patience}
			header := http.Header{}
			if test.token != "" {
				header.Set("Authorization", "Bearer "+test.token)
			}
			answer, err := gateway.Do(client, "POST", "https://localhost:"+test.port+"/webhooks/"+test.id, header, bytes.NewReader(body))
			switch {
			case test.status == 0 && err == nil:
				t.Errorf("the connection was taken: %d", answer.Status)
			case test.status != 0 && err != nil:
				t.Error(err)
			case err == nil && answer.Status != test.status:
				t.Errorf("%d %s", answer.Status, answer.Body)
			}
		})
	}
	problem(t, g.Post("/webhooks/host", nil, body), http.StatusUnauthorized) // plain HTTP
	refused(t, g.API("POST", gateway.Integration(demo, "pin", "test"), nil), http.StatusConflict, "only the sender can sign")
}

// TestSourceIPs allows calls to an integration from some addresses: the
// client's own, or those reported by a trusted proxy.
func TestSourceIPs(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := gateway.Config(
		declared("narrow", "source_ips 203.0.113.0/24 2001:db8::/32")+
			declared("here", "source_ips 127.0.0.1")+
			"integration alone {\nproject demo\nsource_ips 203.0.113.7\ndedupe none\nresource ticket T-1\n}\n"+
			gateway.Ticket(sink), gateway.Edge)
	proxied := strings.Replace(config, "persist_config off", "persist_config off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.0/8\n\t}", 1)
	strict := strings.Replace(proxied, "127.0.0.0/8", "127.0.0.0/8\n\t\ttrusted_proxies_strict", 1)
	for name, test := range map[string]struct {
		config string
		id     string
		from   string // in X-Forwarded-For
		status int
	}{
		"behind a proxy":              {proxied, "narrow", "203.0.113.9", 202},
		"behind a proxy, IPv6":        {proxied, "narrow", "2001:db8::9", 202},
		"behind a proxy, another":     {proxied, "narrow", "198.51.100.1", 401},
		"behind a proxy, not told":    {proxied, "narrow", "", 401},
		"behind one that appends":     {strict, "narrow", "198.51.100.1, 203.0.113.9", 202},
		"made up before one":          {strict, "narrow", "203.0.113.9, 198.51.100.1", 401},
		"a header of the client's":    {config, "narrow", "203.0.113.9", 401},
		"the client's own":            {config, "here", "203.0.113.9", 202},
		"an address alone":            {proxied, "alone", "203.0.113.7", 202},
		"an address alone, IPv4 in 6": {proxied, "alone", "::ffff:203.0.113.7", 202},
		"an address alone, another":   {proxied, "alone", "203.0.113.8", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gateway.Start(t, test.config)
			header := gateway.GitHub(secret, "push", "1", body)
			if test.from != "" {
				header.Set("X-Forwarded-For", test.from)
			}
			answer := g.Post("/webhooks/"+test.id, header, body)
			if test.status == http.StatusUnauthorized {
				problem(t, answer, test.status)
				return
			}
			sink.Wait(accept(t, answer))
			if got := g.API("POST", gateway.Integration(demo, test.id, "test"), nil).Want(t, 200).JSON(t)["status_code"]; got != float64(202) {
				t.Errorf("a test event is answered with %v", got)
			}
		})
	}
}
