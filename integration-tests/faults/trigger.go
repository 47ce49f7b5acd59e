package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
	"github.com/hookgate/hookgate/module/storage"
)

// misbehaviour is what an endpoint does wrong.
type misbehaviour struct {
	name, fault string
	behave      behaviour
	// url is what the trigger is configured with; default: the endpoint.
	url    func(e *wrongEndpoint) string
	secure bool // the endpoint speaks TLS, with its own certificate
	events int  // default 60
	// Of the events while it lasts, and of the attempts that fail.
	status, code string
	// repeats means that it accepts an event at the second attempt, not before
	// retryAfter has passed.
	repeats bool
	// recovers means that it recovers by itself; others are replaced.
	recovers bool
}

var misbehaviours = []misbehaviour{
	{
		name: "slow", fault: "an endpoint answers slowly",
		behave: slowly, status: "delivered",
	},
	{
		name: "silent", fault: "an endpoint accepts requests and never answers",
		behave: hangs(""), status: "pending", code: "timeout",
	},
	{
		name: "stalls", fault: "an endpoint hangs in the middle of its answer, after the status",
		behave: hangs("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"), status: "delivered",
	},
	{
		name: "garbage", fault: "an endpoint answers with something that is not HTTP",
		behave: breaks("\x00\xff\x16SSH-2.0-garbage\r\n\r\n"), status: "pending", code: "connect",
	},
	{
		name: "closes", fault: "an endpoint closes the connection before answering",
		behave: breaks(""), status: "pending", code: "connect",
	},
	{
		name: "breaks", fault: "an endpoint closes the connection in the middle of its answer, after the status",
		behave: breaks("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"), status: "delivered",
	},
	{
		name: "limits", fault: "an endpoint answers 429 with Retry-After in seconds",
		behave: limits(inSeconds), status: "delivered", events: 4, repeats: true,
	},
	{
		name: "limits-date", fault: "an endpoint answers 429 with Retry-After as a date",
		behave: limits(asDate), status: "delivered", events: 4, repeats: true,
	},
	{
		name: "down", fault: "an endpoint answers 503 for a while",
		behave: answers("503 Service Unavailable"), status: "pending", code: "status", recovers: true,
	},
	{
		name: "redirects", fault: "an endpoint redirects to an internal address",
		status: "pending", code: "redirect",
	},
	{
		name: "floods", fault: "an endpoint answers with a gigabyte",
		behave: floods("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", strings.Repeat("x", 1000)), status: "delivered",
	},
	{
		name: "headers", fault: "an endpoint's header never ends",
		behave: floods("HTTP/1.1 200 OK\r\n", "X-Endless: "+strings.Repeat("x", 1000)+"\r\n"), status: "pending", code: "connect",
	},
	{
		name: "tls", fault: "an endpoint's certificate is not trusted", secure: true,
		url:    func(e *wrongEndpoint) string { return "https://" + e.addr },
		behave: answers("204 No Content"), status: "pending", code: "tls",
	},
	{
		name: "dns", fault: "an endpoint's name does not resolve",
		url:    func(*wrongEndpoint) string { return "http://endpoint.invalid" },
		behave: answers("204 No Content"), status: "pending", code: "dns",
	},
}

// triggerRows are the misbehaviours as rows.
func triggerRows() (all []row) {
	for _, m := range misbehaviours {
		all = append(all, row{
			name: "trigger-" + m.name, fault: m.fault, rounds: 1, quick: 1, run: m.run,
			injected: "a raw TCP endpoint behind one trigger, while events of another one are accepted and delivered",
		})
	}
	return all
}

// longRows are the rows for a backlog, for reloads and for the clock.
var longRows = []row{
	{
		name: "backlog", rounds: 1, quick: 1, run: backlog, limit: 30 * time.Minute,
		fault:    "an endpoint is down for so long that 1,000,000 events wait for it",
		injected: "nothing listens at its address; then SIGKILL, a restart, and the endpoint comes up (50,000 events with -quick)",
	},
	{
		name: "reload", rounds: 200, quick: 20, run: reloads,
		fault:    "the configuration is reloaded under load",
		injected: "changed limits and options, broken configurations, uploads across a reload, attempts in flight; one connection per request",
	},
	{
		name: "clock", rounds: 1, quick: 1, run: clockJumps, needs: []need{needTools("go")},
		fault:    "the wall clock jumps by an hour and by a year, forwards and backwards",
		injected: "in the engine, not in the binary: tests of the dispatcher and the event log with their own clock, between two runs and during one",
	},
}

const hookOfWrong = "wrong"

// config is the ledger's, with the wrong endpoint behind a second trigger.
func (m misbehaviour) config(good *ledger, url string) string {
	config := good.config(fmt.Sprintf(`integration %s {
	project %s
	signature github %q
	resource wrong W-1
}
trigger http wrong %s {
	timeout 1s
}
`, hookOfWrong, project, secret, url))
	return strings.Replace(config, "max 500ms", "max 5s", 1)
}

