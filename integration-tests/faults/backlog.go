package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// The backlog is spread over a few integrations, because one may hold a quarter
// of the limit.
const (
	backlogEvents = 1_000_000
	backlogQuick  = 50_000
	backlogHooks  = 4
	backlogBody   = 1000 // bytes
	windows       = 100  // of the backlog, for which the rate is measured
	senders       = 32
)

// backlog keeps an endpoint down until a million events wait for it.
func backlog(t *trial) {
	total := backlogEvents
	if t.quick {
		total = backlogQuick
	}
	b := newCounted(t, total)
	g := gateway.New(t, b.config(), "STORE="+t.TempDir()+"/store")
	g.Start()
	pace := b.fill(t, g)
	most := memory(t, g.PID(), "VmHWM")
	first, atFirst := pace.over(windows/20, windows*3/10)
	last, atLast := pace.over(windows*3/4, windows)
	slower := 1 - atLast/atFirst

	// A crash, and the next 202 after it.
	g.Kill()
	began := time.Now()
	g.Start()
	gateway.Eventually(t, "an event is accepted", func() bool { return b.post(g, "hook-0", total) == nil })
	serves := time.Since(began)
	most = max(most, memory(t, g.PID(), "VmHWM"))

	began = time.Now()
	b.revive(t)
	other := b.firstOfOther(t, g)
	left := len(b.arrived)
	for left > 0 && gateway.Within(2*time.Minute, func() bool { return b.missing() < left }) {
		left = b.missing()
	}
	drained := time.Since(began)
	most = max(most, memory(t, g.PID(), "VmHWM"))

	if left > 0 {
		t.Errorf("%d of %d acknowledged events have not arrived", left, len(b.arrived))
	}
	// A few thousand events say little about speed.
	if other > time.Second && !t.quick {
		t.Errorf("another integration's first event arrived after %s", seconds(other))
	}
	if slower > 0.1 && !t.quick {
		t.Errorf("accepting slowed down by %.0f %%, from %.0f/s to %.0f/s", 100*slower, first, last)
	}
	if most > 300<<20 {
		t.Errorf("the memory reached %s", megabytes(most))
	}
	if serves > 5*time.Second {
		t.Errorf("a restart served after %s", seconds(serves))
	}
	t.result("%d events pending; accepted %.0f/s at first (%.2f × `respond 202`), %.0f/s at the end (%.2f ×); memory at most %s; serves again %s after a kill; then drained at %.0f/s, another integration's first event meanwhile took %d ms; 0 lost, %d arrived more than once",
		total, first, atFirst, last, atLast, megabytes(most), seconds(serves), float64(total)/drained.Seconds(), other.Milliseconds(), b.repeated())
}

// counted records for each of its many events, in one byte, whether it was
// acknowledged and how often it arrived.
type counted struct {
	total   int
	addr    string // of the endpoint
	body    []byte
	header  string
	arrived []atomic.Uint32
}

func newCounted(t *trial, total int) *counted {
	b := &counted{total: total, addr: gateway.FreeAddr(t), arrived: make([]atomic.Uint32, total+2)}
	b.body = fmt.Appendf(nil, `{"padding":%q}`, strings.Repeat("x", backlogBody))
	b.header = fmt.Sprintf("Host: localhost\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n",
		gateway.SHA256(secret, b.body), len(b.body))
	return b
}

// config has the integrations, and an endpoint where nothing listens.
func (b *counted) config() string {
	var options strings.Builder
	fmt.Fprintf(&options, "storage badger {\npath {$STORE}\n}\nretry {\nmax 5s\n}\ntrigger http ticket http://%s\n", b.addr)
	for n := range backlogHooks + 1 {
		fmt.Fprintf(&options, "integration hook-%d {\nproject project-%d\nsignature github %q\nresource ticket T-1\n}\n", n, n, secret)
	}
	return strings.Replace(gateway.Config(options.String(), "\twebhooks /webhooks/*\n\trespond 202\n"), "level DEBUG", "level WARN", 1)
}

// pace is how fast events were accepted, window by window, and how fast a site
// that does nothing else answered the same connections in between: what the
// machine could do at that time, given its other work.
type pace struct{ accepted, floor []float64 } // per second

// over returns the median of a range of windows: events per second, and
// relative to the floor.
func (p *pace) over(from, to int) (rate, ratio float64) {
	var ratios []float64
	for i := from; i < to; i++ {
		ratios = append(ratios, p.accepted[i]/p.floor[i])
	}
	return median(p.accepted[from:to]), median(ratios)
}

