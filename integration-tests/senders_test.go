package integrationtests

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// sent is one delivery, as the sender's own library signs or accepts it with
// the secret, and not with the other one.
type sent struct {
	Provider, Secret, Other string

	Signature string // the header's name
	Unsigned  bool   // the header is a token: it does not cover the body
	Status    int    // of an accepted one
	Headers   map[string]string
	Body      string
	InBody    string // the signature, if it is in the body

	// Handshake is answered as the library answers it; few senders have one.
	Handshake *struct {
		Headers      map[string]string
		Body, Answer string
	}
}

// sendersURL is where the senders believe the gateway to be: some sign it.
const sendersURL = "https://hooks.example.com/webhooks/"

// TestSendersOwnLibraries sends what the senders' own libraries sign, or at
// least accept as signed.
func TestSendersOwnLibraries(t *testing.T) {
	t.Parallel()
	needLibraries(t, "senders")
	testSenders(t, 20, exec.Command("node", filepath.Join("senders", "sign.mjs"), sendersURL))
}

// TestSendersOwnGoLibraries does the same for libraries written in Go.
func TestSendersOwnGoLibraries(t *testing.T) {
	t.Parallel()
	testSenders(t, 3, exec.Command(builtSender(t, "senders")))
}

// needLibraries leaves the test out if the folder's libraries of senders are
// not installed.
func needLibraries(t *testing.T, folder string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		gateway.LeaveOut(t, "node is not installed")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		gateway.LeaveOut(t, "libraries are not installed: npm ci --ignore-scripts --prefix integration-tests/"+folder)
	}
}

// builtSender returns the path of a program from the Go module in senders.
func builtSender(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("senders", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		gateway.LeaveOut(t, name+" is not built: go build -C integration-tests/senders -o bin/ . tool")
	}
	return path
}

// startSender starts a real sender, which gets the signal at the end of the
// test. Its log is shown if the test fails.
func startSender(t *testing.T, name string, process *exec.Cmd, end os.Signal) {
	t.Helper()
	var log bytes.Buffer
	process.Stdout, process.Stderr = &log, &log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Process.Signal(end)
		process.Wait()
		if t.Failed() {
			t.Logf("%s's log:\n%s", name, log.String())
		}
	})
}

func testSenders(t *testing.T, least int, signer *exec.Cmd) {
	signer.Stderr = os.Stderr
	text, err := signer.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []sent
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < least {
		t.Fatalf("%d senders, want at least %d", len(all), least)
	}
	g, sink := edge(t, "public_url "+sendersURL+"\n")
	for _, s := range all {
		t.Run(s.Provider, func(t *testing.T) { testSender(t, g, sink, &s) })
	}
}

