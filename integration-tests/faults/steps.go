package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// step is a moment in the life of an event at which the process is killed: at
// the first of the given system calls once act has begun.
type step struct {
	name string
	call string
	// on is the file of the call; "" means any.
	on string
	// after lets the call through, and kills before anything else happens;
	// otherwise the call itself is never made.
	after bool
	// prepare is called first; act leads to the call.
	prepare, act func(*stage)
}

// Files that distinguish calls.
const (
	newest   = "the segment being written to"
	next     = "the segment being created"
	folder   = "the folder of the segments"
	manifest = "the manifest of the index"
)

// The steps of an event, in order.
var steps = []step{
	{name: "append: before the write", call: "pwrite64", on: newest, act: (*stage).send},
	{name: "append: after the write, before the sync", call: "fdatasync", on: newest, act: (*stage).send},
	{name: "append: after the sync, before the answer", call: "fdatasync", on: newest, after: true, act: (*stage).send},
	{name: "claim: before the write", call: "pwrite64", on: newest, prepare: (*stage).hold, act: (*stage).enableAndDie},
	{name: "claim: after the write, before the attempt", call: "pwrite64", on: newest, after: true, prepare: (*stage).hold, act: (*stage).enableAndDie},
	{name: "record: after the delivery, before the write", call: "pwrite64", on: newest, prepare: (*stage).deliver, act: (*stage).delivered},
	{name: "record: after the write, before the sync", call: "fdatasync", on: newest, prepare: (*stage).deliver, act: (*stage).delivered},
	{name: "record: after the sync", call: "fdatasync", on: newest, after: true, prepare: (*stage).deliver, act: (*stage).delivered},
	{name: "the index follows: before its manifest counts", call: "renameat", on: manifest, prepare: (*stage).deliver, act: (*stage).delivered},
	{name: "the index follows: after its manifest counts", call: "renameat", on: manifest, after: true, prepare: (*stage).deliver, act: (*stage).delivered},
	{name: "next segment: before it has blocks", call: "fallocate", on: next, act: (*stage).fillSegment},
	{name: "next segment: before it has a name", call: "renameat", on: next, act: (*stage).fillSegment},
	{name: "next segment: before its name is durable", call: "fsync", on: folder, act: (*stage).fillSegment},
	{name: "next segment: before the last one is cut", call: "truncate", on: newest, act: (*stage).fillSegment},
	{name: "close: before the last write", call: "pwrite64", on: newest, act: (*stage).stop},
	{name: "close: before the last sync", call: "fdatasync", on: newest, act: (*stage).stop},
	{name: "close: before the index's manifest counts", call: "renameat", on: manifest, act: (*stage).stop},
	{name: "close: before the segment is cut", call: "truncate", on: newest, act: (*stage).stop},
}

// killAtSteps kills the process at every step.
func killAtSteps(t *trial) {
	l := newLedger(t)
	l.hook = created
	store := filepath.Join(t.TempDir(), "store")
	g := gateway.New(t, l.config(""), "STORE="+store)
	g.Start()
	l.create(t, g)
	g.Stop()
	t.each(func(round int) {
		for _, step := range steps {
			t.progress(fmt.Sprintf("%d of %d: %s", round+1, t.rounds, step.name))
			s := stage{trial: t, ledger: l, gateway: g, store: store}
			s.play(step)
			if t.Failed() || t.ctx.Err() != nil {
				return
			}
		}
	})
	g.Start()
	t.result("%s; every one of the %d steps was hit in each round", l.check(t, g), len(steps))
}

// stage is an idle gateway on which one step is played.
type stage struct {
	*trial
	ledger  *ledger
	gateway *gateway.Gateway
	store   string
	work    sync.WaitGroup
	release func() // lets the endpoint answer
}

