package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Caddy provisions a configuration to validate it, too, beside a running server.
func TestNothingIsOpenBeforeTheStart(t *testing.T) {
	b := newBench(t)
	c := b.make(b.settings(newDesk("ticket")), form("hook"))
	c.AddSite(Site{Prefix: "/in/"})
	end(t, c)
	if n := b.drive.opens.Load(); n != 0 {
		t.Errorf("it was opened %d times", n)
	}
}

// A new configuration starts before the old one stops: they share the storage, and
// the new one dispatches.
func TestReload(t *testing.T) {
	b := newBench(t)
	older, newer := newDesk("ticket"), newDesk("ticket")
	old := b.start(b.settings(older), form("hook"))
	accept(t, old, "hook", "before")
	older.want(t, "before")

	next := b.start(b.settings(newer), form("hook"))
	accept(t, old, "hook", "by the old one's listener")
	newer.want(t, "by the old one's listener")
	end(t, old)
	accept(t, next, "hook", "after")
	newer.want(t, "after")
	older.none(t)
	if n := b.drive.opens.Load(); n != 1 {
		t.Errorf("the storage was opened %d times", n)
	}
	end(t, next)
	if b.drive.closes.Load() != 1 || len(b.pool.slots) != 0 {
		t.Errorf("closed %d times, and %d storages are remembered", b.drive.closes.Load(), len(b.pool.slots))
	}
}

// What a configuration asks for is in force with it.
func TestReloadChangesWhatIsInForce(t *testing.T) {
	b := newBench(t)
	settings := b.settings(newDesk("ticket"))
	old := b.start(settings, form("hook"))
	settings.EventLimits.Backlog, settings.InFlight, settings.Concurrency.Total = 4, 2<<20, 3
	settings.IntegrationLimits.Integrations = 1
	inForce := func(backlog int, inFlight int64, attempts int) {
		t.Helper()
		l := held(t, old)
		defer l.Release()
		got := l.holdings()
		if got.Limits.Backlog != backlog || got.InFlightLimit != inFlight || got.AttemptsLimit != attempts {
			t.Errorf("%d events, %d bytes, %d attempts", got.Limits.Backlog, got.InFlightLimit, got.AttemptsLimit)
		}
	}
	inForce(1000, 1<<20, 8)
	next := b.start(settings, form("hook"))
	inForce(4, 2<<20, 3)
	end(t, next) // another app has failed to start
	inForce(1000, 1<<20, 8)
	end(t, old)
}

// The configuration as a whole may fail once this part of it has started. Then the
// one before dispatches again.
func TestOlderTakesOverAgain(t *testing.T) {
	b := newBench(t)
	first, second, third := newDesk("ticket"), newDesk("ticket"), newDesk("ticket")
	one := b.start(b.settings(first), form("hook"))
	two := b.start(b.settings(second), form("hook"))
	three := b.start(b.settings(third), form("hook"))
	accept(t, one, "hook", "of three")
	third.want(t, "of three")

	end(t, two) // not the newest: nothing changes
	accept(t, one, "hook", "of two")
	third.want(t, "of two")
	end(t, three)
	accept(t, one, "hook", "of one")
	first.want(t, "of one")
	second.none(t)

}

