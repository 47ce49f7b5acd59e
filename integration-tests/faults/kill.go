package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// newGateway prepares a gateway with the ledger's configuration and its store
// in a directory of its own.
func (l *ledger) newGateway(t *trial, options string) *gateway.Gateway {
	return gateway.New(t, l.config(options), "STORE="+filepath.Join(t.TempDir(), "store"))
}

// oneShot opens a connection for each request: the gateway that answered the
// last one may be gone.
var oneShot = &http.Client{Timeout: gateway.Patience, Transport: &http.Transport{DisableKeepAlives: true}}

// serves waits until an event is acknowledged.
func (l *ledger) serves(t *trial, g *gateway.Gateway) {
	gateway.Eventually(t, "an event is accepted", func() bool {
		answer := l.send(oneShot, g.Addr, 100)
		return answer != nil && answer.Status == http.StatusAccepted
	})
}

// killUnderLoad kills the process again and again in the middle of its work.
func killUnderLoad(t *trial) {
	l := newLedger(t)
	g := l.newGateway(t, "")
	g.Start()
	var ready []time.Duration
	t.each(func(round int) {
		if round%2 == 1 {
			l.answers(down)
		} else {
			l.answers(nil)
		}
		work := l.start(g.Addr, 8, 700, 4*time.Millisecond)
		select {
		case <-t.ctx.Done():
		case <-time.After(time.Duration(50+rand.IntN(550)) * time.Millisecond):
		}
		g.Kill()
		work.stop()
		began := time.Now()
		g.Start()
		l.serves(t, g)
		ready = append(ready, time.Since(began))
	})
	text := l.check(t, g)
	slices.Sort(ready)
	t.result("%s; accepts again %s after the start, at most %s", text, seconds(ready[len(ready)/2]), seconds(ready[len(ready)-1]))
	if l.count() < t.rounds*20 {
		t.Errorf("only %d events were acknowledged: that proves little", l.count())
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
