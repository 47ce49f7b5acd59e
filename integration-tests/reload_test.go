package integrationtests

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestReloadUnderLoad reloads the configuration while events arrive. Nothing is
// lost, and every request that reached the handler is answered; connections
// that Caddy closes while it hands over its listeners are counted at a plain
// site in the same run.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	control := gateway.FreeAddr(t)
	config := func(generation int) string {
		return gateway.Config(soon+declared("plain", fmt.Sprintf("alias %d", generation))+gateway.Ticket(sink), gateway.Edge) +
			fmt.Sprintf("\nhttp://:%s {\n\tbind 127.0.0.1\n\theader X-Generation %d\n\trespond 202\n}\n", control[strings.LastIndex(control, ":")+1:], generation)
	}
	g := gateway.Start(t, config(0))
	l, plain := startLoad(g.Addr, "/webhooks/plain", 4), startLoad(control, "/", 4)
	reloads := 8
	if gateway.Full() {
		reloads = 30
	}
	for generation := range reloads {
		before := l.count()
		gateway.Eventually(t, "events come in", func() bool { return l.count() > before+30 })
		if generation%4 == 3 { // a failing one in between
			if out, err := g.TryReload(config(generation) + "\nbroken {"); err == nil {
				t.Errorf("a broken configuration was loaded: %s", out)
			}
			continue
		}
		g.Reload(config(generation + 1))
	}
	l.stop()
	plain.stop()
	t.Logf("%d events of %d acknowledged, %d broken; at the plain site %d of %d broken",
		len(l.acked), l.sent, len(l.broken), len(plain.broken), plain.sent)
	for status, n := range l.statuses {
		t.Errorf("%d answers with status %d", n, status)
	}
	if handled := edgeRequests(t, g); handled != len(l.acked) {
		t.Errorf("%d requests reached the handler, %d were answered", handled, len(l.acked))
	}
	if len(l.broken) > 10+3*len(plain.broken) {
		t.Errorf("%d requests broke, at the plain site %d: %v", len(l.broken), len(plain.broken), l.broken[0])
	}
	allArrive(t, sink, l.acked)
	for id, n := range sink.Events() {
		if n > 1 {
			t.Errorf("event %s arrived %d times", id, n)
		}
	}
}

