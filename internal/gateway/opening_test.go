package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/module/storage"
)

var errFull = fmt.Errorf("%w: the disk is full", storage.ErrUnavailable)

// A storage that has no space is opened once it has, without any request: what is
// pending must not wait for one.
func TestStartWithoutSpace(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	d.unreached.Store(true)
	c := b.start(b.settings(d), form("hook"))
	accept(t, c, "hook", "pending")
	end(t, c)
	d.unreached.Store(false)

	b.drive.fail(errFull)
	c = b.start(b.settings(d), form("hook"))
	if status := post(c, "hook", "refused"); status != http.StatusServiceUnavailable {
		t.Errorf("answered with %d", status)
	}
	b.drive.fail(nil)
	d.want(t, "pending")
	accept(t, c, "hook", "new")
	d.want(t, "new")
	if b.told("the storage is open") != 1 {
		t.Error("it is not said to be open")
	}
}

// A failure stands for a second, whoever asks.
func TestTriesWithoutSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		m := new(memory).failing(errFull)
		settings := b.settings(newDesk("ticket"))
		settings.Storage = m
		c := b.start(settings, form("hook"))
		for range 10 {
			if status := post(c, "hook", "refused"); status != http.StatusServiceUnavailable {
				t.Errorf("answered with %d", status)
			}
		}
		if m.tries.Load() != 1 {
			t.Errorf("it was tried %d times within a second", m.tries.Load())
		}
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if m.tries.Load() < 10 || m.tries.Load() > 11 {
			t.Errorf("it was tried %d times in 10 seconds", m.tries.Load())
		}
		if b.told("the storage is open") != 0 {
			t.Error("it is said to be open")
		}
		m.failing(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if b.told("the storage is open") != 1 || m.open.Load() != 1 {
			t.Error("it was not opened")
		}
		m.tries.Store(0)
		time.Sleep(time.Minute)
		if end(t, c); m.tries.Load() != 0 || m.open.Load() != 0 {
			t.Errorf("it was opened again %d times, and is open %d times", m.tries.Load(), m.open.Load())
		}
	})
}

// A configuration that ends is not waited for, and opens nothing any more.
func TestEndWithoutSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		m := new(memory).failing(errFull)
		settings := b.settings(newDesk("ticket"))
		settings.Storage = m
		c := b.start(settings)
		time.Sleep(1500 * time.Millisecond)
		end(t, c)
		m.failing(nil)
		m.tries.Store(0)
		time.Sleep(time.Minute)
		synctest.Wait() // and the test ends only when the goroutine does
		if m.tries.Load() != 0 {
			t.Errorf("it was opened %d times", m.tries.Load())
		}
	})
}

// What fails once the storage is open leaves nothing open, and is tried again.
func TestOpenedInVain(t *testing.T) {
	broken := errors.New("broken")
	for name, breaks := range map[string]func(*memory){
		"declaring": func(m *memory) { m.put = broken },
		"following": func(m *memory) { m.changes = broken },
		"watching":  func(m *memory) { m.watch = broken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				m := new(memory)
				breaks(m)
				settings := b.settings(newDesk("ticket"))
				settings.Storage = m
				c := b.make(settings, form("hook"))
				if err := c.Start(); !errors.Is(err, broken) {
					t.Error(err)
				}
				if m.tries.Load() != 1 || m.open.Load() != 0 || m.following.Load() != 0 || len(b.pool.slots) != 0 {
					t.Errorf("opened %d times, and open %d times", m.tries.Load(), m.open.Load())
				}
				m.put, m.changes, m.watch = nil, nil, nil
				if _, err := c.Acquire(); !errors.Is(err, broken) {
					t.Errorf("the failure stands for less than a second: %v", err)
				}
				time.Sleep(time.Second)
				l := held(t, c)
				if route, err := l.Edge().Integrations.Route(t.Context(), "hook"); err != nil || route == nil {
					t.Errorf("%v, %v", route, err)
				}
				l.Release()
				if end(t, c); m.tries.Load() != 2 || m.open.Load() != 0 {
					t.Errorf("opened %d times, and open %d times", m.tries.Load(), m.open.Load())
				}
			})
		})
	}
}

// A storage that takes long to close, or never does, holds up nothing but who wants
// to open it again.
func TestHungClose(t *testing.T) {
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")), form("hook"))
	hang := make(chan struct{})
	b.drive.closing.Store(&hang)
	c.Stop()
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	polltest.Until(t, "it is being closed", func() bool { return len(b.pool.engines()) == 0 })

	d := newDesk("ticket")
	next := b.make(b.settings(d), form("hook"))
	started := make(chan error, 1)
	go func() { started <- next.Start() }()

	settings := b.settings(newDesk("ticket"))
	settings.Storage = newDrive(t).with("plain")
	other := b.start(settings, form("hook"))
	accept(t, other, "hook", "elsewhere")
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(b.pool); err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-started:
		t.Fatalf("it was opened while it was being closed: %v", err)
	case err := <-closed:
		t.Fatalf("it was closed: %v", err)
	default:
	}

	close(hang)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
	if n := len(b.pool.engines()); n != 2 {
		t.Errorf("%d storages are known to be open", n)
	}
	accept(t, next, "hook", "again")
	d.want(t, "again")
}

// A stopped configuration accepts events and dispatches none until it starts again.
func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		d := newDesk("ticket")
		settings := b.settings(d)
		m := new(memory)
		settings.Storage = m
		c := b.start(settings, form("hook"))
		c.Stop()
		accept(t, c, "hook", "while stopped")
		time.Sleep(time.Hour)
		synctest.Wait()
		d.none(t)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		d.want(t, "while stopped")
		if end(t, c); m.open.Load() != 0 || m.following.Load() != 0 {
			t.Errorf("open %d times, followed %d times", m.open.Load(), m.following.Load())
		}
	})
}

// An attempt that goes on after it was cut off does not keep the storage open.
func TestStuckAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		d := newDesk("ticket")
		running, stuck := make(chan struct{}), make(chan struct{})
		d.run = func(context.Context) {
			close(running)
			<-stuck
		}
		settings := b.settings(d)
		settings.Storage = new(memory)
		c := b.start(settings, form("hook"))
		accept(t, c, "hook", "stuck")
		<-running
		end(t, c)
		if entries := b.logs.FilterMessage("closing the storage").All(); len(entries) != 1 || !strings.Contains(fmt.Sprint(entries[0].ContextMap()["error"]), "an attempt continues") {
			t.Errorf("the log tells %v", entries)
		}
		close(stuck)
	})
}
