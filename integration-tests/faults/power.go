package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// diskSize in MiB is enough for the gateway and a few thousand events.
const diskSize = 512

// powerCut cuts the power under load, repeatedly.
func powerCut(t *trial) {
	lost, text := cutPower(t, false)
	if lost > 0 {
		t.Errorf("%s", text)
	}
	t.result("%s", text)
}

// powerCutControl is powerCut with syncs that do nothing. Events must be lost,
// or powerCut proves nothing.
func powerCutControl(t *trial) {
	lost, text := cutPower(t, true)
	if lost == 0 {
		t.Errorf("nothing was lost, though nothing was synced: %s", text)
	}
	t.result("as expected, %s", text)
}

// cutPower cuts the power in each round and returns how many acknowledged
// events were lost. With fake syncs each round begins with an empty disk.
func cutPower(t *trial, lying bool) (lost int, text string) {
	l := newLedger(t)
	d := newLoop(t, diskSize)
	g := gateway.New(t, l.config(""), "STORE="+d.store())
	g.Start()
	if !lying {
		l.create(t, g)
	}
	t.each(func(round int) {
		var x *tracer
		if lying {
			x = attach(t, g.PID(), []string{"fdatasync:retval=0", "fsync:retval=0", "msync:retval=0"})
		}
		if lying || round%2 == 1 {
			l.answers(down)
		} else {
			l.answers(nil)
		}
		work := l.start(g.Addr, 8, 700, 4*time.Millisecond)
		t.pause(time.Duration(100+rand.IntN(900)) * time.Millisecond)
		alias := fmt.Sprint("round ", round)
		if !lying {
			l.change(t, g, gateway.M{"alias": alias})
		}
		l.cut(d)
		if x != nil {
			x.detach()
		}
		g.Kill()
		work.stop()
		l.light(d)
		g.Start()
		l.serves(t, g)
		if !lying {
			l.checkAlias(t, g, alias)
		}
	})
	ids := l.settle(g)
	return len(ids), l.says(t, len(ids))
}
