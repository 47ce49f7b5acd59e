package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

const patience = 20 * time.Second

// drive is a small storage in a directory. It holds a test to opening it once at a
// time.
type drive struct {
	t   *testing.T
	dir string
	key seal.Key

	opens, closes atomic.Int32
	fault         atomic.Pointer[error]         // of Open
	closing       atomic.Pointer[chan struct{}] // is waited for by Close
	closeFault    error
	// wrap changes what has been opened.
	wrap func(*opened)
}

func newDrive(t *testing.T) *drive {
	d := &drive{t: t, dir: t.TempDir(), key: seal.NewKey()}
	t.Cleanup(func() {
		if opens, closes := d.opens.Load(), d.closes.Load(); opens != closes {
			t.Errorf("the storage was opened %d times and closed %d times", opens, closes)
		}
	})
	return d
}

// fail has Open fail from now on, or succeed.
func (d *drive) fail(err error) { d.fault.Store(&err) }

// use is a drive as a configuration names it.
type use struct {
	*drive
	options string
}

func (d *drive) with(options string) storage.Storage { return use{d, options} }

func (u use) Key() string     { return u.dir }
func (u use) Options() string { return u.options }

func (u use) Open(context.Context) (storage.Backend, error) {
	if fault := u.fault.Load(); fault != nil && *fault != nil {
		return nil, *fault
	}
	if u.opens.Add(1)-u.closes.Load() > 1 {
		u.t.Error("the storage is open twice")
	}
	integrations, err := store.Open(store.Options{Dir: filepath.Join(u.dir, "integrations"), Key: u.key})
	if err != nil {
		return nil, err
	}
	events, err := eventlog.Open(eventlog.Options{Dir: filepath.Join(u.dir, "events"), Key: u.key, SegmentSize: 1 << 20})
	if err != nil {
		return nil, errors.Join(err, integrations.Close())
	}
	o := &opened{drive: u.drive, integrations: integrations, events: events, disk: storage.Disk{FreeBytes: 100}, jump: 5 * time.Second, close: func() error { return errors.Join(events.Close(), integrations.Close()) }}
	if u.wrap != nil {
		u.wrap(o)
	}
	return o, nil
}

// opened is an open drive, of which a test may change parts.
type opened struct {
	*drive
	integrations storage.Integrations
	events       storage.Events
	health       storage.Health
	disk         storage.Disk
	jump         time.Duration
	close        func() error
}

func (o *opened) Integrations() storage.Integrations { return o.integrations }
func (o *opened) Events() storage.Events             { return o.events }
func (o *opened) Disk() storage.Disk                 { return o.disk }
func (o *opened) ClockJump() time.Duration           { return o.jump }
func (o *opened) Health() storage.Health {
	o.health.State = cmp.Or(o.health.State, "ok")
	return o.health
}

func (o *opened) Close() error {
	if waits := o.closing.Load(); waits != nil {
		<-*waits
	}
	defer o.closes.Add(1)
	return errors.Join(o.close(), o.closeFault)
}

// desk is a trigger that tells what it was given.
type desk struct {
	types     []string
	got       chan string // project/resource: body
	refuses   error
	unreached atomic.Bool
	run       func(context.Context) // in the middle of an attempt
}

func newDesk(types ...string) *desk { return &desk{types: types, got: make(chan string, 1000)} }

func (d *desk) ResourceTypes() []string { return d.types }

func (d *desk) Allow(string, trigger.Resource) error { return d.refuses }

func (d *desk) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	if d.run != nil {
		d.run(ctx)
	}
	if d.unreached.Load() {
		return trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrConnect}
	}
	d.got <- string(attempt.Event.Body)
	return trigger.Result{Verdict: trigger.Delivered}
}

// want waits for an event; those before it are ignored.
func (d *desk) want(t *testing.T, body string) {
	t.Helper()
	for timeout := time.After(patience); ; {
		select {
		case got := <-d.got:
			if got == body {
				return
			}
		case <-timeout:
			t.Fatalf("%q was not delivered", body)
		}
	}
}

// none fails when an event has come.
func (d *desk) none(t *testing.T) {
	t.Helper()
	select {
	case got := <-d.got:
		t.Errorf("%q was delivered", got)
	default:
	}
}

// bench is a process that has configurations.
type bench struct {
	t       *testing.T
	pool    *Pool
	drive   *drive
	logger  *zap.Logger
	logs    *observer.ObservedLogs
	fetches chan string
}

