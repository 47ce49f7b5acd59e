package integration

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// newTestCache caches the integrations of the service themselves.
func newTestCache(s *Service, limit int, loads *atomic.Int64) *Cache[*Integration] {
	load := func(ctx context.Context, webhookID string) (*Integration, error) {
		loads.Add(1)
		return s.Lookup(ctx, View{}, webhookID)
	}
	cache := NewCache(load, func(in *Integration) (*Integration, error) { return in, nil }, limit)
	s.OnChange(func(webhookID string, _ storage.Identity) { cache.Invalidate(webhookID) })
	return cache
}

func TestCache(t *testing.T) {
	s, _, _ := newTestService(t)
	var loads atomic.Int64
	cache := newTestCache(s, 0, &loads)
	view := View{Rules: rules()}
	if in, found, err := cache.Get(t.Context(), "hook"); in != nil || found || err != nil {
		t.Errorf("%v, %v, %v", in, found, err)
	}
	if len(cache.ring) != 0 {
		t.Error("an unknown webhook ID is kept")
	}
	created, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	first, found, err := cache.Get(t.Context(), "hook")
	if !found || err != nil || first.Revision != created.Revision {
		t.Errorf("%v, %v, %v", first, found, err)
	}
	loads.Store(0)
	if again, _, _ := cache.Get(t.Context(), "hook"); again != first || loads.Load() != 0 {
		t.Error("a hit is loaded again")
	}
	if _, err := s.Patch(t.Context(), view, "demo", "hook", []byte(`{"alias":"x"}`), Precondition{}); err != nil {
		t.Fatal(err)
	}
	if next, _, _ := cache.Get(t.Context(), "hook"); next.Alias != "x" {
		t.Error("a write is not seen")
	}
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); err != nil {
		t.Fatal(err)
	}
	if _, found, _ := cache.Get(t.Context(), "hook"); found {
		t.Error("a deletion is not seen")
	}
}

func TestCacheIsBounded(t *testing.T) {
	s, _, _ := newTestService(t)
	var loads atomic.Int64
	one := mustParse(t, `{`+github+`}`)
	one.WebhookID = "hook12"
	limit := 10 * one.weight()
	cache := newTestCache(s, limit, &loads)
	for i := range 50 {
		id := fmt.Sprint("hook", i)
		if _, err := s.Create(t.Context(), View{Rules: rules()}, "demo", withHook(id)); err != nil {
			t.Fatal(err)
		}
		// One that is asked for again and again stays.
		for _, id := range []string{"hook0", id, "hook0"} {
			if _, found, err := cache.Get(t.Context(), id); !found || err != nil {
				t.Fatal(found, err)
			}
		}
		if i%7 == 0 {
			cache.Invalidate(id)
		}
	}
	entries := 0
	cache.entries.Range(func(any, any) bool { entries++; return true })
	if entries > 10 || len(cache.ring) != 10 || cache.weight > limit {
		t.Errorf("%d entries, %d slots, %d bytes", entries, len(cache.ring), cache.weight)
	}
	loads.Store(0)
	if _, _, err := cache.Get(t.Context(), "hook0"); err != nil || loads.Load() != 0 {
		t.Error("the one in use was dropped")
	}
}

// Large integrations drive out as many small ones as they take room of, and
// leave their room behind.
func TestCacheCountsBytes(t *testing.T) {
	size := func(id string) int {
		if id[0] == 'b' {
			return maxFilter
		}
		return 1
	}
	load := func(_ context.Context, id string) (*Integration, error) {
		return &Integration{WebhookID: id, EventFilter: make([]string, size(id))}, nil
	}
	const limit = 64 << 10
	cache := NewCache(load, func(in *Integration) (*Integration, error) { return in, nil }, limit)
	for round := range 3 {
		for i, kind := range []string{"small", "big"} {
			for n := range 500 {
				if _, found, err := cache.Get(t.Context(), fmt.Sprint(kind, n)); !found || err != nil {
					t.Fatal(found, err)
				}
			}
			weight, entries := 0, 0
			cache.entries.Range(func(_, kept any) bool {
				weight += kept.(*entry[*Integration]).weight
				entries++
				return true
			})
			if weight != cache.weight || weight > limit || weight < limit*3/4 || entries+len(cache.free) != len(cache.ring) {
				t.Errorf("%d, %d: %d bytes for %d in %d entries, %d free of %d", round, i, cache.weight, weight, entries, len(cache.free), len(cache.ring))
			}
		}
	}
	for n := range 500 {
		cache.Invalidate(fmt.Sprint("big", n))
		cache.Invalidate(fmt.Sprint("small", n))
	}
	if cache.weight != 0 {
		t.Errorf("%d bytes are left", cache.weight)
	}
}

