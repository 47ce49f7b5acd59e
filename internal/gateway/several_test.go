package gateway_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/gateway"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/storage/storagetest/memory"
	"github.com/hookgate/hookgate/module/trigger"
)

// process is a gateway that shares its storage with others.
type process struct {
	*testing.T
	place  *memory.Place
	handle *memory.Handle
	config *gateway.Configuration

	got    chan string // bodies, as their attempts begin
	answer atomic.Pointer[func(context.Context) trigger.Result]
}

// Key implements storage.Storage, as the methods that follow.
func (p *process) Key() string     { return "shared" }
func (p *process) Options() string { return "" }

func (p *process) Open(context.Context) (storage.Backend, error) {
	p.handle = p.place.Open()
	return p.handle, nil
}

// ResourceTypes implements trigger.Trigger, as the methods that follow.
func (p *process) ResourceTypes() []string { return []string{"ticket"} }

func (p *process) Allow(string, trigger.Resource) error { return nil }

func (p *process) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	p.got <- string(attempt.Event.Body)
	return (*p.answer.Load())(ctx)
}

// noFiles is a storage of Caddy's without anything in it.
type noFiles struct{ gateway.Files }

func (noFiles) Exists(context.Context, string) bool { return false }

var delivers = func(context.Context) trigger.Result { return trigger.Result{Verdict: trigger.Delivered} }

func hangs(ctx context.Context) trigger.Result {
	<-ctx.Done()
	return trigger.Result{Verdict: trigger.Delivered}
}

func start(t *testing.T, place *memory.Place, answer func(context.Context) trigger.Result) *process {
	t.Helper()
	p := &process{T: t, place: place, got: make(chan string, 10)}
	p.answer.Store(&answer)
	pool := gateway.NewPool(gateway.Observer{Attempt: func(string, string, time.Duration) {}, Fetch: func(string, string) {}})
	var err error
	p.config, err = gateway.New(pool, gateway.Settings{
		Storage: p, Triggers: []trigger.Trigger{p}, InFlight: 1 << 20, Shelf: gateway.NewShelf(noFiles{}, zap.NewNop()), Logger: zap.NewNop(),
		Concurrency: dispatch.Concurrency{Total: 8, PerTrigger: 8, PerIntegration: 8, Bytes: 1 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.config.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.config.Stop()
		if err := p.config.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// admin calls fn with what the admin API works on.
func (p *process) admin(fn func(*integration.Service, integration.View) error) {
	p.Helper()
	held, err := p.config.Acquire()
	if err != nil {
		p.Fatal(err)
	}
	defer held.Release()
	b := held.Admin()
	if err := fn(b.Service, b.View); err != nil {
		p.Fatal(err)
	}
}

// put makes the integration one with a key.
func (p *process) put(key string) {
	p.Helper()
	p.admin(func(s *integration.Service, view integration.View) error {
		form := `{"authentication":{"secure_header":{"name":"X-Key","value":"` + key + `"}},"resource":{"type":"ticket","id":"1"},"dedupe":"none"}`
		_, _, err := s.Put(p.Context(), view, "demo", "hook", []byte(form), integration.Precondition{})
		return err
	})
}

func (p *process) post(key, body string, want int) {
	p.Helper()
	if status, reason := p.send(key, body); status != want {
		p.Fatalf("%s was answered with %d (%s), want %d", body, status, reason, want)
	}
}

func (p *process) send(key, body string) (status int, reason string) {
	r := httptest.NewRequest("POST", "/webhooks/hook", strings.NewReader(body))
	r.Header.Set("X-Key", key)
	w := httptest.NewRecorder()
	seen := gate.New(gate.Settings{}).Serve(w, r, "192.0.2.1", func() (*gate.Config, func(), error) {
		held, err := p.config.Acquire()
		if err != nil {
			return nil, nil, err
		}
		return held.Edge(), held.Release, nil
	})
	seen.Done()
	return w.Code, seen.Reason
}

func (p *process) gets(body string) {
	p.Helper()
	select {
	case got := <-p.got:
		if got != body {
			p.Fatalf("got %q, want %q", got, body)
		}
	case <-time.After(20 * time.Second):
		p.Fatalf("%q has not come", body)
	}
}

// A secret that is revoked at one gateway is revoked at the others when that has its
// answer: at those that were told, and at one that was not, whose cache has the old.
func TestSeveralRevoke(t *testing.T) {
	place := memory.NewPlace(time.Hour)
	a, b := start(t, place, delivers), start(t, place, delivers)
	a.put("first")
	b.post("first", "1", 202)
	b.gets("1")
	a.put("second")
	b.post("first", "2", 401)
	b.post("second", "3", 202)
	b.gets("3")
	b.handle.Pause()
	a.put("third")
	b.post("second", "4", 401)
	b.post("third", "5", 202)
	b.gets("5")
	b.handle.Resume()
	a.admin(func(s *integration.Service, view integration.View) error {
		return s.Delete(t.Context(), view, "demo", "hook", true, integration.Precondition{})
	})
	b.post("third", "6", 404)
}

// What a gateway had begun when it fell silent is another's, and its own attempt is
// cut when it wakes up.
func TestSeveralTakeOver(t *testing.T) {
	place := memory.NewPlace(10 * time.Millisecond)
	cut := make(chan struct{})
	a := start(t, place, func(ctx context.Context) trigger.Result {
		defer close(cut)
		return hangs(ctx)
	})
	a.put("key")
	a.post("key", "1", 202)
	a.gets("1")
	b := start(t, place, delivers)
	a.handle.Pause()
	b.gets("1")
	a.handle.Resume()
	select {
	case <-cut:
	case <-time.After(20 * time.Second):
		t.Fatal("the attempt goes on")
	}
	answer := delivers
	a.answer.Store(&answer)
	a.post("key", "2", 202)
	a.gets("2")
	for deadline := time.Now().Add(20 * time.Second); b.handle.Events().Counts().Pending > 0; {
		if time.Now().After(deadline) {
			t.Fatal("something is pending for ever")
		}
		time.Sleep(time.Millisecond)
	}
}

// An event of an integration that another gateway has deleted leaves the schedule.
func TestSeveralDrop(t *testing.T) {
	place := memory.NewPlace(time.Hour)
	retry := func(context.Context) trigger.Result {
		return trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrConnect}
	}
	a, b := start(t, place, delivers), start(t, place, retry)
	a.put("key")
	b.post("key", "1", 202)
	b.gets("1")
	a.admin(func(s *integration.Service, view integration.View) error {
		return s.Delete(t.Context(), view, "demo", "hook", true, integration.Precondition{})
	})
	a.put("key")
	answer := delivers
	b.answer.Store(&answer)
	b.post("key", "2", 202)
	b.gets("2")
}

// An integration that changes under load costs nobody an event, at neither gateway.
func TestSeveralChangeUnderLoad(t *testing.T) {
	place := memory.NewPlace(time.Hour)
	a, b := start(t, place, delivers), start(t, place, delivers)
	a.put("key")
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for _, p := range []*process{a, b, a, b} {
		senders.Go(func() {
			for ctx.Err() == nil {
				if status, reason := p.send("key", "x"); status != 202 {
					t.Errorf("answered with %d (%s)", status, reason)
					return
				}
				<-p.got
			}
		})
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n := range 100 {
		a.admin(func(s *integration.Service, view integration.View) error {
			_, err := s.Patch(t.Context(), view, "demo", "hook", fmt.Appendf(nil, `{"alias":"%d"}`, n), integration.Precondition{})
			return err
		})
		<-tick.C
	}
	cancel()
	senders.Wait()
}
