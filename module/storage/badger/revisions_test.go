package badger

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// Append refuses what an integration authenticated that was written since, and
// nothing of others.
func TestStale(t *testing.T) {
	b := mustOpen(t, &Storage{Path: t.TempDir() + "/store"})
	write := func(webhookID string, expected uint64) uint64 {
		t.Helper()
		revision, err := b.Integrations().Put(t.Context(), storage.Integration{WebhookID: webhookID, Project: "demo"}, expected)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	want := func(webhookID string, revision uint64, want error) {
		t.Helper()
		event := &storage.Event{Integration: storage.Identity{1}, WebhookID: webhookID, Project: "demo", Revision: revision}
		_, _, err := b.Events().Append(t.Context(), event, storage.Dedupe{})
		if !errors.Is(err, want) {
			t.Errorf("%s at revision %d: %v, want %v", webhookID, revision, err, want)
		}
	}
	first := write("a", 0)
	want("a", first, nil)
	second := write("a", first)
	others := make([]uint64, 3000) // some share a hash with it
	for i := range others {
		others[i] = write(fmt.Sprint("other", i), 0)
	}
	want("a", first, storage.ErrStale)
	want("a", second, nil)
	want("a", 0, nil)
	for i := 0; i < len(others); i += 100 {
		want(fmt.Sprint("other", i), others[i], nil)
	}
	if _, err := b.Integrations().Put(t.Context(), storage.Integration{WebhookID: "a"}, first); !errors.Is(err, storage.ErrConflict) {
		t.Fatal(err)
	}
	want("a", second, nil)
}

// What was written is remembered for longer than a request takes, and not for ever.
func TestRevisionsForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRevisions()
		r.written("a", 2)
		time.Sleep(requestTime + time.Second)
		r.written("b", 3)
		if !r.isStale("a", 1) || !r.isStale("b", 2) || r.isStale("b", 3) {
			t.Error("it has forgotten too soon")
		}
		time.Sleep(requestTime + time.Second)
		r.written("c", 4)
		if r.isStale("a", 1) || !r.isStale("b", 2) || len(r.now)+len(r.ago) != 2 {
			t.Errorf("it remembers %v and %v", r.now, r.ago)
		}
	})
}

// BenchmarkRevisions is what the check adds to an event's way: of an integration
// that nobody has written of late, and of one that shares its hash with another.
func BenchmarkRevisions(b *testing.B) {
	for name, written := range map[string]uint64{"quiet": 0, "busy": 10} {
		b.Run(name, func(b *testing.B) {
			r := newRevisions()
			for i := range len(r.newest) {
				r.newest[i].Store(written)
			}
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if r.isStale("github-main-reviews", 1) {
						b.Fatal("it is stale")
					}
				}
			})
		})
	}
}