func TestCacheKeepsNothingThatRaced(t *testing.T) {
	s, _, _ := newTestService(t)
	if _, err := s.Create(t.Context(), View{Rules: rules()}, "demo", withHook("hook")); err != nil {
		t.Fatal(err)
	}
	var cache *Cache[*Integration]
	raced := false
	load := func(ctx context.Context, webhookID string) (*Integration, error) {
		in, err := s.Lookup(ctx, View{}, webhookID)
		if !raced { // a write returns while this load is under way
			raced = true
			cache.Invalidate(webhookID)
		}
		return in, err
	}
	cache = NewCache(load, func(in *Integration) (*Integration, error) { return in, nil }, 0)
	first, _, err := cache.Get(t.Context(), "hook")
	if err != nil {
		t.Fatal(err)
	}
	if second, _, _ := cache.Get(t.Context(), "hook"); second == first {
		t.Error("what was loaded before a write is kept after it")
	}
}

func TestCacheErrors(t *testing.T) {
	broken := errors.New("broken")
	in := new(Integration)
	var loadErr, compileErr error
	cache := NewCache(func(context.Context, string) (*Integration, error) { return in, loadErr },
		func(in *Integration) (*Integration, error) { return in, compileErr }, 0)
	loadErr = broken
	if _, found, err := cache.Get(t.Context(), "x"); found || !errors.Is(err, broken) {
		t.Error(found, err)
	}
	loadErr, compileErr = nil, broken
	if _, found, err := cache.Get(t.Context(), "x"); found || !errors.Is(err, broken) {
		t.Error(found, err)
	}
	compileErr = nil
	if _, found, err := cache.Get(t.Context(), "x"); !found || err != nil {
		t.Error(found, err)
	}
}

// What a reader gets is never older than the newest write that returned
// before it asked.
func TestCacheUnderLoad(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	var loads atomic.Int64
	cache := newTestCache(s, 4*mustParse(t, `{`+github+`}`).weight(), &loads)
	var newest [8]atomic.Uint64
	var wg sync.WaitGroup
	for i := range newest {
		if _, err := s.Create(t.Context(), view, "demo", withHook(fmt.Sprint("hook", i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range newest {
		id := fmt.Sprint("hook", i)
		wg.Go(func() {
			for n := range 200 {
				in, err := s.Patch(t.Context(), view, "demo", id, fmt.Appendf(nil, `{"alias":"%d"}`, n), Precondition{})
				if err != nil {
					t.Error(err)
					return
				}
				newest[i].Store(in.Revision)
			}
		})
		wg.Go(func() {
			for n := range 2000 {
				j := (i + n) % len(newest)
				want := newest[j].Load()
				in, found, err := cache.Get(t.Context(), fmt.Sprint("hook", j))
				if !found || err != nil {
					t.Error(found, err)
					return
				}
				if in.Revision < want {
					t.Errorf("revision %d after %d", in.Revision, want)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCacheHit(b *testing.B) {
	in := new(Integration)
	cache := NewCache(func(context.Context, string) (*Integration, error) { return in, nil },
		func(in *Integration) (*Integration, error) { return in, nil }, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, found, _ := cache.Get(context.Background(), "github-pr-review"); !found {
				b.Fatal("not found")
			}
		}
	})
}
