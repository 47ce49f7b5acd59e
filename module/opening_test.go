package module

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/storage/badger"
)

func init() { caddy.RegisterModule(new(fullStorage)) }

// diskFull reports whether a fullStorage can be opened.
var diskFull atomic.Bool

// fullStorage is a storage on a disk that may be full.
type fullStorage struct{ badger.Storage }

func (*fullStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "webhooks.storage.full", New: func() caddy.Module { return new(fullStorage) }}
}

func (s *fullStorage) Open(ctx context.Context) (storage.Backend, error) {
	if diskFull.Load() {
		return nil, fmt.Errorf("%w: the disk is full", storage.ErrUnavailable)
	}
	return s.Storage.Open(ctx)
}

// TestStartOnAFullDisk: the configuration is served, with 503, and everything
// works once there is space.
func TestStartOnAFullDisk(t *testing.T) {
	b := newBench(t)
	full := func(app map[string]any) { app["storage"].(map[string]any)["module"] = "full" }
	diskFull.Store(true)
	defer diskFull.Store(false)
	b.load(b.config(full))
	status := func() int {
		response := b.post("while full")
		if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
			t.Error("a 503 without Retry-After")
		}
		return response.StatusCode
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Fatalf("answered %d on a full disk", got)
	}
	// A reload and a stop change nothing about that.
	b.load(b.config(func(app map[string]any) { full(app); app["public_url"] = "https://hooks.example.com/" }))
	if got := status(); got != http.StatusServiceUnavailable {
		t.Fatalf("answered %d after a reload on a full disk", got)
	}
	diskFull.Store(false)
	deadline := time.Now().Add(patience)
	for openStores(t) != 1 { // without a request: what is pending must not wait for one
		if time.Now().After(deadline) {
			t.Fatal("the storage was not opened again")
		}
		<-time.After(10 * time.Millisecond)
	}
	b.deliver("once there is space")
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if n := openStores(t); n > 0 {
		t.Errorf("%d storages are still open", n)
	}
}
