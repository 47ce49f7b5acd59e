package integrationtests

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestProtocols gets every kind of answer over HTTP/1.1 and HTTP/2, plain and
// over TLS, and sends a good event with the same client after each.
func TestProtocols(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	_, port, _ := net.SplitHostPort(gateway.FreeAddr(t))
	config := gateway.Config(declared("plain")+declared("filtered", "event_filter push")+gateway.Ticket(sink), gateway.Edge)
	config = strings.Replace(config, "persist_config off", "persist_config off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2 h2c\n\t}", 1)
	g := gateway.Start(t, config+"\nhttps://localhost:"+port+" {\n\tbind 127.0.0.1\n\ttls internal\n\twebhooks\n}\n")
	// The certificate is the site's own, created while the test runs.
	trust := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	secure := net.JoinHostPort("127.0.0.1", port)
	gateway.Eventually(t, "the site has its certificate", func() bool {
		conn, err := tls.Dial("tcp", secure, trust)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	big := make([]byte, 25<<20)
	rand.Read(big)
	for name, over := range map[string]struct {
		url       string
		protocols func(*http.Protocols)
	}{
		"HTTP 1.1":          {"http://" + g.Addr, func(p *http.Protocols) { p.SetHTTP1(true) }},
		"HTTP 1.1 over TLS": {"https://localhost:" + port, func(p *http.Protocols) { p.SetHTTP1(true) }},
		"HTTP 2":            {"http://" + g.Addr, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
		"HTTP 2 over TLS":   {"https://localhost:" + port, func(p *http.Protocols) { p.SetHTTP2(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &http.Transport{TLSClientConfig: trust.Clone(), Protocols: new(http.Protocols)}
			over.protocols(transport.Protocols)
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: 3 * gateway.Patience}
			send := func(method, path string, header http.Header, body []byte, chunked bool) *gateway.Answer {
				t.Helper()
				var reader io.Reader = bytes.NewReader(body)
				if chunked {
					reader = io.MultiReader(reader)
				}
				answer, err := gateway.Do(client, method, over.url+path, header, reader)
				if err != nil {
					t.Fatalf("%s %s with %d bytes: %v", method, path, len(body), err)
				}
				return answer
			}
			signed := func(event, delivery string, body []byte) http.Header {
				return gateway.GitHub(secret, event, name+delivery, body)
			}
			tooBig := append(bytes.Clone(big), 'x')
			first := accept(t, send("POST", "/webhooks/plain", signed("push", "1", body), body, false))
			for i, test := range []struct {
				method, path string
				header       http.Header
				body         []byte
				chunked      bool
				status       int
			}{
				{"POST", "/webhooks/plain", signed("push", "1", body), body, true, 200},
				{"POST", "/webhooks/filtered", signed("issues", "2", body), body, true, 200},
				{"POST", "/webhooks/plain", signed("ping", "3", body), body, false, 200},
				{"POST", "/webhooks/plain", gateway.GitHub("wrong", "push", "4", body), body, false, 401},
				{"POST", "/webhooks/plain", nil, big, false, 401},
				{"POST", "/webhooks/plain", nil, big, true, 401},
				{"POST", "/webhooks/unknown", nil, big, false, 404},
				{"PUT", "/webhooks/plain", nil, big, false, 405},
				{"HEAD", "/webhooks/plain", nil, nil, false, 405},
				{"POST", "/webhooks/plain", signed("push", "5", tooBig), tooBig, false, 413},
				{"POST", "/webhooks/plain", signed("push", "5", tooBig), tooBig, true, 413},
				{"POST", "/webhooks/plain", signed("", "6", body), body, true, 400},
			} {
				if answer := send(test.method, test.path, test.header, test.body, test.chunked); answer.Status != test.status {
					t.Errorf("case %d: status %d, want %d: %s", i, answer.Status, test.status, answer.Body)
				}
				if id := accept(t, send("POST", "/webhooks/plain", signed("push", fmt.Sprint("after ", i), body), body, false)); id == first {
					t.Errorf("after case %d the first event is answered again", i)
				}
			}
			if got := sink.Wait(accept(t, send("POST", "/webhooks/plain", signed("push", "big", big), big, true))); !bytes.Equal(got.Body, big) {
				t.Error("25 MiB have arrived changed")
			}
		})
	}
}
