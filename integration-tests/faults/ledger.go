package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// The integration of most rows is declared in the configuration; another one is
// created through the admin API.
const (
	project  = "demo"
	declared = "declared"
	created  = "created"
	secret   = "It's a Secret to Everybody"
)

// ledger records, outside of the gateway, what was sent to it, what it
// acknowledged, and what it delivered to the endpoint.
type ledger struct {
	URL    string // of the endpoint
	hook   string // the webhook ID to send to
	server *httptest.Server

	mu       sync.Mutex
	sent     map[string][sha256.Size]byte // delivery ID → digest of the body
	acked    map[string]string            // event ID → delivery ID
	arrived  map[string]int               // event ID → arrivals
	refused  map[int]int                  // answers other than 202, by status
	rude     int                          // answers with 503 but no Retry-After
	unknown  int                          // requests without an answer
	strays   []string                     // arrivals of what was never sent
	answer   func(*http.Request) int
	numbered int
	dark     bool // the power is cut: anything received now counts as never sent
}

// newLedger starts an endpoint that answers 204.
func newLedger(t testing.TB) *ledger {
	l := &ledger{
		hook: declared,
		sent: make(map[string][sha256.Size]byte), acked: make(map[string]string),
		arrived: make(map[string]int), refused: make(map[int]int),
	}
	l.server = httptest.NewServer(http.HandlerFunc(l.receive))
	l.URL = l.server.URL
	t.Cleanup(func() {
		l.server.CloseClientConnections()
		l.server.Close()
	})
	return l
}

// config is a Caddyfile with the ledger's integration and endpoint, further
// options, and a store in {$STORE}.
func (l *ledger) config(options string) string {
	config := gateway.Config(fmt.Sprintf(`storage badger {
	path {$STORE}
}
retry {
	initial 50ms
	max 500ms
}
integration %s {
	project %s
	signature github %q
	resource ticket T-1
}
trigger http ticket %s/{webhook.resource_id}
%s
`, declared, project, secret, l.URL, options), `
	handle /inline/* {
		route {
			webhooks /inline/* {
				inline
			}
			respond "passed on" 200
		}
	}
	handle {
		webhooks
	}
`)
	return strings.Replace(config, "level DEBUG", "level WARN", 1)
}

// receive is the endpoint.
func (l *ledger) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway went away: it has not delivered this
	}
	event, delivery := r.Header.Get("Webhook-Id"), r.Header.Get("X-Webhook-Delivery")
	l.mu.Lock()
	answer := l.answer
	if digest, ok := l.sent[delivery]; !ok || digest != sha256.Sum256(body) {
		l.strays = append(l.strays, fmt.Sprintf("event %s with delivery ID %q", event, delivery))
	}
	l.mu.Unlock()
	status := http.StatusNoContent
	if answer != nil {
		status = answer(r)
	}
	if status < 300 {
		l.mu.Lock()
		l.arrived[event]++
		l.mu.Unlock()
	}
	w.WriteHeader(status)
}

// answers sets the endpoint's answer from now on: a status, of which only
// success counts as an arrival. nil means 204.
func (l *ledger) answers(answer func(*http.Request) int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

// cut cuts the disk's power. The gateway continues without it until it is
// killed, and for some milliseconds ext4 reports syncs of data that it drops. A
// real machine would lose power together with its disk: answers given from now
// on do not count.
func (l *ledger) cut(d *loop) {
	l.mu.Lock()
	l.dark = true
	l.mu.Unlock()
	d.cutPower()
}

// light ends what cut began; the gateway was killed meanwhile.
func (l *ledger) light(d *loop) {
	d.umount()
	d.mount()
	l.mu.Lock()
	l.dark = false
	l.mu.Unlock()
}

// down is the answer of an endpoint that is out of order.
func down(*http.Request) int { return http.StatusServiceUnavailable }

// send posts one event of about size bytes, as GitHub does, and records and
// returns the answer (nil if there was none).
func (l *ledger) send(client *http.Client, addr string, size int) *gateway.Answer {
	return l.post(client, addr, "/webhooks/"+l.hook, size)
}

func (l *ledger) post(client *http.Client, addr, path string, size int) *gateway.Answer {
	l.mu.Lock()
	l.numbered++
	delivery := fmt.Sprintf("delivery-%d", l.numbered)
	body := fmt.Appendf(nil, `{"delivery":%q,"padding":"%s"}`, delivery, bytes.Repeat([]byte("x"), size))
	l.sent[delivery] = sha256.Sum256(body)
	l.mu.Unlock()
	answer, err := gateway.Do(client, http.MethodPost, "http://"+addr+path, gateway.GitHub(secret, "push", delivery, body), bytes.NewReader(body))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || l.dark {
		l.unknown++
		return nil
	}
	var accepted struct{ ID string }
	switch {
	case answer.Status != http.StatusAccepted:
		l.refused[answer.Status]++
		if answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "" {
			l.rude++
		}
	case json.Unmarshal(answer.Body, &accepted) == nil && accepted.ID != "":
		l.acked[accepted.ID] = delivery
	}
	return answer
}

// count returns how many events were acknowledged so far.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// missing returns the acknowledged events that have not arrived.
func (l *ledger) missing() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(l.acked)), func(id string) bool { return l.arrived[id] > 0 })
}

// settle waits until every acknowledged event has arrived, as long as there is
// progress, and returns the lost ones: those that neither arrived nor are
// pending or failed according to the gateway.
func (l *ledger) settle(g *gateway.Gateway) (lost []string) {
	l.answers(nil)
	left := len(l.missing())
	for left > 0 && gateway.Within(gateway.Patience/2, func() bool { return len(l.missing()) < left }) {
		left = len(l.missing())
	}
	for _, id := range l.missing() {
		answer := g.API(http.MethodGet, gateway.Integration(project, l.hook, "events", id), nil)
		var record struct{ Status string }
		if answer.Status == http.StatusOK && json.Unmarshal(answer.Body, &record) == nil &&
			(record.Status == "pending" || record.Status == "failed") {
			continue
		}
		lost = append(lost, id)
	}
	return lost
}

// check settles, fails the trial unless all is well, and returns a summary for
// the result.
func (l *ledger) check(t *trial, g *gateway.Gateway) string {
	lost := l.settle(g)
	if len(lost) > 0 {
		t.Errorf("%d of %d acknowledged events are lost, %s first", len(lost), l.count(), lost[0])
	}
	return l.says(t, len(lost))
}

// says returns the ledger's part of a result, and fails the trial if something
// arrived that was never sent, or an answer was not an allowed one.
func (l *ledger) says(t *trial, lost int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.strays) > 0 {
		t.Errorf("%d arrived that were never sent, %s first", len(l.strays), l.strays[0])
	}
	for status, n := range l.refused {
		if status != http.StatusServiceUnavailable && status != http.StatusOK {
			t.Errorf("%d answers with status %d", n, status)
		}
	}
	if l.rude > 0 {
		t.Errorf("%d answers with 503 had no Retry-After", l.rude)
	}
	arrivals := 0
	for _, n := range l.arrived {
		arrivals += n
	}
	return fmt.Sprintf("%d of %d acknowledged lost, %d arrived more than once", lost, len(l.acked), arrivals-len(l.arrived))
}