// run sends events for the wrong endpoint among others, observes them while the
// fault lasts, ends it, and checks that everything arrives.
func (m misbehaviour) run(t *trial) {
	good, wrong := newLedger(t), newLedger(t)
	wrong.hook = hookOfWrong
	e := m.endpoint(t, wrong)
	url := "http://" + e.addr
	if m.url != nil {
		url = m.url(e)
	}
	g := gateway.New(t, m.config(good, url), "STORE="+t.TempDir()+"/store")
	g.Start()
	usual := deliveryTimes(good, g, time.Second)
	mustReload(t, g, m.config(good, url)) // releases its connections
	before := footprintOf(t, g)
	memoryBefore := memory(t, g.PID(), "VmRSS")
	stop := peak(g.PID())

	t.each(func(int) {
		for range m.count() {
			wrong.send(oneShot, g.Addr, 500)
		}
		during := deliveryTimes(good, g, 2*time.Second)
		m.look(t, g, wrong, e)
		if m.recovers {
			e.right.Store(true)
			wrong.idle(t, g)
		}
		mustReload(t, g, m.config(good, wrong.URL))
		lost := append(wrong.settle(g), good.settle(g)...)
		if len(lost) > 0 {
			t.Errorf("%d acknowledged events are lost, %s first", len(lost), lost[0])
		}
		mustReload(t, g, m.config(good, url))
		most := stop()
		if grown := most - memoryBefore; grown > 100<<20 {
			t.Errorf("the memory has grown by %s", megabytes(grown))
		}
		if late := percentile(during, 99); late > max(500*time.Millisecond, 3*percentile(usual, 99)) {
			t.Errorf("the other trigger's p99 is %v, before %v", late, percentile(usual, 99))
		}
		t.result("%s meanwhile, 0 of %d lost; the other trigger's p99 %d ms (before %d ms); memory at most %s (before %s); %s",
			m.outcome(), wrong.count()+good.count(), percentile(during, 99).Milliseconds(), percentile(usual, 99).Milliseconds(),
			megabytes(most), megabytes(memoryBefore), before.returns(t, g))
	})
}

func (m misbehaviour) endpoint(t *trial, l *ledger) *wrongEndpoint {
	inside := new(atomic.Int64)
	behave := m.behave
	if behave == nil {
		addr := listen(t, func(net.Conn) { inside.Add(1) })
		behave = answers("307 Temporary Redirect", "Location: http://"+addr+"/")
	}
	e := newWrongEndpoint(t, l, behave, m.secure)
	e.inside = inside
	return e
}

func (m misbehaviour) count() int {
	if m.events == 0 {
		return 60
	}
	return m.events
}

// outcome describes the state of the events while the fault lasts.
func (m misbehaviour) outcome() string {
	if m.code == "" {
		return m.status
	}
	return fmt.Sprintf("%s with error `%s`", m.status, m.code)
}

// look checks that the events are as they must be while the fault lasts.
func (m misbehaviour) look(t *trial, g *gateway.Gateway, l *ledger, e *wrongEndpoint) {
	first := l.first()
	record := g.WaitStatus(t, project, l.hook, first, m.status)
	attempts, _ := record["attempts"].([]any)
	if m.code != "" {
		if len(attempts) == 0 {
			t.Fatalf("event %s was not attempted", first)
		}
		for _, attempt := range attempts {
			if got := attempt.(gateway.M)["error"]; got != m.code {
				t.Errorf("an attempt ended with %v, want %s", got, m.code)
			}
		}
	}
	if m.repeats {
		if wait := e.waits(); wait < retryAfter {
			t.Errorf("repeated after %v", wait)
		}
	}
	if n := e.inside.Load(); n > 0 {
		t.Errorf("%d connections to the address inside", n)
	}
	// What the other side's kernel buffers has not been read yet.
	if each := e.written.Load() / int64(m.count()); each > 32<<20 {
		t.Errorf("%s of each answer were taken", megabytes(each))
	}
}

// deliveryTimes sends events for a while and returns how long each took from
// its acceptance to the endpoint.
func deliveryTimes(l *ledger, g *gateway.Gateway, d time.Duration) (all []time.Duration) {
	var mu sync.Mutex
	l.answers(func(r *http.Request) int {
		took := sinceAccepted(r.Header.Get("Webhook-Id"))
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took)
		return http.StatusNoContent
	})
	work := l.start(g.Addr, 4, 500, 20*time.Millisecond)
	time.Sleep(d)
	work.stop()
	l.settle(g)
	return all
}

// sinceAccepted is how long ago an event was accepted: its ID begins with the
// time, in milliseconds.
func sinceAccepted(event string) time.Duration {
	id, err := storage.ParseID(event)
	if err != nil {
		return time.Hour
	}
	return time.Since(time.UnixMilli(int64(binary.BigEndian.Uint64(id[:]) >> 16)))
}

// first is the first acknowledged event.
func (l *ledger) first() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Min(slices.Collect(maps.Keys(l.acked)))
}

func percentile(all []time.Duration, n int) time.Duration {
	if len(all) == 0 {
		return time.Hour // it never came
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)*n/100]
}
