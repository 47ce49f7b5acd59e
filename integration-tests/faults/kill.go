package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// killUnderLoad kills the process again and again in the middle of its work.
func killUnderLoad(t *trial) {
	l := newLedger(t)
	g := l.newGateway(t, "")
	g.Start()
	var ready []time.Duration
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
		ready = append(ready, time.Since(began))
	})
	text := l.check(t, g)
	slices.Sort(ready)
	t.result("%s; accepts again %s after the start, at most %s", text, seconds(ready[len(ready)/2]), seconds(ready[len(ready)-1]))
	if l.count() < t.rounds*20 {
		t.Errorf("only %d events were acknowledged: that proves little", l.count())
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
