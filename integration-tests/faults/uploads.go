package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// uploadRow has strangers who send nearly all of a body, and hold the
// connection.
var uploadRow = []row{{
	name: "uploads", rounds: 3, quick: 1, run: strangersHold,
	fault: "strangers hold unfinished uploads, and start again when these are ended",
	injected: "20 MiB without the last byte: 7 to one webhook, 14 from 4 addresses to 4 webhooks, 40 from as many addresses; and one byte of an announced 20 MiB; " +
		"meanwhile events of 500 bytes and of 20 MiB are sent to the webhook, and one of 2 MiB in three seconds",
}}

// strangers are how many uploads are held, from how many addresses, for how
// many webhooks.
type strangers struct{ uploads, clients, hooks int }

const (
	heldUpload = 20 << 20 // bytes
	slowUpload = 2 << 20
	slowPieces = 30 // of it
	slowPause  = 100 * time.Millisecond
)

// strangersHold accepts events alone, and together with strangers of each kind.
func strangersHold(t *trial) {
	l := newLedger(t)
	trusting := strings.Replace(l.config(""), "\tpersist_config off\n",
		"\tpersist_config off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t}\n", 1)
	g := gateway.New(t, trusting, "STORE="+t.TempDir()+"/store")
	g.Start()
	hooks := []string{declared}
	for i := range 39 {
		hooks = append(hooks, fmt.Sprintf("other-%d", i))
		g.Create(t, project, gateway.M{
			"webhook_id":     hooks[i+1],
			"authentication": gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}},
			"resource":       gateway.M{"type": "ticket", "id": "T-1"},
		})
	}
	l.serves(t, g)
	alone := l.acceptTimes(t, g)

	t.each(func(int) {
		single := singleByte(g.Addr)
		texts, sent := []string{"alone " + ratesOf(alone)}, 0
		for _, s := range []strangers{{7, 1, 1}, {14, 4, 4}, {40, 40, 40}} {
			ended, stop := s.hold(t, g.Addr, hooks)
			if !gateway.Within(gateway.Patience, func() bool { return inFlight(t, g) >= 50<<20 }) {
				t.Errorf("the strangers hold no more than %s", megabytes(inFlight(t, g)))
			}
			slow := l.sendSlowly(g.Addr)
			large := l.sendLarge(t, g.Addr)
			times := l.acceptTimes(t, g)
			sent += large()
			slow()
			stop()
			if refused := l.refusals(); refused != "" {
				t.Errorf("beside %d uploads: %s", s.uploads, refused)
			}
			if late := percentile(times, 99); late > max(500*time.Millisecond, 5*percentile(alone, 99)) {
				t.Errorf("with %d uploads the p99 of an accept is %v, alone %v", s.uploads, late, percentile(alone, 99))
			}
			texts = append(texts, fmt.Sprintf("with %d uploads %s, %d of them ended", s.uploads, ratesOf(times), ended.Load()))
		}
		spent := <-single
		if spent == 0 || spent > 12*time.Second {
			t.Errorf("a single byte was held for %v", spent)
		}
		t.result("%s, none refused; accepted %s, and %d of 20 MiB; a single byte is ended after %s",
			l.check(t, g), strings.Join(texts, ", "), sent, seconds(spent))
	})
}

func ratesOf(times durations) string {
	return fmt.Sprintf("%.0f/s (p99 %d ms)", float64(len(times))/accepting.Seconds(), percentile(times, 99).Milliseconds())
}

// hold makes the strangers hold their uploads until stop is called.
func (s strangers) hold(t *trial, addr string, hooks []string) (ended *atomic.Int64, stop func()) {
	ended = new(atomic.Int64)
	quit := make(chan struct{})
	var running sync.WaitGroup
	for i := range s.uploads {
		head := uploadHead(hooks[i%s.hooks], fmt.Sprintf("198.51.100.%d", i%s.clients))
		running.Go(func() {
			for {
				select {
				case <-quit:
					return
				case <-time.After(100 * time.Millisecond):
				}
				if exchange(addr, head, heldUpload-1, quit) == http.StatusRequestTimeout {
					ended.Add(1)
				}
			}
		})
	}
	return ended, func() {
		close(quit)
		running.Wait()
	}
}

// uploadHead announces a body.
func uploadHead(hook, client string) string {
	return fmt.Sprintf("POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n"+
		"X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=%064d\r\n\r\n", hook, client, heldUpload, 0)
}

// exchange sends that much of a body and returns the status of the answer, or
// 0.
func exchange(addr, head string, size int, quit <-chan struct{}) int {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer conn.Close()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-quit:
			conn.Close()
		case <-done:
		}
	}()
	go func() {
		if _, err := io.WriteString(conn, head); err == nil {
			_, _ = conn.Write(make([]byte, size)) // ends with the connection
		}
	}()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// sendLarge sends large events, one after the other, until their number is
// asked for.
func (l *ledger) sendLarge(t *trial, addr string) (sent func() int) {
	quit, count := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-quit:
				count <- n
				return
			case <-time.After(100 * time.Millisecond):
			}
			if answer := l.send(oneShot, addr, heldUpload); answer != nil && answer.Status == http.StatusAccepted {
				n++
			}
		}
	}()
	return func() int {
		close(quit)
		return <-count
	}
}

// sendSlowly sends an event in pieces, and waits for its answer when wait is
// called.
func (l *ledger) sendSlowly(addr string) (wait func()) {
	var sending sync.WaitGroup
	slow := &http.Client{Timeout: 2 * gateway.Patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return slowConn{conn}, err
		},
	}}
	sending.Go(func() { l.send(slow, addr, slowUpload) })
	return sending.Wait
}

// slowConn sends in pieces.
type slowConn struct{ net.Conn }

func (c slowConn) Write(all []byte) (n int, err error) {
	for n < len(all) && err == nil {
		time.Sleep(slowPause)
		var wrote int
		wrote, err = c.Conn.Write(all[n:min(n+slowUpload/slowPieces, len(all))])
		n += wrote
	}
	return n, err
}

// inFlight is how many bytes the gateway reports to hold.
func inFlight(t *trial, g *gateway.Gateway) int64 { return readStatus(t, g).Limits.InFlight.Used }

// singleByte returns how long the gateway waits for an upload that announces
// much and sends a byte, or 0 without a 408.
func singleByte(addr string) <-chan time.Duration {
	spent := make(chan time.Duration, 1)
	go func() {
		began := time.Now()
		if status := exchange(addr, uploadHead(declared, "203.0.113.1"), 1, nil); status != http.StatusRequestTimeout {
			began = time.Now()
		}
		spent <- time.Since(began).Truncate(time.Millisecond)
	}()
	return spent
}