// A configuration that fails at any step leaves the one before as it was.
func TestFailedReload(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	old := b.start(b.settings(d), form("hook"))
	works := func(what string) {
		t.Helper()
		accept(t, old, "hook", what)
		d.want(t, what)
	}
	t.Run("two triggers of a type", func(t *testing.T) {
		if _, err := New(b.pool, b.settings(newDesk("ticket"), newDesk("run", "ticket"))); err == nil || err.Error() != "two triggers serve the resource type 'ticket'" {
			t.Error(err)
		}
		works(t.Name())
	})
	t.Run("declaration", func(t *testing.T) {
		c, err := New(b.pool, b.settings(newDesk("ticket")))
		if err != nil {
			t.Fatal(err)
		}
		err = c.Declare(Declaration{Forms: []json.RawMessage{form("hook", `,"nonsense":1`)}, Expand: plainly, Place: nowhere})
		if err == nil {
			t.Error("it was declared")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		works(t.Name())
	})
	t.Run("provisioned only", func(t *testing.T) {
		end(t, b.make(b.settings(newDesk("ticket")), form("hook")))
		works(t.Name())
	})
	t.Run("other options", func(t *testing.T) {
		settings := b.settings(newDesk("ticket"))
		settings.Storage = b.drive.with("other")
		c := b.make(settings)
		if err := c.Start(); err == nil || err.Error() != "the storage "+b.drive.dir+" is open with other settings: stop the server to change them" {
			t.Error(err)
		}
		if err := c.Close(); err != nil { // Caddy does not stop what has failed to start
			t.Error(err)
		}
		works(t.Name())
	})
	t.Run("other storage that fails", func(t *testing.T) {
		other := newDrive(t)
		other.fail(errors.New("no such key"))
		settings := b.settings(newDesk("ticket"))
		settings.Storage = other.with("plain")
		c := b.make(settings)
		if err := c.Start(); err == nil || err.Error() != "opening the storage: no such key" {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		works(t.Name())
	})
	end(t, old)
	if opens := b.drive.opens.Load(); opens != 1 {
		t.Errorf("the storage was opened %d times", opens)
	}
	if len(b.pool.slots) != 0 {
		t.Errorf("%d storages are remembered", len(b.pool.slots))
	}
	// Once it is closed, other settings are no matter.
	settings := b.settings(d)
	settings.Storage = b.drive.with("other")
	old = b.start(settings, form("hook"))
	works("with other settings")
}

// Another storage is another engine: nothing of them is shared.
func TestOtherStorage(t *testing.T) {
	b := newBench(t)
	here, there := newDesk("ticket"), newDesk("ticket")
	settings := b.settings(there)
	other := newDrive(t)
	settings.Storage = other.with("plain")
	one, two := b.start(b.settings(here), form("hook")), b.start(settings, form("hook"))
	accept(t, one, "hook", "here")
	accept(t, two, "hook", "there")
	here.want(t, "here")
	there.want(t, "there")
	end(t, one)
	if b.drive.closes.Load() != 1 || other.closes.Load() != 0 {
		t.Error("the wrong storage was closed")
	}
	accept(t, two, "hook", "still there")
	there.want(t, "still there")
}

// Caddy cleans a configuration up without waiting for its requests.
func TestRequestsOutliveTheirConfiguration(t *testing.T) {
	b := newBench(t)
	c := b.start(b.settings(newDesk("ticket")), form("hook"))
	l := held(t, c)
	before, err := l.Edge().Integrations.Route(t.Context(), "hook")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil { // without Stop, as after a start that failed
		t.Fatal(err)
	}
	if b.drive.closes.Load() != 0 {
		t.Fatal("the storage was closed under a request")
	}
	if route, err := l.Edge().Integrations.Route(t.Context(), "hook"); err != nil || route == nil {
		t.Errorf("%v, %v", route, err)
	}
	l.Release()
	polltest.Until(t, "the last request closes the storage", func() bool { return b.drive.closes.Load() == 1 })

	// One that comes later opens what it needs for itself.
	accept(t, c, "hook", "late")
	l = held(t, c)
	if n := len(l.active); n != 0 {
		t.Errorf("a closed configuration dispatches: %d", n)
	}
	if route, err := l.Edge().Integrations.Route(t.Context(), "hook"); err != nil || route != before {
		t.Errorf("the route of an unchanged integration is another one: %v", err)
	}
	l.Release()
	polltest.Until(t, "what late requests have opened is closed", func() bool {
		return b.drive.closes.Load() > 1 && b.drive.closes.Load() == b.drive.opens.Load()
	})
}

// Apps start in no order: a request may come before this one's start.
func TestRequestBeforeTheStart(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	c := b.make(b.settings(d), form("hook"))
	accept(t, c, "hook", "early")
	d.none(t) // for the configuration may fail as a whole yet
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	d.want(t, "early")
	if n := b.drive.opens.Load(); n != 1 {
		t.Errorf("the storage was opened %d times", n)
	}
}

// Configurations and requests that come and go at once never open a storage twice,
// and leave nothing open. The drive sees to that.
func TestComingAndGoing(t *testing.T) {
	b := newBench(t)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for round := range 6 {
				c, err := New(b.pool, b.settings(newDesk("ticket")))
				if err != nil {
					t.Error(err)
					return
				}
				if err := c.Declare(Declaration{Forms: []json.RawMessage{form(fmt.Sprint("hook", n))}, Expand: plainly, Place: nowhere}); err != nil {
					t.Error(err)
				}
				var requests sync.WaitGroup
				for range 3 {
					requests.Go(func() {
						if status := post(c, fmt.Sprint("hook", n), fmt.Sprint(n, round)); status != http.StatusAccepted && status != http.StatusOK {
							t.Errorf("answered with %d", status)
						}
					})
				}
				if round%2 == 0 {
					if err := c.Start(); err != nil {
						t.Error(err)
					}
					c.Stop()
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				requests.Wait()
			}
		})
	}
	all.Wait()
	polltest.Until(t, "all is closed", func() bool {
		b.pool.mu.Lock()
		defer b.pool.mu.Unlock()
		return len(b.pool.slots) == 0
	})
}

// What cannot be closed well is told to whoever closes it.
func TestCloseFails(t *testing.T) {
	b := newBench(t)
	b.drive.closeFault = errors.New("a sync has failed")
	c := b.start(b.settings(newDesk("ticket")))
	c.Stop()
	if err := c.Close(); !errors.Is(err, b.drive.closeFault) {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}

	c = b.start(b.settings(newDesk("ticket")))
	l := held(t, c)
	end(t, c)
	l.Release()
	polltest.Until(t, "the log tells of it", func() bool { return b.told("closing the storage") == 1 })
}

// Pending events wait for the storage to be opened again.
func TestPendingEventsWait(t *testing.T) {
	b := newBench(t)
	d := newDesk("ticket")
	d.unreached.Store(true)
	c := b.start(b.settings(d), form("hook"))
	accept(t, c, "hook", "waits")
	end(t, c)
	if b.told("closing the storage; its pending events are delivered once it is open again") != 1 {
		t.Error("the log does not tell of pending events")
	}
	d.unreached.Store(false)
	b.start(b.settings(d), form("hook"))
	d.want(t, "waits")
}

// Interface guards
var (
	_ trigger.Trigger = (*desk)(nil)
	_ storage.Backend = (*opened)(nil)
)