// edgeRequests returns how many requests have reached the handler, by its
// metric.
func edgeRequests(t *testing.T, g *gateway.Gateway) int {
	t.Helper()
	total := 0.0
	for line := range strings.Lines(string(g.API("GET", "/metrics", nil).Want(t, 200).Body)) {
		if strings.HasPrefix(line, "caddy_webhooks_requests_total{") {
			n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	return int(total)
}

// upload is a half-sent request.
type upload struct {
	conn *gateway.Conn
	rest string
}

func startUpload(t *testing.T, g *gateway.Gateway, id, delivery string) upload {
	t.Helper()
	payload := fmt.Sprintf(`{"delivery":%q,"padding":%q}`, delivery, strings.Repeat("x", 1<<20))
	conn := gateway.Dial(t, g.Addr)
	conn.Send(fmt.Sprintf("POST /webhooks/%s HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n%s",
		id, delivery, gateway.SHA256(secret, []byte(payload)), len(payload), payload[:1<<19]))
	return upload{conn, payload[1<<19:]}
}

func (u upload) finish() *gateway.Answer {
	u.conn.Send(u.rest)
	return u.conn.Answer()
}

func TestReloadDuringUpload(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(options string) string { return gateway.Config(options+gateway.Ticket(sink), gateway.Edge) }
	at := func(path string) string { return "storage badger {\npath {$DIR}/" + path + "\n}\n" }
	g := gateway.Start(t, config(at("one")+declared("plain")))

	u := startUpload(t, g, "plain", "same store")
	g.Reload(config(at("one") + declared("plain", "alias second")))
	sink.Wait(accept(t, u.finish()))

	// Another store: the event being received is stored in one of the two, and
	// arrives at the latest when that one is configured again.
	u = startUpload(t, g, "plain", "other store")
	g.Reload(config(at("two") + declared("plain")))
	id := accept(t, u.finish())
	sink.Wait(push(g, t, "plain", "in the other store"))
	g.Reload(config(at("one") + declared("plain")))
	gateway.Eventually(t, "the event has arrived", func() bool { return len(sink.Of(id)) > 0 })
}

// TestReloadToAStoreThatCloses returns to a store while it is still being
// closed: the last request has gone, but an attempt is still in flight.
func TestReloadToAStoreThatCloses(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := func(path string) string {
		return gateway.Config("storage badger {\npath {$DIR}/"+path+"\n}\n"+declared("plain")+gateway.Ticket(sink), gateway.Edge)
	}
	g := gateway.Start(t, config("one"))
	release := make(chan struct{})
	sink.Answer(func(http.ResponseWriter, *http.Request) { <-release })
	id := push(g, t, "plain", "slow to deliver")
	sink.Wait(id)
	u := startUpload(t, g, "plain", "the last request")
	g.Reload(config("two"))
	last := accept(t, u.finish())
	time.AfterFunc(500*time.Millisecond, func() { close(release) })
	g.Reload(config("one"))
	gateway.Eventually(t, "both are delivered", func() bool {
		return g.Event(t, demo, "plain", id)["status"] == "delivered" && g.Event(t, demo, "plain", last)["status"] == "delivered"
	})
}

// TestChangeDuringUpload changes an integration while a request to it is still
// arriving: it is judged by the state when it is complete.
func TestChangeDuringUpload(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, "")
	g.Create(t, demo, github("gh"))
	patch := func(change gateway.M) { g.API("PATCH", gateway.Integration(demo, "gh"), change).Want(t, 200) }
	secrets := func(secrets ...string) gateway.M {
		return gateway.M{"authentication": gateway.M{"signature": gateway.M{"secrets": secrets}}}
	}
	u := startUpload(t, g, "gh", "alias")
	patch(gateway.M{"alias": "changed"})
	sink.Wait(accept(t, u.finish()))

	u = startUpload(t, g, "gh", "disabled")
	patch(gateway.M{"is_enabled": false})
	problem(t, u.finish(), 404)
	patch(gateway.M{"is_enabled": true})

	u = startUpload(t, g, "gh", "secret")
	patch(secrets(oldSecret))
	problem(t, u.finish(), 401)

	u = startUpload(t, g, "gh", "rotation")
	patch(secrets(oldSecret, secret))
	accept(t, u.finish())
}

func TestReloadThatFails(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	taken := gateway.Listen(t, gateway.FreeAddr(t)).Addr().String()
	good := gateway.Config(soon+declared("plain")+gateway.Ticket(sink), gateway.Edge)
	g := gateway.Start(t, good)
	for name, config := range map[string]string{
		"unknown option":       strings.Replace(good, "webhooks {", "webhooks {\nsurprise\n", 1),
		"unset secret":         strings.Replace(good, fmt.Sprintf("%q", secret), "{env.HOOKGATE_UNSET}", 1),
		"missing secret file":  strings.Replace(good, fmt.Sprintf("%q", secret), "{file./nonexistent}", 1),
		"unknown resource":     strings.Replace(good, "resource ticket", "resource unheard-of", 1),
		"port taken":           good + "\nhttp://" + taken + " {\n\trespond 200\n}\n",
		"bad encryption key":   strings.Replace(good, "webhooks {", "webhooks {\nstorage badger {\nencryption_key c2hvcnQ=\n}\n", 1),
		"unwritable store":     strings.Replace(good, "webhooks {", "webhooks {\nstorage badger {\npath /proc/hookgate\n}\n", 1),
		"retry without a unit": strings.Replace(good, "max 100ms", "max 100", 1),
	} {
		if config == good {
			t.Fatalf("%s: nothing is wrong with the configuration", name)
		}
		out, err := g.TryReload(config)
		if err == nil {
			t.Errorf("%s: the configuration was loaded", name)
		}
		if strings.Contains(out, secret) {
			t.Errorf("%s: the error shows a secret:\n%s", name, out)
		}
		sink.Wait(push(g, t, "plain", "after "+name))
		if status := g.API("GET", "/webhooks/status", nil); status.Status != http.StatusOK {
			t.Errorf("%s: the admin API answers %d: %s", name, status.Status, status.Body)
		}
	}
	g.Reload(strings.Replace(good, "project demo", "project demo\nalias again", 1))
	sink.Wait(push(g, t, "plain", "after all"))
}

func TestReloadWithoutTheTrigger(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	with := gateway.Config("retry {\ninitial 1s\nmax 1s\n}\n"+gateway.Ticket(sink), gateway.Edge)
	without := gateway.Config("trigger http other "+sink.URL+"\n", gateway.Edge)
	g := gateway.Start(t, with)
	g.Create(t, demo, github("gh"))
	sink.AnswerStatus(http.StatusServiceUnavailable)
	id := push(g, t, "gh", "1")
	sink.Wait(id)
	g.Reload(without)
	answer := g.Post("/webhooks/gh", gateway.GitHub(secret, "push", "2", body), body)
	problem(t, answer, http.StatusServiceUnavailable)
	if answer.Header.Get("Retry-After") == "" {
		t.Error("a 503 has no Retry-After")
	}
	if g.Event(t, demo, "gh", id)["status"] != "pending" {
		t.Error("the event does not wait for its trigger")
	}
	sink.Answer(nil)
	g.Reload(with)
	g.WaitStatus(t, demo, "gh", id, "delivered")
}

// TestReloadLeaksNothing compares goroutines and open files after a few
// reloads with those after many.
func TestReloadLeaksNothing(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		gateway.LeaveOut(t, "this system has no /proc/PID/fd to count open files")
	}
	sink := gateway.NewSink(t)
	generation := 0
	config := func() string {
		generation++
		return gateway.Config(declared("plain", fmt.Sprint("alias ", generation))+gateway.Ticket(sink), gateway.Edge)
	}
	g := gateway.Start(t, config())
	use := func() {
		g.Reload(config())
		// A connection that the old listener had not accepted yet is reset by Caddy's
		// handover: the sender tries again.
		var answer *gateway.Answer
		gateway.Eventually(t, "a connection is taken", func() bool {
			header := gateway.GitHub(secret, "push", fmt.Sprint("generation-", generation), body)
			var err error
			answer, err = g.Try("POST", "http://"+g.Addr+"/webhooks/plain", header, bytes.NewReader(body))
			return err == nil
		})
		sink.Wait(accept(t, answer))
	}
	goroutines := func() int {
		var n int
		text := g.API("GET", "/debug/pprof/goroutine?debug=1", nil).Want(t, 200).Body
		if _, err := fmt.Sscanf(string(text), "goroutine profile: total %d", &n); err != nil {
			t.Fatalf("%v: %.100s", err, text)
		}
		return n
	}
	files := func() int {
		entries, err := os.ReadDir(filepath.Join("/proc", fmt.Sprint(g.PID()), "fd"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	for range 4 {
		use()
	}
	// Wait until what the last reload ended is gone.
	least := func(count func() int) int {
		n := count()
		gateway.Within(2*time.Second, func() bool { n = min(n, count()); return false })
		return n
	}
	goroutinesBefore, filesBefore := least(goroutines), least(files)
	for range 20 {
		use()
	}
	const slack = 6
	gateway.Eventually(t, fmt.Sprintf("there are about %d goroutines and %d open files as before", goroutinesBefore, filesBefore), func() bool {
		return goroutines() <= goroutinesBefore+slack && files() <= filesBefore+slack
	})
	t.Logf("goroutines %d before, %d after; files %d before, %d after", goroutinesBefore, goroutines(), filesBefore, files())
}
