package gate

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
)

func TestInline(t *testing.T) {
	for _, forward := range []bool{false, true} {
		it := github(func(it *integration.Integration) {
			give(it, &credential.SecureHeader{Name: "x-webhook-token", Value: credential.NewSecret("s")})
			give(it, &credential.Bearer{Tokens: secrets("t")})
			it.EventFilter = []string{"push"}
			it.Resources = nil
		})
		b := newBackend(t, it)
		b.log.fail = errDown // nothing is stored
		s := serve(t, b, New(Settings{Inline: true, ForwardCredentials: forward}))
		var header http.Header
		var body, again []byte
		s.next = func(w http.ResponseWriter, r *http.Request) {
			header = r.Header.Clone()
			body, _ = io.ReadAll(r.Body)
			second, err := r.GetBody()
			if err != nil {
				t.Error(err)
			}
			again, _ = io.ReadAll(second)
			if r.ContentLength != int64(len(body)) || r.TransferEncoding != nil || r.Trailer != nil || b.flight.Used() != int64(len(body)) {
				t.Errorf("length %d, encoding %q, trailer %q, in flight %d", r.ContentLength, r.TransferEncoding, r.Trailer, b.flight.Used())
			}
			w.WriteHeader(http.StatusTeapot)
		}
		fields := []string{
			"X-Hub-Signature-256: " + signature(push), "X-Hub-Signature: " + legacySignature(push), "X-GitHub-Event: push",
			"X-Webhook-Token: s", "Authorization: Bearer t", "X-Webhook-Id: forged", "x-webhook-project: forged", "X_Webhook_Event: forged", "X-Other: kept",
		}
		chunked := fmt.Sprintf("POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Webhook-Id\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\nX-Webhook-Id: forged\r\n\r\n",
			strings.Join(fields, "\r\n"), len(push), push)
		if got := s.raw(t, chunked); got.status != http.StatusTeapot {
			t.Fatalf("got %+v", got)
		}
		if string(body) != push || !bytes.Equal(again, body) {
			t.Errorf("body %q, again %q", body, again)
		}
		want := `{"X-Github-Event":["push"],"X-Other":["kept"]}`
		if forward {
			want = asText(http.Header{
				"Authorization": {"Bearer t"}, "X-Hub-Signature": {legacySignature(push)}, "X-Hub-Signature-256": {signature(push)},
				"X-Webhook-Token": {"s"}, "X-Github-Event": {"push"}, "X-Other": {"kept"},
			})
		}
		if got := asText(header); got != want {
			t.Errorf("forward %v: %s", forward, got)
		}
		if seen := s.lastSeen(t, 1); !seen.Pass || seen.Outcome != Passed || seen.StatusCode != 0 || seen.EventType != "push" {
			t.Errorf("seen %+v", seen)
		}
		for event, answer := range map[string]string{"ping": `{"status":"pong"}`, "issues": `{"status":"filtered","event":"issues"}`} {
			header := signed(event, "1", push)
			header["Authorization"], header["X-Webhook-Token"] = []string{"Bearer t"}, []string{"s"}
			if got := s.post(t, "/webhooks/hook", header, push); got.status != 200 || got.body != answer {
				t.Errorf("%s: %+v", event, got)
			}
		}
		if got := s.post(t, "/webhooks/hook", nil, push); got.status != 401 {
			t.Errorf("unauthenticated: %d", got.status)
		}
	}
}

// What passes keeps its body while other requests come and go.
func TestInlineBodyIsItsOwn(t *testing.T) {
	b := newBackend(t, github())
	g := New(Settings{Inline: true})
	serve := func(body string) (*http.Request, Seen) {
		r, err := http.NewRequest(http.MethodPost, "/webhooks/hook", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = signed("push", "d", body)
		return r, g.Serve(discard{http.Header{}}, r, "", b.Acquire)
	}
	var passed []*http.Request
	for n := range 20 {
		r, seen := serve(fmt.Sprint("body ", n))
		if !seen.Pass {
			t.Fatalf("seen %+v", seen)
		}
		seen.Done()
		passed = append(passed, r)
	}
	for n, r := range passed {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != fmt.Sprint("body ", n) {
			t.Errorf("request %d has %q", n, body)
		}
	}
}

// The body of a form passes as it came.
func TestInlineForm(t *testing.T) {
	s := serve(t, newBackend(t, github()), New(Settings{Inline: true}))
	var body []byte
	var kind string
	s.next = func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		kind = r.Header.Get("Content-Type")
	}
	const form = "payload=%7B%7D"
	header := signed("push", "1", form)
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := s.post(t, "/webhooks/hook", header, form); got.status != 200 || string(body) != form || kind != header.Get("Content-Type") {
		t.Errorf("got %+v with %q as %q", got, body, kind)
	}
}