// fill sends all events.
func (b *counted) fill(t *trial, g *gateway.Gateway) (p pace) {
	var lanes []lane
	for range senders {
		l, err := dial(g)
		if err != nil {
			t.Fatal(err)
		}
		defer l.conn.Close()
		lanes = append(lanes, l)
	}
	for window := range windows {
		from, to := b.total*window/windows, b.total*(window+1)/windows
		p.accepted = append(p.accepted, b.burst(t, lanes, from, to, func(n int) string { return fmt.Sprint("/webhooks/hook-", n%backlogHooks) }))
		p.floor = append(p.floor, b.burst(t, lanes, 0, (to-from)/5, func(int) string { return "/" }))
		t.progress(fmt.Sprintf("%d accepted", to))
	}
	return p
}

// burst sends requests over all connections at once, and returns how many were
// answered per second.
func (b *counted) burst(t *trial, lanes []lane, from, to int, path func(n int) string) float64 {
	var next atomic.Int64
	next.Store(int64(from))
	var running sync.WaitGroup
	failed := make(chan error, len(lanes))
	began := time.Now()
	for _, l := range lanes {
		running.Go(func() {
			for n := int(next.Add(1) - 1); n < to && t.ctx.Err() == nil; n = int(next.Add(1) - 1) {
				if err := b.exchange(l, path(n), n); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	running.Wait()
	select {
	case err := <-failed:
		t.Fatalf("filling the backlog: %v", err)
	default:
	}
	return float64(to-from) / time.Since(began).Seconds()
}

// lane is a connection to the gateway.
type lane struct {
	conn    net.Conn
	answers *bufio.Reader
}

func dial(g *gateway.Gateway) (lane, error) {
	conn, err := net.Dial("tcp", g.Addr)
	return lane{conn, bufio.NewReader(conn)}, err
}

// exchange sends one event and expects a 202.
func (b *counted) exchange(l lane, path string, n int) error {
	if _, err := fmt.Fprintf(l.conn, "POST %s HTTP/1.1\r\nX-GitHub-Delivery: %d\r\n%s\r\n%s", path, n, b.header, b.body); err != nil {
		return err
	}
	answer, err := http.ReadResponse(l.answers, nil)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return err
}

// post sends one event over its own connection.
func (b *counted) post(g *gateway.Gateway, hook string, n int) error {
	l, err := dial(g)
	if err != nil {
		return err
	}
	defer l.conn.Close()
	return b.exchange(l, "/webhooks/"+hook, n)
}

// firstOfOther sends the first event of an integration without a backlog while
// the backlog is delivered, and returns how long it took to arrive.
func (b *counted) firstOfOther(t *trial, g *gateway.Gateway) time.Duration {
	if !gateway.Within(2*time.Minute, func() bool { return b.missing() < len(b.arrived)-500 }) {
		t.Fatalf("the backlog is not delivered")
	}
	n := len(b.arrived) - 1
	began := time.Now()
	if err := b.post(g, fmt.Sprint("hook-", backlogHooks), n); err != nil {
		t.Fatalf("sending during the drain: %v", err)
	}
	gateway.Eventually(t, "another integration's first event has arrived", func() bool { return b.arrived[n].Load() > 0 })
	return time.Since(began)
}

// revive starts the endpoint.
func (b *counted) revive(t *trial) {
	listener := gateway.Listen(t, b.addr)
	server := httptest.NewUnstartedServer(http.HandlerFunc(b.receive))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
}

func (b *counted) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	n, notNumber := strconv.Atoi(r.Header.Get("X-Webhook-Delivery"))
	if err != nil || notNumber != nil || n >= len(b.arrived) || !bytes.Equal(body, b.body) {
		w.WriteHeader(http.StatusInternalServerError) // nobody sent this
		return
	}
	b.arrived[n].Add(1)
	w.WriteHeader(http.StatusNoContent)
}

// missing counts the events that have not arrived.
func (b *counted) missing() (n int) {
	for i := range b.arrived {
		if b.arrived[i].Load() == 0 {
			n++
		}
	}
	return n
}

// repeated counts the events that arrived more than once.
func (b *counted) repeated() (n int) {
	for i := range b.arrived {
		if b.arrived[i].Load() > 1 {
			n++
		}
	}
	return n
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
