package fetch_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/fetch"
)

// Each way to fail has its code, and says how far the request got.
func TestFailures(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
	}))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = nil
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	listener.Close()
	unresolved := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}}
	broken := errors.New("broken off")
	for name, test := range map[string]struct {
		address   string
		transport http.RoundTripper
		timeout   time.Duration
		read      error
		want      fetch.Failure
	}{
		"refused":    {closed, nil, time.Minute, nil, fetch.Failure{Code: fetch.Connect}},
		"no host":    {"http://host.invalid", unresolved, time.Minute, nil, fetch.Failure{Code: fetch.DNS}},
		"untrusted":  {secure.URL, nil, time.Minute, nil, fetch.Failure{Code: fetch.TLS}},
		"not TLS":    {strings.Replace(plain.URL, "http:", "https:", 1), nil, time.Minute, nil, fetch.Failure{Code: fetch.TLS}},
		"too slow":   {plain.URL + "/slow", nil, 20 * time.Millisecond, nil, fetch.Failure{Code: fetch.Timeout, Sent: true, Connected: true}},
		"no time":    {plain.URL, nil, -1, nil, fetch.Failure{Code: fetch.Timeout}},
		"broken off": {plain.URL, nil, time.Minute, broken, fetch.Failure{Code: fetch.Connect, Sent: true, Connected: true}},
	} {
		transport := test.transport
		if transport == nil {
			transport = &http.Transport{DisableKeepAlives: true}
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		failure := fetch.Do(transport, request, test.timeout, func(*http.Response) error { return test.read })
		if failure == nil || *failure != test.want {
			t.Errorf("%s: %+v, want %+v", name, failure, test.want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, plain.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if failure := fetch.Do(http.DefaultTransport, request, time.Minute, func(*http.Response) error { return nil }); failure != nil {
		t.Errorf("a success: %+v", failure)
	}
}
