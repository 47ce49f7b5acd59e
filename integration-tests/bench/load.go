package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed load.lua
var script []byte

// secret signs the requests.
const secret = "It's a Secret to Everybody"

// measured is one run of wrk against one site.
type measured struct {
	Requests     int64 `json:"requests"`
	Microseconds int64 `json:"microseconds"`
	P50          int64 `json:"p50"` // in microseconds, like P99
	P99          int64 `json:"p99"`
	// Refused are answers above 399; Errors are requests without an answer.
	Refused int64 `json:"refused"`
	Errors  int64 `json:"errors"`
	// CPU is the server's processor time in microseconds per request, including
	// background work.
	CPU float64 `json:"-"`
}

// rate is in requests per second.
func (m measured) rate() float64 { return float64(m.Requests) / float64(m.Microseconds) * 1e6 }

// check makes sure that wrk got the expected answers.
func (m measured) check() error {
	if m.Refused > 0 || m.Errors > 0 {
		return fmt.Errorf("%d answers were no success, and %d did not come", m.Refused, m.Errors)
	}
	return nil
}

// request is what is sent: the file, and how.
type request struct {
	path  string
	pause time.Duration // average, before each request of a connection
	ids   string        // a file of webhook IDs
}

// writeRequest writes an event of that type, as GitHub sends it, with a body of
// that size, to a file. An @ stands for a part of the delivery ID.
func writeRequest(dir, event string, size int) (request, error) {
	const begin, end = `{"ref":"refs/heads/main","repository":{"id":35129377,"name":"demo"},"commits":["`, `"]}`
	body := begin + strings.Repeat("0123456789abcdef", size)[:size-len(begin)-len(end)] + end
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	text := strings.Join([]string{
		"POST /webhooks/bench HTTP/1.1",
		"Host: hooks.example.com",
		"User-Agent: GitHub-Hookshot/044aadd",
		"Accept: */*",
		"Content-Type: application/json",
		"Content-Length: " + strconv.Itoa(size),
		"X-GitHub-Delivery: @",
		"X-GitHub-Event: " + event,
		"X-GitHub-Hook-ID: 292430182",
		"X-GitHub-Hook-Installation-Target-ID: 35129377",
		"X-GitHub-Hook-Installation-Target-Type: repository",
		"X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil)),
		"", body,
	}, "\r\n")
	if err := os.WriteFile(filepath.Join(dir, "load.lua"), script, 0o600); err != nil {
		return request{}, err
	}
	path := filepath.Join(dir, fmt.Sprintf("request-%s-%d", event, size))
	return request{path: path}, os.WriteFile(path, []byte(text), 0o600)
}

// try sends the request once: the answer must be a 202.
func try(address string, r request) error {
	text, err := os.ReadFile(r.path)
	if err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write(bytes.Replace(text, []byte("@"), strconv.AppendUint([]byte("try-"), rand.Uint64(), 36), 1))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("the answer is %s, not 202", response.Status)
	}
	return nil
}

// wrk runs wrk. No two runs share a delivery ID.
func wrk(ctx context.Context, s settings, address string, r request, length time.Duration) (measured, error) {
	text, err := os.ReadFile(r.path)
	if err != nil {
		return measured{}, err
	}
	path := r.path + "-run"
	run := fmt.Sprintf("%08x-cc78-11e3-81ab-%03x@", rand.Uint32(), rand.Uint32N(1<<12))
	if err := os.WriteFile(path, bytes.Replace(text, []byte("@"), []byte(run), 1), 0o600); err != nil {
		return measured{}, err
	}
	args := []string{
		"--threads", strconv.Itoa(s.threads), "--connections", strconv.Itoa(s.connections),
		"--duration", fmt.Sprintf("%ds", length/time.Second),
		"--script", filepath.Join(s.dir, "load.lua"), "http://" + address,
		"--", path, strconv.FormatInt(r.pause.Milliseconds(), 10),
	}
	if r.ids != "" {
		args = append(args, r.ids)
	}
	out, err := exec.CommandContext(ctx, "wrk", args...).CombinedOutput()
	if err != nil {
		return measured{}, fmt.Errorf("running wrk: %w\n%s", err, out)
	}
	_, result, found := bytes.Cut(out, []byte("\nRESULT "))
	if !found {
		return measured{}, fmt.Errorf("wrk produced no result:\n%s", out)
	}
	var m measured
	if err := json.NewDecoder(bytes.NewReader(result)).Decode(&m); err != nil {
		return measured{}, fmt.Errorf("reading the result of wrk: %w", err)
	}
	if m.Requests == 0 {
		return measured{}, errors.New("no request was answered")
	}
	return m, m.check()
}

// measure runs wrk against a process, and waits for its background work.
func (p *process) measure(ctx context.Context, s settings, address string, r request, length, pause time.Duration) (measured, error) {
	before, err := p.cpu()
	if err != nil {
		return measured{}, err
	}
	m, err := wrk(ctx, s, address, r, length)
	if err != nil {
		return measured{}, err
	}
	if err := wait(ctx, pause); err != nil {
		return measured{}, err
	}
	after, err := p.cpu()
	m.CPU = float64((after - before).Microseconds()) / float64(m.Requests)
	return m, err
}
