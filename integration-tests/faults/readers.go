package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

const (
	stalledReaders = 24
	largeEvent     = 24 << 20 // bytes
	mostGrown      = 96 << 20 // bytes of memory

	// readerPatience is how long the gateway waits for a reader, plus a margin.
	readerPatience = 45 * time.Second
)

// readerRow has administrators who do not read what they request.
var readerRow = []row{{
	name: "readers", rounds: 1, quick: 1, run: readersStall,
	fault:    "24 administrators request an event of 24 MiB and read none of it",
	injected: "connections to the admin endpoint that are not read, while events are accepted and delivered and another project's administrator reads (-quick does not wait for them to be closed)",
}}

// readersStall has administrators request a large event, and observes memory,
// deliveries, and another project's administrator meanwhile.
func readersStall(t *trial) {
	l := newLedger(t)
	g := l.newGateway(t, "limits {\nin_flight 256MiB\n}\n")
	g.Start()
	g.Create(t, "other", gateway.M{
		"webhook_id":     created,
		"authentication": gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}},
		"resource":       gateway.M{"type": "ticket", "id": "T-1"},
	})
	large := l.send(oneShot, g.Addr, largeEvent)
	if large == nil || large.Status != http.StatusAccepted {
		t.Fatalf("the large event: %s", show(large))
	}
	path := gateway.Integration(project, declared, "events", large.Text(t, "id"))
	l.idle(t, g)
	usual, usualRead := deliveryTimes(l, g, time.Second), readTimes(t, g, time.Second)

	t.each(func(int) {
		before, memoryBefore := footprintOf(t, g), memory(t, g.PID(), "VmRSS")
		stop := peak(g.PID())
		for range stalledReaders {
			t.askAndStall(g.Admin, path)
		}
		reads := make(chan durations)
		go func() { reads <- readTimes(t, g, 3*time.Second) }()
		during := deliveryTimes(l, g, 3*time.Second)
		duringRead := <-reads
		most := stop()
		if grown := most - memoryBefore; grown > mostGrown {
			t.Errorf("the memory has grown by %s", megabytes(grown))
		}
		for what, times := range map[string][2]durations{"a delivery": {usual, during}, "another project's read": {usualRead, duringRead}} {
			if late := percentile(times[1], 99); late > max(500*time.Millisecond, 3*percentile(times[0], 99)) {
				t.Errorf("the p99 of %s is %v, before %v", what, late, percentile(times[0], 99))
			}
		}
		ended := "not waited for"
		if !t.quick {
			ended = before.endsIn(t, g)
		}
		t.result("%s; memory at most %s (before %s); deliveries' p99 %d ms (before %d ms), another project's reads' %d ms (before %d ms); disconnected: %s",
			l.check(t, g), megabytes(most), megabytes(memoryBefore), percentile(during, 99).Milliseconds(), percentile(usual, 99).Milliseconds(),
			percentile(duringRead, 99).Milliseconds(), percentile(usualRead, 99).Milliseconds(), ended)
	})
}

// askAndStall requests a path and reads only the first byte.
func (t *trial) askAndStall(addr, path string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(16 << 10) // a smaller buffer only stalls more
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, addr); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(gateway.Patience))
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Errorf("a reader got no answer: %v", err)
	}
}

// readTimes reads another project's integrations for a while and returns how long
// each answer took.
func readTimes(t *trial, g *gateway.Gateway, d time.Duration) (all durations) {
	for end := time.Now().Add(d); time.Now().Before(end); t.pause(20 * time.Millisecond) {
		began := time.Now()
		answer, err := gateway.Do(oneShot, http.MethodGet, "http://"+g.Admin+gateway.Integration("other", created, "events"), nil, nil)
		if err != nil || answer.Status != http.StatusOK {
			t.Errorf("another project's read: %s, %v", show(answer), err)
			return all
		}
		all.add(time.Since(began))
	}
	return all
}

// endsIn waits until the gateway has disconnected its readers.
func (before footprint) endsIn(t *trial, g *gateway.Gateway) string {
	began := time.Now()
	if !gateway.Within(readerPatience, func() bool { return footprintOf(t, g).goroutines < before.goroutines+stalledReaders/2 }) {
		t.Errorf("the readers are not disconnected after %v", readerPatience)
	}
	return "after " + seconds(time.Since(began))
}
