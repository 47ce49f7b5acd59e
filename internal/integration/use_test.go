package integration

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

func unused(t *testing.T, m *memory, webhookID string) bool {
	t.Helper()
	record, err := m.Get(t.Context(), webhookID)
	if err != nil {
		t.Fatal(err)
	}
	return record.Unused
}

// A webhook ID is unused until a request was accepted, and whatever is done to the
// integration then, it stays used.
func TestUse(t *testing.T) {
	s, m, _ := newTestService(t)
	view := View{Rules: rules()}
	in, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		do   func() error
		want bool
	}{
		{"created", func() error { return nil }, true},
		{"changed", func() error {
			_, err := s.Patch(t.Context(), view, "demo", "hook", []byte(`{"alias":"x"}`), Precondition{})
			return err
		}, true},
		{"deleted", func() error { return s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}) }, true},
		{"created once more", func() error {
			_, err := s.Create(t.Context(), view, "demo", withHook("hook"))
			return err
		}, true},
		{"used", func() error {
			s.Use(t.Context(), in)
			return nil
		}, false},
		{"deleted after that", func() error { return s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}) }, false},
		{"and created once more", func() error {
			_, err := s.Create(t.Context(), view, "demo", withHook("hook"))
			return err
		}, false},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := unused(t, m, "hook"); got != step.want {
			t.Errorf("%s: unused %v", step.name, got)
		}
		if in, err := s.Lookup(t.Context(), view, "hook"); err != nil || in != nil && in.Unused != step.want {
			t.Errorf("%s: %+v, %v", step.name, in, err)
		}
	}
}

// The route that knows nothing of the use goes when the use is noted, and stays when
// it could not be.
func TestUseIsHeardOf(t *testing.T) {
	s, m, _ := newTestService(t)
	in, err := s.Create(t.Context(), View{Rules: rules()}, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	stop := s.OnChange(func(webhookID string, identity storage.Identity) {
		if webhookID == "hook" && identity == in.Identity {
			heard++
		}
	})
	m.markFails = storage.ErrUnavailable
	s.Use(t.Context(), in)
	if heard != 0 {
		t.Error("a note that was not made was heard of")
	}
	m.markFails = nil
	s.Use(t.Context(), in)
	stop()
	if heard != 1 {
		t.Errorf("heard of %d times", heard)
	}
}

// slowMarks is a storage that takes its time.
type slowMarks struct {
	*memory
	mu    sync.Mutex // for marks
	marks int
	until chan struct{}
}

func (m *slowMarks) MarkUsed(ctx context.Context, webhookID string) error {
	m.mu.Lock()
	m.marks++
	m.mu.Unlock()
	<-m.until
	return m.memory.MarkUsed(ctx, webhookID)
}

// However slow the storage is, a request waits for a second at most, and many wait
// for one note.
func TestUseOnASlowStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &slowMarks{memory: newMemory(), until: make(chan struct{})}
		s := NewService(m, &queue{pending: make(map[storage.Identity]int)})
		in, err := s.Create(t.Context(), View{Rules: rules()}, "demo", withHook("hook"))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() { s.Use(t.Context(), in) })
		}
		wait.Wait()
		m.mu.Lock()
		if took := time.Since(began); took != useWait || m.marks != 1 {
			t.Errorf("%d notes were begun, and waited for %v", m.marks, took)
		}
		m.mu.Unlock()
		close(m.until)
		synctest.Wait()
		if unused(t, m.memory, "hook") || len(s.uses) != 0 {
			t.Errorf("the note was not made, %v", s.uses)
		}
	})
}

// What a configuration keeps is marked as such, also when an earlier version has
// written it.
func TestDeclaredIsMarked(t *testing.T) {
	s, m, _ := newTestService(t)
	text := `{"webhook_id":"a","project":"demo",` + github + `}`
	declare(t, s, text)
	check := func(when string) {
		t.Helper()
		for _, id := range []string{"a", "declared/demo/a"} {
			if record := m.records[id]; !record.Declared || !record.Deleted || record.Unused {
				t.Errorf("%s: %s is %+v", when, id, record)
			}
		}
	}
	check("declared")
	for id, record := range m.records {
		record.Declared = false
		m.records[id] = record
	}
	declare(t, s, text)
	check("declared again")
	revision := m.revision
	declare(t, s, text)
	if m.revision != revision {
		t.Error("something was written that was there")
	}
	// Once it is not declared any more the project has it back.
	if _, err := s.Create(t.Context(), View{Rules: rules()}, "demo", withHook("a")); err != nil {
		t.Fatal(err)
	}
	if record := m.records["a"]; record.Declared || record.Unused {
		t.Errorf("%+v", record)
	}
}

// refusing refuses every Put.
type refusing struct {
	*memory
	err error
}

func (r refusing) Put(context.Context, storage.Integration, uint64) (uint64, error) { return 0, r.err }

// What a limit forbids leaves nothing behind.
func TestLimitLeavesNothing(t *testing.T) {
	s := NewService(refusing{newMemory(), &storage.LimitError{Limit: storage.LimitProjectIntegrations}}, &queue{})
	for range 3 {
		_, err := s.Create(t.Context(), View{Rules: rules()}, "demo", []byte(`{`+github+`}`))
		if _, limited := errors.AsType[*storage.LimitError](err); !limited {
			t.Errorf("%v", err)
		}
	}
	if len(s.unsettled) != 0 {
		t.Errorf("%d are remembered", len(s.unsettled))
	}
}
