package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// neighbours are the ways in which a resource may fail while others work, and
// how many attempts its circuit allows in neighbourTime, however many events
// there are.
var neighbours = []struct {
	name    string
	answer  http.HandlerFunc
	allowed int
}{
	{"500", answering(http.StatusInternalServerError), 5 + 3},
	{"403", answering(http.StatusForbidden), 1 + 3},
	{"429", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}, 1},
	{"no answer", func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // otherwise the end of the connection goes unnoticed
		<-r.Context().Done()
	}, 4},
}

func answering(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

const (
	// neighbourTime is how long a neighbour is observed: until just before a
	// circuit's fourth probe.
	neighbourTime = 4 * time.Second
	neighbourSent = 60
)

var neighbourRow = []row{{
	name: "neighbours", rounds: len(neighbours), quick: len(neighbours), run: besideNeighbours,
	fault: "a resource fails while others of the same trigger and project work: it answers 500, 403, 429 with Retry-After, or nothing",
	injected: fmt.Sprintf("an endpoint that does so for one resource that worked before, with %d events for it at once, while events for another one are delivered; "+
		"attempts are counted in the first %d seconds", neighbourSent, int(neighbourTime.Seconds())),
}}

// besideNeighbours makes each of the neighbours fail while another resource
// works.
func besideNeighbours(t *trial) {
	good := newLedger(t)
	var failing atomic.Pointer[http.HandlerFunc]
	var attempts atomic.Int64
	var bad atomic.Pointer[ledger]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/bad") {
			good.receive(w, r)
			return
		}
		attempts.Add(1)
		if answer := failing.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		bad.Load().receive(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	good.URL = server.URL
	var integrations strings.Builder
	for i := range neighbours {
		fmt.Fprintf(&integrations, "integration neighbour-%d {\nproject %s\nsignature github %q\nresource ticket bad-%d\n}\n", i, project, secret, i)
	}
	config := strings.Replace(good.config(integrations.String()), "max 500ms", "max 10s", 1)
	g := gateway.New(t, config, "STORE="+t.TempDir()+"/store")
	g.Start()
	usual := percentile(deliveryTimes(good, g, neighbourTime), 99)

	var parts []string
	sent := 0
	t.each(func(round int) {
		n := neighbours[round%len(neighbours)]
		theirs := newLedger(t)
		theirs.hook = fmt.Sprint("neighbour-", round%len(neighbours))
		bad.Store(theirs)
		burst(neighbourSent, func() { theirs.send(oneShot, g.Addr, 500) })
		theirs.settle(g) // the resource has worked, even with many events at once
		failing.Store(&n.answer)
		attempts.Store(0)
		burst(neighbourSent, func() { theirs.send(oneShot, g.Addr, 500) })
		late := percentile(deliveryTimes(good, g, neighbourTime), 99)
		spent := int(attempts.Load())
		if late > max(time.Second, 3*usual) {
			t.Errorf("with %s the others' p99 is %v, without it %v", n.name, late, usual)
		}
		if spent == 0 || spent > n.allowed {
			t.Errorf("%d attempts for %s, at most %d are allowed", spent, n.name, n.allowed)
		}
		parts = append(parts, fmt.Sprintf("with %s %d ms, %s of %d events", n.name, late.Milliseconds(), plural(spent, "attempt"), neighbourSent))
		failing.Store(nil)
		mustReload(t, g, config) // closes the circuits
		server.CloseClientConnections()
		if lost := append(theirs.settle(g), good.settle(g)...); len(lost) > 0 {
			t.Errorf("%d acknowledged events are lost, %s first", len(lost), lost[0])
		}
		sent += theirs.count()
	})
	t.result("p99 of the others' deliveries %d ms without it; %s; 0 of %d lost",
		usual.Milliseconds(), strings.Join(parts, "; "), good.count()+sent)
}

// burst calls do n times, all at once.
func burst(n int, do func()) {
	var running sync.WaitGroup
	for range n {
		running.Go(do)
	}
	running.Wait()
}
