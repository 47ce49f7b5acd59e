package remotekey

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestClientGet(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Write([]byte("keys"))
	})
	mux.HandleFunc("/largest", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxSize)) })
	mux.HandleFunc("/larger", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxSize+1)) })
	mux.Handle("/moved", http.RedirectHandler("/ok", http.StatusFound))
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("keys"))
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	client := NewClient(server.Client().Transport)
	for _, test := range []struct {
		address, code string
		size          int
	}{
		{server.URL + "/ok", "", 4},
		{server.URL + "/largest", "", maxSize},
		{server.URL + "/larger", "answer_too_large", 0},
		{server.URL + "/moved", "redirect", 0},
		{server.URL + "/nothing", "status", 0},
		{server.URL + "/short", "connect", 0},
		{strings.Replace(server.URL, "https", "http", 1) + "/ok", "answer_invalid", 0},
		{strings.Replace(server.URL, "https://", "https://user:word@", 1) + "/ok", "answer_invalid", 0},
		{"file:///etc/passwd", "answer_invalid", 0},
		{"https://127.0.0.1:1/secret", "connect", 0},
		{":", "answer_invalid", 0},
	} {
		body, age, err := client.Get(t.Context(), test.address)
		if len(body) != test.size || test.code == "" && err != nil {
			t.Errorf("%s: %d bytes, %v", test.address, len(body), err)
		}
		var failure *Failure
		if test.code != "" && (!errors.As(err, &failure) || failure.Code != test.code || err.Error() != "fetching keys: "+test.code) {
			t.Errorf("%s: %v, want %s", test.address, err, test.code)
		}
		if strings.HasSuffix(test.address, "/ok") && err == nil && age != 10*time.Minute {
			t.Errorf("%s may be kept for %s", test.address, age)
		}
	}
	if _, err := x509.SystemCertPool(); err != nil { // reading it takes a while
		t.Fatal(err)
	}
	if _, _, err := NewClient(nil).Get(t.Context(), server.URL+"/ok"); err == nil || err.Error() != "fetching keys: tls" {
		t.Errorf("an unknown authority: %v", err)
	}
}

func TestLifetime(t *testing.T) {
	for _, test := range []struct {
		control, age string
		want         time.Duration
	}{
		{"", "", UnknownAge},
		{"public", "", UnknownAge},
		{"max-age=60", "", time.Minute},
		{"public, Max-Age=60, must-revalidate", "", time.Minute},
		{`max-age="60"`, "", time.Minute},
		{"max-age=60", "20", 40 * time.Second},
		{"max-age=60", "100", 0},
		{"max-age=60", "later", time.Minute},
		{"max-age=-1", "", UnknownAge},
		{"max-age=99999999999999", "", UnknownAge},
		{"no-store", "", 0},
		{"no-cache, max-age=60", "", 0},
	} {
		header := http.Header{"Age": {test.age}}
		if test.control != "" {
			header.Set("Cache-Control", test.control)
		}
		if got := lifetime(header); got != test.want {
			t.Errorf("%q, %q: %s, want %s", test.control, test.age, got, test.want)
		}
	}
}
