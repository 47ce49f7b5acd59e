package gate

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func TestFlight(t *testing.T) {
	f := NewFlight(1000)
	on := func(integration byte, client string) *lease {
		return &lease{flight: f, identity: storage.Identity{integration}, client: client}
	}
	a, b, c := on(1, "x"), on(2, "y"), on(1, "z")
	if a.take(500) != nil {
		t.Error("half of it is nobody's to refuse")
	}
	if a.take(1) != overIntegration {
		t.Error("over half, one integration may hold a quarter")
	}
	a.release()
	if f.Used() != 0 {
		t.Errorf("%d bytes are left", f.Used())
	}

	a.take(250)
	if b.take(250) != nil || b.take(0) != nil {
		t.Error("half of it")
	}
	if c.take(10) != overIntegration {
		t.Error("the integration has a quarter already, from another client")
	}
	c.release()
	if d := on(3, "y"); d.take(10) != overClient {
		t.Error("the client has a quarter already, for another integration")
	} else {
		d.release()
	}
	d := on(4, "w")
	if d.take(240) != nil || on(5, "").take(0) != nil {
		t.Error("others have room")
	}
	e := on(6, "")
	if e.take(250) != nil {
		t.Error("an unknown client is not one client")
	}
	if g := on(7, "v"); g.take(11) != overAll {
		t.Error("over the whole")
	} else {
		g.release()
	}
	f.SetLimit(4000)
	if f.Limit() != 4000 || a.take(500) != nil {
		t.Error("with a larger bound there is room")
	}
	f.SetLimit(1000)
	if b.take(0) != overAll {
		t.Error("what is held counts against a smaller bound")
	}
	for _, l := range []*lease{a, b, c, d, e} {
		l.release()
		l.release()
	}
	checkEmpty(t, f)
}

func TestFlightAtOnce(t *testing.T) {
	f := NewFlight(1 << 20)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			for range 2000 {
				l := lease{flight: f, identity: storage.Identity{byte(random.IntN(3))}, client: string(rune('a' + random.IntN(3)))}
				for range random.IntN(4) {
					l.take(int64(random.IntN(1 << 18)))
				}
				l.release()
			}
		})
	}
	group.Wait()
	checkEmpty(t, f)
}

func checkEmpty(t *testing.T, f *Flight) {
	t.Helper()
	entries := 0
	for i := range f.integrations.shards {
		entries += len(f.integrations.shards[i].bytes) + len(f.clients.shards[i].bytes)
	}
	if f.Used() != 0 || entries != 0 {
		t.Errorf("%d bytes and %d holders are left", f.Used(), entries)
	}
}

// A sender that goes on after it was refused holds no bytes in flight.
func TestRefusedHoldsNothing(t *testing.T) {
	b := newBackend(t, github())
	conn := serve(t, b, New(Settings{MaxBody: 10})).dial(t)
	fmt.Fprintf(conn, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: %s\r\n\r\n14\r\n%s\r\n",
		signature(push), strings.Repeat("x", 20))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, res); got.status != 413 {
		t.Errorf("status %d", got.status)
	}
	for deadline := time.Now().Add(2 * time.Second); b.flight.Used() != 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes in flight after the answer", b.flight.Used())
		}
	}
	conn.Close()
}
