package integrationtests

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// person is an administrator with a client certificate.
type person struct {
	certificate tls.Certificate
	publicKey   string // as Caddy's configuration expects it
}

func newPerson(t *testing.T, name string) person {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return person{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, base64.StdEncoding.EncodeToString(der)}
}

// TestRemoteAdmin has administrators with client certificates at Caddy's remote
// admin endpoint: one for project demo, one for everything.
func TestRemoteAdmin(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.New(t, gateway.Config(gateway.Ticket(sink), gateway.Edge))
	demoAdmin, platform, stranger := newPerson(t, "demo"), newPerson(t, "platform"), newPerson(t, "stranger")
	remote := gateway.FreeAddr(t)

	var config gateway.M
	if err := json.Unmarshal(g.Adapt(), &config); err != nil {
		t.Fatal(err)
	}
	admin := config["admin"].(gateway.M)
	admin["identity"] = gateway.M{"identifiers": []string{"localhost"}, "issuers": []gateway.M{{"module": "internal"}}}
	admin["remote"] = gateway.M{"listen": remote, "access_control": []gateway.M{
		{"public_keys": []string{demoAdmin.publicKey}, "permissions": []gateway.M{{"paths": []string{"/webhooks/projects/demo"}}}},
		{"public_keys": []string{platform.publicKey}, "permissions": []gateway.M{{"paths": []string{"/webhooks"}}}},
	}}
	// The test's own machine must not trust the gateway's certificates.
	config["apps"].(gateway.M)["pki"] = gateway.M{"certificate_authorities": gateway.M{"local": gateway.M{"install_trust": false}}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	g.WriteConfig(string(text))
	g.Start()

	tlsConfig := func(who *person) *tls.Config {
		config := &tls.Config{ServerName: "localhost", InsecureSkipVerify: true} // the client's certificate is what is tested
		if who != nil {
			config.Certificates = []tls.Certificate{who.certificate}
		}
		return config
	}
	call := func(who person, method, path string, body any) *gateway.Answer {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig(&who), DisableKeepAlives: true}}
		var reader io.Reader
		header := http.Header{}
		if body != nil {
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			reader = strings.NewReader(string(text))
			header.Set("Content-Type", "application/json")
		}
		answer, err := gateway.Do(client, method, "https://"+remote+path, header, reader)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		return answer
	}
	gateway.Eventually(t, "the remote endpoint has its certificate", func() bool {
		conn, err := tls.Dial("tcp", remote, tlsConfig(&platform))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})

	const lost = "this configuration has no remote admin endpoint"
	g.Reload(string(text))
	if strings.Contains(g.Logs(), lost) {
		t.Error("a reload that keeps the remote endpoint warns of its loss")
	}
	defer func() {
		g.Reload(gateway.Config(gateway.Ticket(sink), gateway.Edge))
		if !strings.Contains(g.Logs(), lost) {
			t.Error("a reload takes the remote endpoint away without a word")
		}
	}()

	t.Run("own project", func(t *testing.T) {
		call(demoAdmin, "POST", gateway.Integrations(demo), github("gh")).Want(t, 201)
		call(demoAdmin, "GET", gateway.Integrations(demo), nil).Want(t, 200)
		accept(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "1", body), body))
		call(demoAdmin, "PATCH", gateway.Integration(demo, "gh"), gateway.M{"is_enabled": false}).Want(t, 200)
		problem(t, g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "2", body), body), 404)
		call(demoAdmin, "GET", gateway.Integration(demo, "gh", "events"), nil).Want(t, 200)
	})
	t.Run("platform", func(t *testing.T) {
		call(platform, "POST", gateway.Integrations("other"), github("others")).Want(t, 201)
		call(platform, "POST", gateway.Integrations("demo2"), github("demo2")).Want(t, 201)
		call(platform, "GET", "/webhooks/integrations", nil).Want(t, 200)
		call(platform, "GET", "/webhooks/status", nil).Want(t, 200)
		call(platform, "GET", "/webhooks/backup", nil).Want(t, 200)
		call(platform, "GET", "/config/", nil).Want(t, 403)
	})
	t.Run("elsewhere", func(t *testing.T) {
		for _, path := range []string{
			gateway.Integrations("other"), gateway.Integration("other", "others"), gateway.Integration("other", "others", "events"),
			gateway.Integrations("demo2"), "/webhooks/integrations", "/webhooks/status", "/webhooks/backup", "/webhooks/projects", "/config/", "/metrics", "/debug/pprof/",
		} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				call(demoAdmin, method, path, nil).Want(t, 403)
			}
		}
		call(demoAdmin, "GET", gateway.Integration(demo, "others"), nil).Want(t, 404)
		call(demoAdmin, "POST", gateway.Integrations(demo), github("others")).Want(t, 409)
	})
	t.Run("path tricks", func(t *testing.T) {
		for _, target := range append([]string{
			"/webhooks/projects/demo/../other/integrations/others",
			"/webhooks/projects/demo/integrations/../../other/integrations/others",
			"/webhooks/projects/demo/%2e%2e/other/integrations/others",
			"/webhooks/projects/demo%2f..%2fother/integrations/others",
			"/webhooks/projects/demo/..%2fother/integrations/others",
			"/webhooks/projects/demo/..%5cother/integrations/others",
			"/webhooks/projects/demo//../other/integrations/others",
			"//webhooks/projects/other/integrations/others",
			"/webhooks/projects/demo/%2e%2e%2fother%2fintegrations%2fothers",
		}, trickyPaths...) {
			conn, err := tls.Dial("tcp", remote, tlsConfig(&demoAdmin))
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(gateway.Patience))
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s: %v", target, err)
			}
			text, _ := io.ReadAll(response.Body)
			conn.Close()
			if response.StatusCode < 300 || response.StatusCode >= 500 || strings.Contains(string(text), `"others"`) {
				t.Errorf("%s: status %d: %s", target, response.StatusCode, text)
			}
		}
	})
	t.Run("a reader that stalls", func(t *testing.T) {
		call(demoAdmin, "PATCH", gateway.Integration(demo, "gh"), gateway.M{"is_enabled": true}).Want(t, 200)
		remoteReaderStalls(t, g, func() (*tls.Conn, error) { return tls.Dial("tcp", remote, tlsConfig(&demoAdmin)) })
	})
	t.Run("no certificate", func(t *testing.T) {
		for what, who := range map[string]*person{"none": nil, "unknown": &stranger} {
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig(who), DisableKeepAlives: true}}
			if answer, err := gateway.Do(client, "GET", "https://"+remote+gateway.Integrations(demo), nil, nil); err == nil {
				t.Errorf("certificate %s: status %d", what, answer.Status)
			}
		}
	})
}
