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
	P50          int64 `json:"p50"` // in microseconds, as P99
	P99          int64 `json:"p99"`
	// Refused are answers above 399; Errors those that did not come.
	Refused int64 `json:"refused"`
	Errors  int64 `json:"errors"`
	// CPU is the gateway's processor time in microseconds for each request,
	// with what was done behind it; 0 where it is not known.
	CPU float64 `json:"-"`
}

// rate is in requests a second.
func (m measured) rate() float64 { return float64(m.Requests) / float64(m.Microseconds) * 1e6 }

// writeRequest writes a push event as GitHub sends it, with a body of that
// size, to a file. An @ stands for a part of the delivery ID.
func writeRequest(dir string, size int) (string, error) {
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
		"X-GitHub-Event: push",
		"X-GitHub-Hook-ID: 292430182",
		"X-GitHub-Hook-Installation-Target-ID: 35129377",
		"X-GitHub-Hook-Installation-Target-Type: repository",
		"X-Hub-Signature-256: sha256=" + hex.EncodeToString(mac.Sum(nil)),
		"", body,
	}, "\r\n")
	if err := os.WriteFile(filepath.Join(dir, "load.lua"), script, 0o600); err != nil {
		return "", err
	}
	path := filepath.Join(dir, fmt.Sprintf("request-%d", size))
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// try sends one request to each site: all of them must answer 202.
func (g *gateway) try(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, s := range sites {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(g.url(s), "http://"), patience)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(bytes.Replace(text, []byte("@"), strconv.AppendUint([]byte("try-"), rand.Uint64(), 36), 1))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if response.StatusCode != http.StatusAccepted {
			return fmt.Errorf("%s answers %s, not 202", s.name, response.Status)
		}
	}
	return nil
}

// measure runs wrk against a site, and checks that what it counted is true.
func (g *gateway) measure(ctx context.Context, s settings, to site, path string, length time.Duration) (measured, error) {
	before, err := g.count()
	if err != nil {
		return measured{}, err
	}
	// The delivery IDs of no two runs are the same.
	request, err := os.ReadFile(path)
	if err != nil {
		return measured{}, err
	}
	run := fmt.Sprintf("%08x-cc78-11e3-81ab-%03x@", rand.Uint32(), rand.Uint32N(1<<12))
	path += "-run"
	if err := os.WriteFile(path, bytes.Replace(request, []byte("@"), []byte(run), 1), 0o600); err != nil {
		return measured{}, err
	}
	m, err := wrk(ctx, s, g.url(to), path, length)
	if err != nil {
		return measured{}, err
	}
	if to.name == accept {
		time.Sleep(longPause)
	} else {
		time.Sleep(pause)
	}
	after, err := g.count()
	if err != nil {
		return measured{}, err
	}
	m.CPU = (after.cpu - before.cpu) * 1e6 / float64(m.Requests)
	return m, check(m, to, before, after, int64(s.connections))
}

// wrk runs wrk. It needs no more than the file of the request.
func wrk(ctx context.Context, s settings, url, path string, length time.Duration) (measured, error) {
	command := exec.CommandContext(ctx, "wrk",
		"--threads", strconv.Itoa(s.threads), "--connections", strconv.Itoa(s.connections),
		"--duration", fmt.Sprintf("%ds", length/time.Second),
		"--script", filepath.Join(s.dir, "load.lua"), url, "--", path)
	out, err := command.CombinedOutput()
	if err != nil {
		return measured{}, fmt.Errorf("running wrk: %w\n%s", err, out)
	}
	_, result, found := bytes.Cut(out, []byte("\nRESULT "))
	if !found {
		return measured{}, fmt.Errorf("wrk gave no result:\n%s", out)
	}
	var m measured
	if err := json.NewDecoder(bytes.NewReader(result)).Decode(&m); err != nil {
		return measured{}, fmt.Errorf("reading the result of wrk: %w", err)
	}
	if m.Requests == 0 {
		return measured{}, errors.New("no request was answered")
	}
	return m, nil
}

// counted is what the gateway says it did.
type counted struct {
	outcomes map[string]int64
	pending  int64
	cpu      float64 // seconds of processor time so far
}

func (g *gateway) count() (c counted, err error) {
	if c.outcomes, c.cpu, err = g.metrics(); err != nil {
		return c, err
	}
	c.pending, err = g.pending()
	return c, err
}

// check makes sure that every answer was the expected one. Of the requests
// that were under way when wrk ended, one for each connection, only the
// gateway knows.
func check(m measured, to site, before, after counted, connections int64) error {
	if m.Refused > 0 || m.Errors > 0 {
		return fmt.Errorf("%d answers were not 202, and %d did not come", m.Refused, m.Errors)
	}
	stored := after.pending - before.pending
	for outcome, count := range after.outcomes {
		n := count - before.outcomes[outcome]
		switch {
		case outcome != to.outcome && n != 0:
			return fmt.Errorf("%d requests were %s", n, outcome)
		case outcome == to.outcome && (n < m.Requests || n > m.Requests+connections):
			return fmt.Errorf("%d answers came, but %d requests were %s", m.Requests, n, outcome)
		case outcome == "accepted" && n != stored:
			return fmt.Errorf("%d events were accepted, but %d stored", n, stored)
		}
	}
	return nil
}
