package module

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/prometheus/client_golang/prometheus"

	_ "github.com/hookgate/hookgate/module/storage/badger"
	_ "github.com/hookgate/hookgate/module/trigger/http"
)

const patience = 20 * time.Second

// bench is a configuration that can be varied, served by this process.
type bench struct {
	t         *testing.T
	address   string // of the edge
	store     string
	delivered chan string
	endpoint  string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, address: freeAddress(t), store: filepath.Join(t.TempDir(), "store"), delivered: make(chan string, 100)}
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.delivered <- string(body)
	}))
	b.endpoint = sink.URL
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		sink.Close()
	})
	return b
}

// nextPort lies below those that the system gives to outgoing connections, so that
// none is taken between the choice and its use.
var nextPort = 10000 + os.Getpid()%9000

func freeAddress(t *testing.T) string {
	for range 900 {
		nextPort++
		address := fmt.Sprintf("127.0.0.1:%d", nextPort)
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// config returns the configuration with the webhooks app changed by edits of
// its JSON, and listening on the addresses.
func (b *bench) config(edit func(app map[string]any), addresses ...string) []byte {
	app := map[string]any{
		"storage":  map[string]any{"module": "badger", "path": b.store},
		"triggers": []any{map[string]any{"module": "http", "resource_type": "ticket", "url": b.endpoint}},
		"integrations": []any{map[string]any{
			"webhook_id": "hook", "project": "demo",
			"authentication": map[string]any{"secure_header": map[string]any{"name": "X-Key", "value": "key"}},
			"resource":       map[string]any{"type": "ticket", "id": "1"},
		}},
	}
	if edit != nil {
		edit(app)
	}
	text, err := json.Marshal(map[string]any{
		"admin": map[string]any{"disabled": true, "config": map[string]any{"persist": false}},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{
			"writer": map[string]any{"output": "discard"}}}},
		"apps": map[string]any{
			"webhooks": app,
			"http": map[string]any{"servers": map[string]any{"edge": map[string]any{
				"listen":          append([]string{b.address}, addresses...),
				"automatic_https": map[string]any{"disable": true},
				"routes":          []any{map[string]any{"handle": []any{map[string]any{"handler": "webhooks"}}}},
			}}},
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *bench) load(config []byte) {
	b.t.Helper()
	if err := caddy.Load(config, true); err != nil {
		b.t.Fatal(err)
	}
}

// post sends an event over a connection of its own. One that Caddy ends while
// it hands its listener over is made again.
func (b *bench) post(body string) *http.Response {
	b.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		request, _ := http.NewRequest(http.MethodPost, "http://"+b.address+"/webhooks/hook", strings.NewReader(body))
		request.Header.Set("X-Key", "key")
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
			return response
		}
		if time.Now().After(deadline) {
			b.t.Fatal(err)
		}
	}
}

// deliver sends an event and waits until its trigger has it.
func (b *bench) deliver(body string) {
	b.t.Helper()
	if response := b.post(body); response.StatusCode != http.StatusAccepted {
		b.t.Fatalf("answered %s", response.Status)
	}
	for timeout := time.After(patience); ; {
		select {
		case got := <-b.delivered: // one of before when it was posted again
			if got == body {
				return
			}
		case <-timeout:
			b.t.Fatalf("%q was not delivered", body)
		}
	}
}

// openStores counts the storages that are open, as the metrics have it.
func openStores(t *testing.T) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(gateways); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	open := -1
	for _, family := range families {
		if family.GetName() == "caddy_webhooks_store_state" {
			open = 0
			for _, m := range family.GetMetric() {
				open += int(m.GetGauge().GetValue())
			}
		}
	}
	if open < 0 {
		t.Fatal("there is no such metric")
	}
	return open
}

// TestFailedConfigurationLeavesTheOldOne fails a load at each step and wants
// the old configuration to accept and deliver as before.
func TestFailedConfigurationLeavesTheOldOne(t *testing.T) {
	b := newBench(t)
	b.load(b.config(nil))
	b.deliver("before")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	for name, broken := range map[string][]byte{
		"public_url":  b.config(func(app map[string]any) { app["public_url"] = "nonsense" }),
		"storage":     b.config(func(app map[string]any) { app["storage"] = map[string]any{"module": "badger", "path": "{env.UNSET}"} }),
		"trigger":     b.config(func(app map[string]any) { app["triggers"] = []any{map[string]any{"module": "http"}} }),
		"retry":       b.config(func(app map[string]any) { app["retry"] = map[string]any{"max": -1} }),
		"concurrency": b.config(func(app map[string]any) { app["concurrency"] = map[string]any{"total": -1} }),
		"disk":        b.config(func(app map[string]any) { app["limits"] = map[string]any{"disk": 64<<20 - 1} }),
		"backlog":     b.config(func(app map[string]any) { app["limits"] = map[string]any{"backlog": 3} }),
		"events":      b.config(func(app map[string]any) { app["limits"] = map[string]any{"integration_events": -1} }),
		"in_flight":   b.config(func(app map[string]any) { app["limits"] = map[string]any{"in_flight": 1} }),
		"retention":   b.config(func(app map[string]any) { app["retention"] = map[string]any{"failed": -1} }),
		"integration": b.config(func(app map[string]any) { app["integrations"] = []any{map[string]any{"webhook_id": "hook"}} }),
		"key": b.config(func(app map[string]any) {
			app["storage"].(map[string]any)["encryption_key"] = strings.Repeat("A", 43) + "="
		}),
		"address":      b.config(nil, taken.Addr().String()),
		"other module": []byte(strings.Replace(string(b.config(nil)), `"http":{"servers"`, `"http":{"http_port":-1,"servers"`, 1)),
	} {
		if name == "other module" {
			broken = []byte(strings.Replace(string(broken), `"listen":`, `"nonsense":1,"listen":`, 1))
		}
		if err := caddy.Load(broken, true); err == nil {
			t.Fatalf("%s: the broken configuration was loaded", name)
		}
		b.deliver("after a broken " + name)
	}
	b.load(b.config(func(app map[string]any) { app["public_url"] = "https://hooks.example.com/" }))
	b.deliver("after a good one")
}

// TestValidateOpensNothing: validate provisions, and must leave no trace.
func TestValidateOpensNothing(t *testing.T) {
	b := newBench(t)
	var config caddy.Config
	if err := json.Unmarshal(b.config(nil), &config); err != nil {
		t.Fatal(err)
	}
	if err := caddy.Validate(&config); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Dir(b.store)); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// TestStoppedConfigurationClosesItsStorage: what the last configuration had
// open can be opened by the next.
func TestStoppedConfigurationClosesItsStorage(t *testing.T) {
	b := newBench(t)
	for round := range 3 {
		b.load(b.config(nil))
		b.deliver(fmt.Sprint("round ", round))
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
		if n := openStores(t); n > 0 {
			t.Fatalf("%d storages are still open", n)
		}
	}
}

// TestChangedPathMovesOn: another path is another store.
func TestChangedPathMovesOn(t *testing.T) {
	b := newBench(t)
	b.load(b.config(nil))
	b.deliver("to the first")
	b.store = filepath.Join(t.TempDir(), "second")
	b.load(b.config(nil))
	b.deliver("to the second")
	if n := openStores(t); n != 1 {
		t.Errorf("%d storages are open, want the second only", n)
	}
}

func TestLifecycleToleratesWhatWasNeverProvisioned(t *testing.T) {
	app := new(App)
	for range 2 {
		if err := app.Stop(); err != nil {
			t.Error(err)
		}
		if err := app.Cleanup(); err != nil {
			t.Error(err)
		}
	}
}
