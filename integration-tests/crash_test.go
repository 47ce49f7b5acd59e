package integrationtests

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestCrashUnderLoad kills the process in the middle of its work: every
// acknowledged event still arrives.
func TestCrashUnderLoad(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, soon+declared("plain"))
	var acked []string
	rounds := 3
	if gateway.Full() {
		rounds = 10
	}
	for round := range rounds {
		// In odd rounds the endpoint is down, so that there is a backlog.
		if round%2 == 1 {
			sink.AnswerStatus(http.StatusServiceUnavailable)
		} else {
			sink.Answer(nil)
		}
		l := startLoad(g.Addr, fmt.Sprint("/webhooks/plain?round=", round), 8)
		gateway.Eventually(t, "some hundred are acknowledged", func() bool { return l.count() >= 300+round*50 })
		g.Kill()
		l.stop()
		for status, n := range l.statuses {
			t.Errorf("round %d: %d answers with status %d", round, n, status)
		}
		acked = append(acked, l.acked...)
		began := time.Now()
		g.Start()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("round %d: the restart took %v", round, took)
		}
	}
	sink.Answer(nil)
	allArrive(t, sink, acked)
	repeated, arrivals := 0, 0
	for _, n := range sink.Events() {
		arrivals += n
		repeated += n - 1
	}
	t.Logf("%d acknowledged, %d arrivals, %d repeated", len(acked), arrivals, repeated)
}

// TestCrashKeepsAdminWrites kills the process right after admin writes were
// answered.
func TestCrashKeepsAdminWrites(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, "")
	for round := range 3 {
		id := fmt.Sprint("hook-", round)
		g.Create(t, demo, github(id))
		g.API("PATCH", gateway.Integration(demo, id), gateway.M{"alias": "changed"}).Want(t, 200)
		g.Create(t, demo, github(id+"-gone"))
		g.API("DELETE", gateway.Integration(demo, id+"-gone"), nil).Want(t, 204)
		g.Kill()
		g.Start()
		for past := range round + 1 {
			got := g.API("GET", gateway.Integration(demo, fmt.Sprint("hook-", past)), nil).Want(t, 200).JSON(t)
			if got["alias"] != "changed" {
				t.Errorf("after a crash the alias is %v", got["alias"])
			}
			refused(t, g.API("GET", gateway.Integration(demo, fmt.Sprint("hook-", past, "-gone")), nil), 404)
		}
		push(g, t, id, fmt.Sprint("round-", round))
	}
}

// TestStopIsGraceful stops the process while an attempt is in flight.
func TestStopIsGraceful(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, soon+declared("plain"))
	begun := make(chan struct{}, 1)
	release := make(chan struct{})
	sink.Answer(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-release
	})
	id := push(g, t, "plain", "1")
	<-begun
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		g.Stop()
	}()
	// The attempt succeeds after the stop has begun: the edge no longer listens.
	gateway.Eventually(t, "the edge is closed", func() bool {
		_, err := g.Try("GET", "http://"+g.Addr+"/", nil, nil)
		return err != nil
	})
	close(release)
	<-stopped
	sink.Answer(nil)
	g.Start()
	g.WaitStatus(t, demo, "plain", id, "delivered")
}
