package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// failure is a set of system calls that fail with EIO. They are not executed,
// so they have no effect.
type failure struct {
	name string
	// calls fail repeatedly for a while, and before them first, once.
	calls, first string
	// segments restricts it to the event log's segments.
	segments bool
	// refuses means that no event can be accepted meanwhile.
	refuses bool
}

// The failures, one per round.
var failures = []failure{
	{name: "one write", first: "pwrite64", segments: true},
	{name: "one sync", first: "fdatasync", segments: true},
	{name: "writes", calls: "pwrite64", segments: true, refuses: true},
	{name: "syncs", calls: "fdatasync", segments: true, refuses: true},
	{name: "blocks for a new segment", first: "fdatasync", calls: "fallocate", segments: true, refuses: true},
	{name: "the file of a new segment", first: "fdatasync", calls: "openat", segments: true, refuses: true},
	{name: "the name of a new segment", first: "fdatasync", calls: "renameat", segments: true, refuses: true},
	{name: "reads", calls: "pread64", segments: true},
}

// failCalls makes system calls on the event log fail under load; then the power
// fails, so that only what was durable when it was acknowledged counts.
func failCalls(t *trial) {
	l, d, g := onLoop(t)
	var waits durations
	t.each(func(round int) {
		f := failures[round%len(failures)]
		t.progress(fmt.Sprintf("%d of %d: %s", round+1, t.rounds, f.name))
		l.answers(nil)
		if round/len(failures)%2 == 1 && f.calls != "pread64" {
			l.answers(down)
		}
		alias := fmt.Sprint("round ", round)
		l.change(t, g, gateway.M{"alias": alias})
		work := l.start(g.Addr, 4, 700, 5*time.Millisecond)
		f.inject(t, l, g, d.store())
		waits.add(l.recovers(t, g))
		work.stop()
		l.survives(t, d, g, f.name, alias)
	})
	t.result("%s; %s", l.check(t, g), waits.after("the last error"))
}

// failDatabases makes the syncs of Badger's files, the integrations, fail while
// it cleans up after a start and an integration is written. What was refused
// can be written afterwards, without a restart.
func failDatabases(t *trial) {
	l, d, g := onLoop(t)
	var waits durations // of rounds in which a write was refused
	t.each(func(round int) {
		alias := fmt.Sprint("round ", round)
		l.change(t, g, gateway.M{"alias": alias})
		g.Kill()
		g.Start()
		x := attach(t, g.PID(), []string{"msync:error=EIO"})
		work := l.start(g.Addr, 4, 700, 5*time.Millisecond)
		t.pause(500 * time.Millisecond)
		write := func(alias string) bool {
			answer := g.API(http.MethodPatch, gateway.Integration(project, created), gateway.M{"alias": alias})
			return answer.Status == http.StatusOK
		}
		refused := !write(alias + " meanwhile")
		t.pause(time.Second)
		x.detach()
		if !g.Running() {
			t.Fatalf("the process has ended")
		}
		began := time.Now()
		if !gateway.Within(time.Minute, func() bool { return write(alias) }) {
			t.Fatalf("integrations cannot be written again")
		}
		if refused {
			waits.add(time.Since(began))
		}
		work.stop()
		l.survives(t, d, g, "msync", alias)
	})
	summary := l.check(t, g)
	if len(waits) > 0 {
		summary += fmt.Sprintf("; integrations were refused in %s; %s", plural(len(waits), "round"), waits.after("the last error"))
	}
	t.result("%s", summary)
}

// survives cuts the power after a fault, starts the gateway again, and checks
// that it has everything acknowledged, including the alias.
func (l *ledger) survives(t *trial, d *loop, g *gateway.Gateway, fault, alias string) {
	l.cut(d)
	g.Kill()
	l.light(d)
	g.Start()
	l.serves(t, g)
	l.checkAlias(t, g, alias)
	if lost := l.settle(g); len(lost) > 0 {
		t.Errorf("%s: %d of %d acknowledged events are lost, %s first", fault, len(lost), l.count(), lost[0])
	}
}

// inject makes the calls fail, and checks what must hold meanwhile.
func (f failure) inject(t *trial, l *ledger, g *gateway.Gateway, store string) {
	var injections, files []string
	if f.first != "" {
		injections = append(injections, f.first+":error=EIO:when=1")
	}
	if f.calls != "" {
		injections = append(injections, f.calls+":error=EIO")
	}
	if f.segments {
		files = segmentFiles(t, store)
	}
	x := attach(t, g.PID(), injections, files...)
	if !gateway.Within(gateway.Patience, x.hit) {
		t.Errorf("%s: there was no such call", f.name)
	}
	if f.refuses {
		gateway.Eventually(t, "the status says that the store has failed", func() bool { return readStatus(t, g).Store.State == "failed" })
		l.checkRefusal(t, g)
		if !strings.Contains(g.Logs(), "the event log cannot be written") {
			t.Errorf("%s: the log says nothing of it", f.name)
		}
	}
	if f.calls != "" {
		t.pause(500 * time.Millisecond)
	}
	x.detach()
	if !g.Running() {
		t.Fatalf("%s: the process has ended", f.name)
	}
}

// segmentFiles are the paths of the current segment and of the next ones.
func segmentFiles(t *trial, store string) []string {
	newest := newestSegment(t, store)
	folder := filepath.Dir(newest)
	files := []string{filepath.Join(folder, "next.new"), filepath.Join(folder, "large.new")}
	number, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(newest), ".segment"), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(40) {
		files = append(files, filepath.Join(folder, fmt.Sprintf("%016x.segment", number+i)))
	}
	return files
}
