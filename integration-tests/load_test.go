package integrationtests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// load sends signed events from several senders until it is stopped, and keeps
// the IDs of the acknowledged ones.
type load struct {
	addr, path string
	stopped    atomic.Bool
	senders    sync.WaitGroup

	mu       sync.Mutex
	acked    []string
	statuses map[int]int // answers other than 202
	broken   []error     // requests that got no answer
	sent     int
}

// startLoad starts senders against a webhook. Every request has its own
// connection, so that a server that closes idle ones breaks none.
func startLoad(addr, path string, senders int) *load {
	l := &load{addr: addr, path: path, statuses: map[int]int{}}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	for sender := range senders {
		l.senders.Go(func() {
			for i := 0; !l.stopped.Load(); i++ {
				l.send(client, fmt.Sprintf("load-%s-%d-%d", path, sender, i))
			}
		})
	}
	return l
}

func (l *load) send(client *http.Client, delivery string) {
	payload := fmt.Appendf(nil, `{"delivery":%q,"padding":%q}`, delivery, bytes.Repeat([]byte("x"), 700))
	answer, err := gateway.Do(client, "POST", "http://"+l.addr+l.path, gateway.GitHub(secret, "push", delivery, payload), bytes.NewReader(payload))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if err != nil {
		l.broken = append(l.broken, err)
		return
	}
	if answer.Status != http.StatusAccepted {
		l.statuses[answer.Status]++
		return
	}
	var object struct{ ID string }
	if json.Unmarshal(answer.Body, &object) == nil && object.ID != "" {
		l.acked = append(l.acked, object.ID)
	}
}

// count returns how many were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// stop ends the load.
func (l *load) stop() {
	l.stopped.Store(true)
	l.senders.Wait()
}

// missing returns the IDs that have not arrived at the sink.
func missing(sink *gateway.Sink, ids []string) []string {
	arrived := sink.Events()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return arrived[id] > 0 })
}

// allArrive waits until every acknowledged event has arrived.
func allArrive(t *testing.T, sink *gateway.Sink, ids []string) {
	t.Helper()
	if !gateway.Within(2*gateway.Patience, func() bool { return len(missing(sink, ids)) == 0 }) {
		lost := missing(sink, ids)
		t.Fatalf("%d of %d acknowledged events did not arrive, %s first", len(lost), len(ids), lost[0])
	}
}
