package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// reloads loads one configuration after another under load: with other limits,
// with other options, broken ones, during uploads, and while attempts have to
// end first.
func reloads(t *trial) {
	l := newLedger(t)
	plain := gateway.FreeAddr(t)
	g := gateway.New(t, l.generation(0, plain), "STORE="+t.TempDir()+"/store")
	g.Start()
	for n := range 10 { // until what they leave behind is constant
		mustReload(t, g, l.generation(n, plain))
	}
	before := footprintOf(t, g)

	// Each request has its own connection: a reload closes idle ones.
	var site plainSite
	stopEvents := repeat(4, 5*time.Millisecond, func() { l.send(oneShot, g.Addr, 700) })
	stopSite := repeat(4, 5*time.Millisecond, func() { site.send(plain) })
	defer stopEvents()
	defer stopSite()
	var uploads, broken int
	t.each(func(round int) {
		so := l.count()
		gateway.Eventually(t, "events come in", func() bool { return l.count() >= so+15 })
		l.answers(nil)
		if round%3 == 1 { // attempts are in flight
			l.answers(func(*http.Request) int {
				time.Sleep(300 * time.Millisecond)
				return http.StatusNoContent
			})
		}
		var open *upload
		if round%5 == 2 {
			open = l.startUpload(t, g)
			uploads++
		}
		if round%7 == 3 {
			broken++
			if reload(g, l.broken(round, plain)) == nil {
				t.Errorf("a broken configuration was loaded")
			}
		} else {
			mustReload(t, g, l.generation(round, plain))
		}
		if open != nil {
			open.finish(t, l)
		}
	})
	stopEvents()
	stopSite()
	says := l.check(t, g)
	mustReload(t, g, l.generation(0, plain)) // releases connections
	l.mu.Lock()
	unanswered, refused := l.unknown, l.refused
	l.mu.Unlock()
	for status, n := range refused {
		t.Errorf("%d answers with status %d", n, status)
	}
	// Caddy closes connections while it hands over a listener.
	if most := 10 + 3*int(site.broken.Load()); unanswered > most {
		t.Errorf("%d requests were not answered, at the plain site %d", unanswered, site.broken.Load())
	}
	if twice := l.twice(); twice > 0 {
		t.Errorf("%d events arrived more than once", twice)
	}
	t.result("%d of them broken, %d uploads across a reload; %s; connections closed by Caddy: %d of %d, at the `respond 202` site %d of %d; %s",
		broken, uploads, says, unanswered, l.count()+unanswered, site.broken.Load(), site.sent.Load(), before.returns(t, g))
}

// generation is a configuration that differs from the previous one, with a site
// at the address that only responds.
func (l *ledger) generation(n int, plain string) string {
	options := []string{
		"",
		"concurrency {\ntotal 20\ntrigger 10\nintegration 5\n}",
		"limits {\nbacklog 100000\nin_flight 64MiB\n}",
		"retention {\ndelivered 1d\n}",
		"public_url https://hooks.example.com/",
	}
	_, port, _ := net.SplitHostPort(plain)
	return l.config(options[n%len(options)]) + fmt.Sprintf("\nhttp://:%s {\n\tbind 127.0.0.1\n\theader X-Generation %d\n\trespond 202\n}\n", port, n)
}

// broken is a configuration that cannot be loaded, for one reason or another.
func (l *ledger) broken(n int, plain string) string {
	good := l.generation(n, plain)
	return []string{
		good + "\nbroken {",
		strings.Replace(good, "webhooks {", "webhooks {\nsurprise\n", 1),
		strings.Replace(good, fmt.Sprintf("%q", secret), "{env.HOOKGATE_UNSET}", 1),
		strings.Replace(good, "storage badger {", "storage badger {\nencryption_key c2hvcnQ=", 1),
		strings.Replace(good, "path {$STORE}", "path /proc/hookgate", 1),
		good + "\nhttp://127.0.0.1:1 {\n\tbind 192.0.2.1\n\trespond 200\n}\n", // an address that belongs to nobody
	}[n%6]
}

// twice counts the events that arrived more than once.
func (l *ledger) twice() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, arrivals := range l.arrived {
		if arrivals > 1 {
			n++
		}
	}
	return n
}

// upload is a request that was sent half way.
type upload struct {
	delivery string
	conn     net.Conn
	answers  *bufio.Reader
	rest     []byte
}

// startUpload waits until the handler reads the body: before that, Caddy may
// close the connection.
func (l *ledger) startUpload(t *trial, g *gateway.Gateway) *upload {
	delivery, body := l.draw(256 << 10)
	head := new(strings.Builder)
	fmt.Fprintf(head, "POST /webhooks/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", l.hook, len(body))
	if err := gateway.GitHub(secret, "push", delivery, body).Write(head); err != nil {
		t.Fatal(err)
	}
	u := &upload{delivery: delivery}
	gateway.Eventually(t, "an upload has begun", func() bool {
		var err error
		if u.conn, err = net.Dial("tcp", g.Addr); err != nil {
			return false
		}
		u.answers = bufio.NewReader(u.conn)
		_, err = io.WriteString(u.conn, head.String()+"\r\n")
		if line, readErr := u.answers.ReadString('\n'); err != nil || readErr != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
			u.conn.Close()
			return false
		}
		return true
	})
	half := len(body) / 2
	if _, err := u.conn.Write(body[:half]); err != nil {
		t.Fatal(err)
	}
	u.rest = body[half:]
	return u
}

// finish sends the rest and expects the event to be accepted.
func (u *upload) finish(t *trial, l *ledger) {
	defer u.conn.Close()
	if _, err := u.conn.Write(u.rest); err != nil {
		t.Errorf("an upload broke during a reload: %v", err)
		return
	}
	if _, err := u.answers.ReadString('\n'); err != nil { // the line after the 100
		t.Errorf("an upload broke during a reload: %v", err)
		return
	}
	answer, err := http.ReadResponse(u.answers, nil)
	if err != nil {
		t.Errorf("an upload got no answer after a reload: %v", err)
		return
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusAccepted {
		t.Errorf("an upload was answered %d after a reload: %s", answer.StatusCode, body)
		return
	}
	var accepted struct{ ID string }
	if err := json.Unmarshal(body, &accepted); err != nil {
		t.Errorf("an upload was answered %s: %v", body, err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[accepted.ID] = u.delivery
}

// draw creates the next event.
func (l *ledger) draw(size int) (delivery string, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbered++
	delivery = fmt.Sprintf("delivery-%d", l.numbered)
	body = fmt.Appendf(nil, `{"delivery":%q,"padding":%q}`, delivery, strings.Repeat("x", size))
	l.sent[delivery] = sha256.Sum256(body)
	return delivery, body
}

// plainSite counts the requests to a site that answers by itself.
type plainSite struct{ sent, broken atomic.Int64 }

func (p *plainSite) send(addr string) {
	p.sent.Add(1)
	if _, err := gateway.Do(oneShot, http.MethodPost, "http://"+addr+"/", nil, strings.NewReader("x")); err != nil {
		p.broken.Add(1)
	}
}