func newBench(t *testing.T) *bench {
	core, logs := observer.New(zap.DebugLevel)
	b := &bench{t: t, drive: newDrive(t), logger: zap.New(core), logs: logs, fetches: make(chan string, 100)}
	b.pool = NewPool(Observer{
		Attempt: func(string, string, time.Duration) {},
		Fetch:   func(source, code string) { b.fetches <- source + ":" + code },
	})
	return b
}

// settings are those of a configuration with a trigger, and small limits.
func (b *bench) settings(triggers ...trigger.Trigger) Settings {
	return Settings{
		Storage:           b.drive.with("plain"),
		Triggers:          triggers,
		Retry:             dispatch.Policy{Initial: time.Millisecond, Max: time.Millisecond},
		Concurrency:       dispatch.Concurrency{Total: 8, PerTrigger: 4, PerIntegration: 4, Bytes: 1 << 20},
		EventLimits:       storage.Limits{Disk: 64 << 20, Backlog: 1000, Events: 1000, Delivered: time.Hour, Failed: time.Hour, Remember: time.Hour},
		IntegrationLimits: storage.IntegrationLimits{Integrations: 100, Bytes: 1 << 20},
		InFlight:          1 << 20,
		Shelf:             NewShelf(files{}, b.logger),
		Logger:            b.logger,
	}
}

// form is an integration hook of the project demo, in the JSON form of the admin API.
func form(webhookID string, more ...string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"webhook_id":%q,"project":"demo",
		"authentication":{"secure_header":{"name":"X-Key","value":"key"}},"resource":{"type":"ticket","id":"1"}%s}`, webhookID, strings.Join(more, "")))
}

// make returns a configuration that declares the forms.
func (b *bench) make(settings Settings, forms ...json.RawMessage) *Configuration {
	b.t.Helper()
	c, err := New(b.pool, settings)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := c.Declare(Declaration{Forms: forms, Expand: plainly, Place: nowhere}); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { end(b.t, c) })
	return c
}

func plainly(_, _, _, text string) (string, error) { return text, nil }

func nowhere(string, string) string { return "" }

// start returns a configuration that is served.
func (b *bench) start(settings Settings, forms ...json.RawMessage) *Configuration {
	b.t.Helper()
	c := b.make(settings, forms...)
	if err := c.Start(); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// end stops and closes a configuration, as often as it likes.
func end(t *testing.T, c *Configuration) {
	t.Helper()
	c.Stop()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// acquire is what a handler has the gate call.
func acquire(c *Configuration) gate.Acquire {
	return func() (*gate.Config, func(), error) {
		held, err := c.Acquire()
		if err != nil {
			return nil, nil, err
		}
		return held.Edge(), held.Release, nil
	}
}

// post sends an event and returns the status of the answer.
func post(c *Configuration, webhookID, body string) int {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/"+webhookID, strings.NewReader(body))
	r.Header.Set("X-Key", "key")
	w := httptest.NewRecorder()
	seen := gate.New(gate.Settings{}).Serve(w, r, "192.0.2.1", acquire(c))
	seen.Done()
	return w.Code
}

// accept sends an event that is to be stored.
func accept(t *testing.T, c *Configuration, webhookID, body string) {
	t.Helper()
	if status := post(c, webhookID, body); status != http.StatusAccepted {
		t.Fatalf("%s was answered with %d", body, status)
	}
}

// held returns a hold on what a configuration has open, until the test ends it.
func held(t *testing.T, c *Configuration) *Lease {
	t.Helper()
	l, err := c.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// told counts the entries of the log with the message.
func (b *bench) told(message string) int { return b.logs.FilterMessage(message).Len() }

// files are a storage of Caddy's in memory.
type files map[string]string

var errFiles = errors.New("the files cannot be read")

func (f files) Store(_ context.Context, key string, value []byte) error {
	if _, broken := f["broken store"]; broken {
		return errFiles
	}
	f[key] = string(value)
	return nil
}

func (f files) Load(_ context.Context, key string) ([]byte, error) {
	if _, broken := f["broken load"]; broken {
		return nil, errFiles
	}
	return []byte(f[key]), nil
}

func (f files) Delete(_ context.Context, key string) error {
	if _, broken := f["broken delete"]; broken {
		return errFiles
	}
	delete(f, key)
	return nil
}

func (f files) Exists(context.Context, string) bool { return len(f) > 0 }

func (f files) List(context.Context, string, bool) ([]string, error) {
	if _, broken := f["broken list"]; broken {
		return nil, errFiles
	}
	var names []string
	for name := range f {
		if !strings.HasPrefix(name, "broken") {
			names = append(names, name)
		}
	}
	return names, nil
}

// Interface guards
var (
	_ storage.Storage = use{}
	_ Files           = files{}
)
