package main

import (
	"math/rand/v2"
	"time"
)

// killUnderLoad kills the process repeatedly in the middle of its work.
func killUnderLoad(t *trial) {
	l := newLedger(t)
	g := l.newGateway(t, "")
	g.Start()
	var ready durations
	t.each(func(round int) {
		if round%2 == 1 {
			l.answers(down)
		} else {
			l.answers(nil)
		}
		work := l.start(g.Addr, 8, 700, 4*time.Millisecond)
		t.pause(time.Duration(50+rand.IntN(550)) * time.Millisecond)
		g.Kill()
		work.stop()
		began := time.Now()
		g.Start()
		l.serves(t, g)
		ready.add(time.Since(began))
	})
	t.result("%s; %s", l.check(t, g), ready.after("the start"))
	if l.count() < t.rounds*20 {
		t.Errorf("only %d events were acknowledged: that proves little", l.count())
	}
}
