package turns

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hold takes a turn for a second and notes when it had it.
func hold(t *testing.T, turns *Turns, project string, note func(string)) {
	done, err := turns.Take(t.Context(), project)
	if err != nil {
		t.Error(err)
		return
	}
	note(project)
	time.Sleep(time.Second)
	done()
}

func TestTurnsGoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{Most: 2}
		var mu sync.Mutex
		var had []string
		var wait sync.WaitGroup
		start := func(project string) {
			wait.Go(func() {
				hold(t, turns, project, func(project string) {
					mu.Lock()
					defer mu.Unlock()
					had = append(had, project)
				})
			})
			synctest.Wait()
		}
		for range 5 {
			start("a")
			start("b")
		}
		start("c")
		start("d")
		began := time.Now()
		wait.Wait()
		if first := had[:6]; !slices.Contains(first, "c") || !slices.Contains(first, "d") {
			t.Errorf("the first turns went to %v", first)
		}
		if took := time.Since(began); len(had) != 12 || took != 6*time.Second {
			t.Errorf("%d turns, two at once, took %v", len(had), took)
		}
		if len(turns.busy)+len(turns.waiting)+len(turns.order) > 0 {
			t.Errorf("something is left: %+v", turns)
		}
	})
}

func TestOneTurnOfAProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{Most: 3}
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() { hold(t, turns, "a", func(string) {}) })
		}
		began := time.Now()
		wait.Wait()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("one at a time, it took %v", took)
		}
	})
}

// Who leaves gives his place to the next.
func TestLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := &Turns{Most: 1}
		done, err := turns.Take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		gone := errors.New("gone")
		ctx, leave := context.WithCancelCause(t.Context())
		var wait sync.WaitGroup
		for _, project := range []string{"a", "b", "b"} {
			wait.Go(func() {
				if _, err := turns.Take(ctx, project); !errors.Is(err, gone) {
					t.Errorf("%s: %v", project, err)
				}
			})
		}
		synctest.Wait()
		leave(gone)
		wait.Wait()
		done()
		for _, project := range []string{"b", "a"} {
			again, err := turns.Take(t.Context(), project)
			if err != nil {
				t.Fatal(err)
			}
			again()
		}
		if _, err := turns.Take(ctx, "c"); err != nil && !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}
