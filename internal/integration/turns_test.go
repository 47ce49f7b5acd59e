package integration

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

func TestConcurrentChangesBothHold(t *testing.T) {
	s, m, q := newTestService(t)
	other := NewService(m, q)
	view := View{Rules: rules()}
	in, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	m.beforePut = func() {
		if _, err := other.Patch(t.Context(), view, "demo", "hook", []byte(`{"dedupe":"body"}`), Precondition{}); err != nil {
			t.Error(err)
		}
	}
	got, err := s.Patch(t.Context(), view, "demo", "hook", []byte(`{"alias":"a"}`), Precondition{})
	if err != nil || got.Alias != "a" || got.Dedupe != DedupeBody {
		t.Errorf("%+v, %v", got, err)
	}
	m.beforePut = func() {
		if _, err := other.Patch(t.Context(), view, "demo", "hook", []byte(`{"dedupe":"none"}`), Precondition{}); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Patch(t.Context(), view, "demo", "hook", []byte(`{"alias":"b"}`), Precondition{IfMatch: in.ETag()}); !errors.Is(err, ErrPrecondition) {
		t.Errorf("%v", err)
	}
}

// crowded lets others come between each write and the reading before it.
type crowded struct{ *memory }

func (c crowded) Put(ctx context.Context, record storage.Integration, expected uint64) (uint64, error) {
	for range 100 {
		runtime.Gosched()
	}
	return c.memory.Put(ctx, record, expected)
}

func TestManyChangesAtOnce(t *testing.T) {
	s := NewService(crowded{newMemory()}, new(queue))
	view := View{Rules: rules()}
	if _, err := s.Create(t.Context(), view, "demo", withHook("hook")); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			if _, err := s.Patch(t.Context(), view, "demo", "hook", fmt.Appendf(nil, `{"alias":"%d"}`, i), Precondition{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestLookupWaitsForADeletion looks an integration up while it is marked as
// deleted, and the mark is taken back.
func TestLookupWaitsForADeletion(t *testing.T) {
	s, m, q := newTestService(t)
	view := View{Rules: rules()}
	in, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	m.beforePut = func() { q.pending[in.Identity] = 1 }
	var lookup sync.WaitGroup
	q.before = func() {
		read := make(chan struct{})
		m.afterGet = func() { close(read) }
		lookup.Go(func() {
			if got, err := s.Lookup(t.Context(), view, "hook"); err != nil || got == nil || got.Identity != in.Identity {
				t.Errorf("%+v, %v", got, err)
			}
		})
		<-read
	}
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); !errors.Is(err, ErrPending) {
		t.Errorf("%v", err)
	}
	lookup.Wait()
	if err := s.Delete(t.Context(), view, "demo", "hook", true, Precondition{}); err != nil {
		t.Error(err)
	}
	if got, err := s.Lookup(t.Context(), view, "hook"); got != nil || err != nil {
		t.Errorf("deleted: %+v, %v", got, err)
	}
}

// TestDeleteMeetsAnAcceptedEvent has an event accepted while the mark of the
// deletion is being written: it is not lost.
func TestDeleteMeetsAnAcceptedEvent(t *testing.T) {
	s, m, q := newTestService(t)
	view := View{Rules: rules()}
	in, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	m.beforePut = func() { q.pending[in.Identity] = 1 }
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); !errors.Is(err, ErrPending) {
		t.Errorf("%v", err)
	}
	if got, err := s.Get(t.Context(), view, "demo", "hook"); err != nil || got.Identity != in.Identity || len(q.dropped) > 0 {
		t.Errorf("%+v, %v, dropped %v", got, err, q.dropped)
	}
	if err := s.Delete(t.Context(), view, "demo", "hook", true, Precondition{}); err != nil || len(q.dropped) != 1 {
		t.Errorf("%v, dropped %v", err, q.dropped)
	}
}
