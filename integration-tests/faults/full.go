package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// recovery bounds how long it takes to accept again once there is space.
const recovery = 10 * time.Second

// filledByGateway makes the gateway fill its disk with events that are not
// delivered.
func filledByGateway(t *trial) {
	var waits durations
	l := newLedger(t)
	t.each(func(int) {
		l.answers(down)
		d := newLoop(t, 400)
		ballast := filepath.Join(d.dir, "ballast")
		d.run("fallocate", "-l", "96M", ballast)
		g := gateway.New(t, l.config(""), "STORE="+d.store())
		g.Start()
		l.create(t, g)
		work := l.start(g.Addr, 4, 200<<10, time.Millisecond)
		l.refuses(t)
		work.stop()
		l.checkFull(t, g)
		// A start releases some of what the previous process held: a few more events
		// fit. Everything that needs no space works then.
		g.Kill()
		g.Start()
		work = l.start(g.Addr, 4, 200<<10, time.Millisecond)
		l.refuses(t)
		work.stop()
		l.checkFull(t, g)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		waits.add(l.recovers(t, g))
		l.check(t, g)
	})
	t.result("%s; %s", l.says(t, 0), waits.after("there was space"))
}

// filledByOthers makes another process use up all space, under load.
func filledByOthers(t *trial) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=512m", "none", dir).CombinedOutput(); err != nil {
		t.Fatalf("mounting a file system: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	l := newLedger(t)
	g := gateway.New(t, l.config(""), "STORE="+filepath.Join(dir, "store"))
	g.Start()
	l.create(t, g)
	var waits durations
	t.each(func(int) {
		l.answers(down)
		work := l.start(g.Addr, 4, 10<<10, 2*time.Millisecond)
		t.pause(300 * time.Millisecond)
		ballast := filepath.Join(dir, "ballast")
		fill(t, ballast)
		l.refuses(t)
		work.stop()
		l.checkFull(t, g)
		l.arrives(t)
		l.checkFull(t, g)
		// What the gateway has reserved for this lets it start, and do everything
		// that needs no space. If that is used up too, it waits.
		g.Kill()
		g.Start()
		l.checkFull(t, g)
		g.Kill()
		fill(t, ballast+"2")
		g.Start()
		l.checkRefusal(t, g)
		for _, path := range []string{ballast, ballast + "2"} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		waits.add(l.recovers(t, g))
	})
	t.result("%s; what was pending arrived on the full disk; %s", l.check(t, g), waits.after("there was space"))
}

// fill writes a file until there is no space.
func fill(t *trial, path string) {
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for t.ctx.Err() == nil {
		if _, err := file.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return
		}
	}
}

// refuses waits until the gateway stops accepting.
func (l *ledger) refuses(t *trial) {
	l.mu.Lock()
	enough := l.refused[http.StatusServiceUnavailable] + 20
	l.mu.Unlock()
	for {
		accepted := l.count()
		t.pause(500 * time.Millisecond)
		l.mu.Lock()
		refused := l.refused[http.StatusServiceUnavailable] >= enough
		unknown := l.unknown
		l.mu.Unlock()
		if refused && l.count() == accepted {
			return
		}
		if t.ctx.Err() != nil || unknown > 0 {
			t.Fatalf("%d requests had no answer", unknown)
		}
	}
}

// checkFull checks what must hold while nothing can be stored: an honest
// refusal, a matching state, and everything that needs no storing.
func (l *ledger) checkFull(t *trial, g *gateway.Gateway) {
	t.Helper()
	l.checkRefusal(t, g)
	if state := readStatus(t, g).Store.State; state == "ok" {
		t.Errorf("the status says that the store is ok")
	}
	if answer := l.post(oneShot, g.Addr, "/inline/"+declared, 100); answer == nil || answer.Status != http.StatusOK {
		t.Errorf("inline mode does not work: %s", show(answer))
	}
	for _, path := range []string{
		gateway.Integrations(project), gateway.Integration(project, created), gateway.Integration(project, declared, "events"),
	} {
		if answer := g.API(http.MethodGet, path, nil); answer.Status != http.StatusOK {
			t.Errorf("an admin read is answered %d: %s", answer.Status, answer.Body)
		}
	}
}

// checkRefusal checks that an event is refused in a way that senders
// understand.
func (l *ledger) checkRefusal(t *trial, g *gateway.Gateway) {
	t.Helper()
	answer := l.send(oneShot, g.Addr, 100)
	if !g.Running() {
		t.Fatalf("the process has ended")
	}
	if answer == nil || answer.Status != http.StatusServiceUnavailable {
		t.Errorf("an event is not refused: %s", show(answer))
	} else if answer.Header.Get("Retry-After") == "" {
		t.Errorf("a 503 has no Retry-After")
	}
}

func show(answer *gateway.Answer) string {
	if answer == nil {
		return "no answer"
	}
	return fmt.Sprintf("%d: %s", answer.Status, answer.Body)
}

// recovers waits until an event is accepted, and returns how long it took.
func (l *ledger) recovers(t *trial, g *gateway.Gateway) time.Duration {
	began := time.Now()
	l.serves(t, g)
	took := time.Since(began)
	if took > recovery {
		t.Errorf("it accepted again only after %s", seconds(took))
	}
	return took
}

// arrives waits until everything accepted has arrived.
func (l *ledger) arrives(t *trial) {
	l.answers(nil)
	gateway.Eventually(t, "everything accepted has arrived", func() bool { return len(l.missing()) == 0 })
}