// play brings the gateway to a step, kills it there, and starts it again.
func (s *stage) play(step step) {
	g := s.gateway
	g.Start()
	s.release = func() {}
	if step.prepare != nil {
		step.prepare(s)
	}
	inject := "signal=KILL"
	if step.after {
		inject = "delay_exit=60000000" // µs
	}
	x := attach(s.trial, g.PID(), []string{step.call + ":" + inject}, s.files(step.on)...)
	step.act(s)
	hit := func() bool { return !g.Running() }
	if step.after {
		hit = x.hit
	}
	if !gateway.Within(gateway.Patience, hit) {
		s.Errorf("%s: there was no such moment", step.name)
	}
	g.Signal(syscall.SIGKILL)
	x.kill() // it would hold the dead process until the thread's time is over
	g.Kill()
	s.release()
	s.work.Wait()
	// What was in progress is completed, so that a clean start follows.
	g.Start()
	s.enable()
	if lost := s.ledger.settle(g); len(lost) > 0 {
		s.Errorf("%s: %d acknowledged events are lost, %s first", step.name, len(lost), lost[0])
	}
	s.ledger.idle(s.trial, g)
	g.Stop()
}

// files are the paths that a step waits for.
func (s *stage) files(on string) []string {
	segments := filepath.Join(s.store, "events", "segments")
	switch on {
	case newest:
		return []string{newestSegment(s.trial, s.store)}
	case next:
		return []string{filepath.Join(segments, "next.new")}
	case folder:
		return []string{segments}
	case manifest:
		return []string{filepath.Join(s.store, "events", "index", "manifest.new")}
	}
	return nil
}

// newestSegment is the file being written to.
func newestSegment(t *trial, store string) string {
	found, err := filepath.Glob(filepath.Join(store, "events", "segments", "*.segment"))
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no segment: %v", err)
	}
	return slices.Max(found)
}

// send sends one event.
func (s *stage) send() {
	s.work.Go(func() { s.ledger.send(oneShot, s.gateway.Addr, 700) })
}

// fillSegment sends large events until there are no more answers.
func (s *stage) fillSegment() {
	s.work.Go(func() {
		for range 4 {
			if s.ledger.send(oneShot, s.gateway.Addr, 24<<20) == nil {
				return
			}
		}
	})
}

// hold leaves a pending event whose integration is disabled.
func (s *stage) hold() {
	failed := make(chan struct{}, 1)
	s.ledger.answers(func(*http.Request) int {
		select {
		case failed <- struct{}{}:
		default:
		}
		return http.StatusServiceUnavailable
	})
	s.send()
	s.work.Wait()
	s.wait(failed, "an attempt fails")
	s.ledger.change(s.trial, s.gateway, gateway.M{"is_enabled": false})
	s.ledger.rests(s.trial, s.gateway)
	s.ledger.answers(nil)
}

// enable enables the integration.
func (s *stage) enable() { s.ledger.change(s.trial, s.gateway, gateway.M{"is_enabled": true}) }

// enableAndDie is enable for a gateway that may die before it answers.
func (s *stage) enableAndDie() {
	path := "http://" + s.gateway.Admin + gateway.Integration(project, created)
	header := gateway.Headers("Content-Type", "application/merge-patch+json")
	s.work.Go(func() {
		_, _ = s.gateway.Try(http.MethodPatch, path, header, strings.NewReader(`{"is_enabled": true}`))
	})
}

// deliver leaves an event whose attempt waits for the endpoint's answer.
func (s *stage) deliver() {
	begun, held := make(chan struct{}, 1), make(chan struct{})
	s.release = sync.OnceFunc(func() { close(held) })
	s.ledger.answers(func(*http.Request) int {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-held
		return http.StatusNoContent
	})
	s.send()
	s.work.Wait()
	s.wait(begun, "the attempt begins")
}

// delivered makes the endpoint answer.
func (s *stage) delivered() { s.release() }

// stop asks the process to end.
func (s *stage) stop() { s.gateway.Signal(syscall.SIGTERM) }

func (s *stage) wait(done <-chan struct{}, what string) {
	select {
	case <-done:
	case <-time.After(gateway.Patience):
		s.Fatalf("waited in vain until %s", what)
	}
}
