package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// revivable is a store with a few integrations that is retried at once, on a
// disk with the space that free returns.
func revivable(t *testing.T, step func(string)) (s *Store, free *atomic.Int64) {
	t.Helper()
	free = new(atomic.Int64)
	free.Store(1 << 30)
	s, err := Open(Options{
		Dir: filepath.Join(t.TempDir(), "store"), Key: seal.NewKey(), retry: 5 * time.Millisecond, step: step,
		space: func(string) (int64, error) { return free.Load(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i := range 20 {
		mustPut(t, s, fmt.Sprint("hook", i), "value", 0)
	}
	return s, free
}

// fails makes a write fail with an unknown outcome.
func fails(t *testing.T, s *Store, webhookID string) {
	t.Helper()
	if err := s.mark.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), storage.Integration{WebhookID: webhookID, Project: "p"}, 0); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("%v", err)
	}
}

// After a failed sync the contents of the disk are unknown: nothing is
// acknowledged on top of it. It can be read, and what can be read is what a
// fresh database gets.
func TestFailedWrite(t *testing.T) {
	s, free := revivable(t, nil)
	free.Store(floor) // so that there is no space for a fresh database
	fails(t, s, "unknown")
	want := contents(t, s)
	for range 2 {
		if _, err := s.Put(t.Context(), storage.Integration{WebhookID: "b", Project: "p"}, 0); !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("%v", err)
		}
		if health := s.Health(); health.State != "failed" || time.Since(health.FailedAt) > time.Minute {
			t.Errorf("%+v", health)
		}
	}
	if len(want) != 21+21+1 {
		t.Fatalf("%v", want)
	}

	free.Store(1 << 30)
	polltest.Until(t, "the store is revived", func() bool { return s.Health().State == "ok" })
	if health := s.Health(); health.FailedAt.IsZero() {
		t.Error("nothing tells of the failure any more")
	}
	if got := contents(t, s); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if revision := mustPut(t, s, "new", "1", 0); revision != 22 {
		t.Errorf("revision %d", revision)
	}
	want = contents(t, s)
	if got := stored(t, crash(t, s.dir), s.key); !maps.Equal(got, want) {
		t.Errorf("after a crash: %v, want %v", got, want)
	}
	if names, err := filepath.Glob(s.dir + "*"); err != nil || len(names) != 2 { // with the lock
		t.Errorf("left behind: %v, %v", names, err)
	}
}

// TestReadWhileRevived: who reads meets no error meanwhile.
func TestReadWhileRevived(t *testing.T) {
	s, _ := revivable(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for ctx.Err() == nil {
				_, getErr := s.Get(t.Context(), "hook7")
				list, listErr := s.List(t.Context(), "", storage.Place{}, 100)
				if getErr != nil || listErr != nil || len(list) < 20 {
					t.Errorf("%v; %d, %v", getErr, len(list), listErr)
					return
				}
				for _, err := range s.Export(t.Context()) {
					if err != nil {
						t.Error(err)
						return
					}
				}
				s.Health()
			}
		})
	}
	for i := range 3 {
		fails(t, s, fmt.Sprint("unknown", i))
		polltest.Until(t, "the store is revived", func() bool { return s.Health().State == "ok" })
	}
	stop()
	readers.Wait()
}

// TestReviveInSteps has the new database not open at once.
func TestReviveInSteps(t *testing.T) {
	var broken atomic.Bool
	var s *Store
	manifest := func() string { return filepath.Join(s.dir, "MANIFEST") }
	s, _ = revivable(t, func(step string) {
		if step == "removed" && !broken.Swap(true) {
			if err := os.Rename(manifest(), manifest()+".aside"); err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(manifest(), []byte("no manifest of any kind"), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	want := contents(t, s)
	fails(t, s, "unknown")
	polltest.Until(t, "the new database is there and cannot be opened", func() bool {
		_, err := s.Get(t.Context(), "hook1")
		return errors.Is(err, storage.ErrUnavailable)
	})
	if health := s.Health(); health.State != "failed" {
		t.Errorf("%+v", health)
	}
	if _, err := s.Put(t.Context(), storage.Integration{WebhookID: "b", Project: "p"}, 0); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if err := os.Rename(manifest()+".aside", manifest()); err != nil {
		t.Fatal(err)
	}
	polltest.Until(t, "the store is revived", func() bool { return s.Health().State == "ok" })
	got := contents(t, s)
	for id, value := range want {
		if id != "last" && got[id] != value {
			t.Errorf("%s is %s, want %s", id, got[id], value)
		}
	}
}

// A store that is closed while it cannot be written closes.
func TestCloseAfterFailure(t *testing.T) {
	s, free := revivable(t, nil)
	free.Store(floor)
	fails(t, s, "unknown")
	s.mark = nil // its file is closed already
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestReviveOnASlowDisk: a goroutine that takes too long to create a fresh
// database is abandoned, and there is no other one until it has ended.
func TestReviveOnASlowDisk(t *testing.T) {
	goOn, making := make(chan struct{}), make(chan struct{}, 100)
	core, logs := observer.New(zap.WarnLevel)
	s, err := Open(Options{
		Dir: filepath.Join(t.TempDir(), "store"), Key: seal.NewKey(), Logger: zap.New(core), retry: 5 * time.Millisecond, patience: 50 * time.Millisecond,
		step: func(step string) {
			if step == "making" {
				making <- struct{}{}
				<-goOn
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustPut(t, s, "hook", "value", 0)
	fails(t, s, "unknown")
	want := contents(t, s)
	<-making
	polltest.Until(t, "some tries", func() bool { return logs.FilterMessage("integrations cannot be written yet").Len() > 3 })
	if len(making) > 0 || s.Health().State != "failed" {
		t.Errorf("%d others are made", len(making))
	}
	if got := contents(t, s); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	close(goOn)
	polltest.Until(t, "the store is revived", func() bool { return s.Health().State == "ok" })
	if got := contents(t, s); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
