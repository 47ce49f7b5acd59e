package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Internet is everything that a gateway started with Env can reach over HTTPS:
// an authority that it trusts, and a proxy behind which handlers stand in for
// all hosts.
type Internet struct {
	// Env makes a gateway use it.
	Env []string

	t         testing.TB
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	arrivals  chan net.Conn
	closed    chan struct{}

	mu    sync.Mutex
	hosts map[string]http.Handler
	asked map[string]int
}

// NewInternet returns an Internet without hosts.
func NewInternet(t testing.TB) *Internet {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := &Internet{
		t: t, key: key, arrivals: make(chan net.Conn), closed: make(chan struct{}),
		hosts: make(map[string]http.Handler), asked: make(map[string]int),
	}
	n.authority = n.certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &key.PublicKey)
	file := filepath.Join(t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.authority.Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.HandlerFunc(n.connect))
	sites := &http.Server{Handler: http.HandlerFunc(n.serve)}
	go sites.Serve(tls.NewListener(n, &tls.Config{GetCertificate: n.present}))
	t.Cleanup(func() {
		close(n.closed)
		sites.Close()
		proxy.Close()
	})
	n.Env = []string{"HTTPS_PROXY=" + proxy.URL, "NO_PROXY=", "no_proxy=", "SSL_CERT_FILE=" + file, "SSL_CERT_DIR=" + t.TempDir()}
	return n
}

// Host adds a host; with nil it is removed, and connections to it are refused.
func (n *Internet) Host(name string, handler http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[name] = handler
}

// Asked returns how often a URL, given without its scheme, has been requested.
func (n *Internet) Asked(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[address]
}

// Certify returns a certificate of the authority, as PEM.
func (n *Internet) Certify(template *x509.Certificate, key any) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.certificate(template, key).Raw})
}

func (n *Internet) certificate(template *x509.Certificate, key any) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		n.t.Fatal(err)
	}
	template.SerialNumber = serial
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent := n.authority
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, n.key)
	if err != nil {
		n.t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		n.t.Fatal(err)
	}
	return parsed
}

func (n *Internet) host(name string) http.Handler {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hosts[name]
}

// connect is the proxy: it accepts connections to any host.
func (n *Internet) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil || r.Method != http.MethodConnect || port != "443" || n.host(host) == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	select {
	case n.arrivals <- conn:
	case <-n.closed:
		conn.Close()
	}
}

func (n *Internet) serve(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.asked[r.Host+r.URL.RequestURI()]++
	n.mu.Unlock()
	if handler := n.host(r.Host); handler != nil {
		handler.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusMisdirectedRequest)
}

func (n *Internet) present(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	leaf := n.certificate(&x509.Certificate{DNSNames: []string{hello.ServerName}}, &n.key.PublicKey)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: n.key}, nil
}

// Accept, Close and Addr make it a net.Listener of the connections that came
// through the proxy.
func (n *Internet) Accept() (net.Conn, error) {
	select {
	case conn := <-n.arrivals:
		return conn, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the Internet ends with the test.
func (n *Internet) Close() error { return nil }

// Addr is not used.
func (n *Internet) Addr() net.Addr { return &net.TCPAddr{} }