// testSender checks that the delivery is refused with another secret, and with
// a flipped bit in body or signature, and otherwise arrives byte for byte.
func testSender(t *testing.T, g *gateway.Gateway, sink *gateway.Sink, s *sent) {
	send := func(headers map[string]string, body []byte) *gateway.Answer {
		t.Helper()
		header := gateway.Headers("Content-Type", "application/json")
		for name, value := range headers {
			header.Set(name, value)
		}
		return g.Post("/webhooks/"+s.Provider, header, body)
	}
	with := func(secret string) gateway.M {
		return gateway.M{"authentication": gateway.M{"signature": gateway.M{"provider": s.Provider, "secrets": []string{secret}}}}
	}
	integration := with(s.Other)
	integration["webhook_id"], integration["resource"] = s.Provider, gateway.M{"type": "ticket", "id": "T-1"}
	g.Create(t, demo, integration)
	problem(t, send(s.Headers, []byte(s.Body)), http.StatusUnauthorized)
	g.API("PATCH", gateway.Integration(demo, s.Provider), with(s.Secret)).Want(t, http.StatusOK)

	if h := s.Handshake; h != nil {
		answer := send(h.Headers, []byte(h.Body)).Want(t, http.StatusOK)
		var want gateway.M
		if err := json.Unmarshal([]byte(h.Answer), &want); err != nil || !maps.Equal(answer.JSON(t), want) {
			t.Errorf("the handshake is answered by %s, and by the library with %s", answer.Body, h.Answer)
		}
		problem(t, send(h.Headers, flip([]byte(h.Body), 81)), http.StatusUnauthorized)
	}

	if s.InBody != "" {
		testInBody(t, s, send)
	} else {
		testHeader(t, s, send)
	}
	answer := send(s.Headers, []byte(s.Body)).Want(t, s.Status)
	if !acceptedBody.Match(answer.Body) && s.Status != http.StatusNoContent {
		t.Fatalf("a %d says %s", answer.Status, answer.Body)
	}
	d := arrival(t, sink, s.Provider, answer)
	if !bytes.Equal(d.Body, []byte(s.Body)) {
		t.Errorf("the sink got %q, sent was %q", d.Body, s.Body)
	}
	if s.InBody == "" && slices.Contains(slices.Concat(slices.Collect(maps.Values(d.Header))...), s.Headers[s.Signature]) {
		t.Errorf("the sink got the signature: %v", d.Header)
	}
}

// arrival waits for the event of an answer, which has no body if the sender
// expects none; it is then the only one of its integration.
func arrival(t testing.TB, sink *gateway.Sink, integration string, answer *gateway.Answer) gateway.Delivery {
	t.Helper()
	if answer.Status != http.StatusNoContent {
		return sink.Wait(answer.Text(t, "id"))
	}
	var arrived []gateway.Delivery
	gateway.Eventually(t, "the event has arrived at the sink", func() bool {
		arrived = slices.DeleteFunc(sink.Deliveries(), func(d gateway.Delivery) bool { return d.Header.Get("X-Webhook-Id") != integration })
		return len(arrived) > 0
	})
	return arrived[0]
}

// testInBody checks that no character of a signature in the body may change.
func testInBody(t *testing.T, s *sent, send func(map[string]string, []byte) *gateway.Answer) {
	t.Helper()
	start := strings.Index(s.Body, s.InBody)
	if start < 0 {
		t.Fatalf("there is no signature in %s", s.Body)
	}
	for _, at := range []int{0, 1, len(s.InBody) / 2, len(s.InBody) - 2} {
		problem(t, send(s.Headers, flip([]byte(s.Body), (start+at)*8+1)), http.StatusUnauthorized)
	}
	problem(t, send(s.Headers, []byte(strings.Replace(s.Body, s.InBody, "", 1))), http.StatusUnauthorized)
	problem(t, send(s.Headers, []byte(`{}`)), http.StatusUnauthorized)
}

// testHeader checks that no character of a signature in a header may change,
// nor of the body if it is signed.
func testHeader(t *testing.T, s *sent, send func(map[string]string, []byte) *gateway.Answer) {
	t.Helper()
	// Each of the last twenty characters of a signature is a part of it, whatever
	// precedes it.
	for _, back := range []int{1, 2, 3, 11, 20} {
		headers := maps.Clone(s.Headers)
		value := []byte(headers[s.Signature])
		value[len(value)-back] ^= 1
		headers[s.Signature] = string(value)
		problem(t, send(headers, []byte(s.Body)), http.StatusUnauthorized)
	}
	for _, at := range []int{0, 7, len(s.Body) / 2, len(s.Body) - 1} {
		if !s.Unsigned {
			problem(t, send(s.Headers, flip([]byte(s.Body), at*8+1)), http.StatusUnauthorized)
		}
	}
	problem(t, send(without(s.Headers, s.Signature), []byte(s.Body)), http.StatusUnauthorized)
}

func without(headers map[string]string, name string) map[string]string {
	rest := maps.Clone(headers)
	delete(rest, name)
	return rest
}
