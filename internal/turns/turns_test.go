package turns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var limits = Limits{Total: 4, PerProject: 2, Part: 250 * time.Millisecond, Waiting: 100}

// Many slow ones of one project delay no other project.
func TestAnotherProjectDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := New(limits)
		var busy sync.WaitGroup
		for range 50 {
			busy.Go(func() {
				end, err := all.Take(t.Context(), "a", 1)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Millisecond)
				end()
			})
		}
		for range 1000 {
			began := time.Now()
			end, err := all.Take(t.Context(), "b", 1)
			if waited := time.Since(began); err != nil || waited > 0 {
				t.Fatalf("waited for %v: %v", waited, err)
			}
			time.Sleep(100 * time.Microsecond)
			end()
			time.Sleep(10 * time.Millisecond)
		}
		busy.Wait()
	})
}

// What a project has beyond its part it gets later, and in order.
func TestPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := New(Limits{Total: 4, PerProject: 1, Part: 250 * time.Millisecond, Waiting: 100})
		began := time.Now()
		var done sync.WaitGroup
		for i := range 30 {
			done.Go(func() {
				time.Sleep(time.Duration(i)) // one after the other
				end, err := all.Take(t.Context(), "a", 1)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Millisecond)
				end()
			})
		}
		done.Wait()
		// A second at once, and 2 s at a quarter of the time.
		if took := time.Since(began); took < 7*time.Second || took > 9*time.Second {
			t.Errorf("3 s of work took %v", took)
		}
		time.Sleep(10 * time.Second)
		began = time.Now()
		end, err := all.Take(t.Context(), "a", 1)
		if waited := time.Since(began); err != nil || waited > 0 {
			t.Errorf("later it waited for %v: %v", waited, err)
		}
		end()
	})
}

// Projects that all want more than there is get turns one after the other.
func TestProjectsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := New(Limits{Total: 2, PerProject: 1, Part: time.Hour, Waiting: 1000})
		var got [5]atomic.Int64
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var done sync.WaitGroup
		for i := range 100 {
			project := min(i, 4) // the last one has nearly all
			done.Go(func() {
				for {
					end, err := all.Take(ctx, fmt.Sprint(project), 1)
					if err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
					got[project].Add(1)
					end()
				}
			})
		}
		done.Wait()
		for project := range got {
			if n := got[project].Load(); n < 2300 || n > 2500 {
				t.Errorf("project %d had %d turns", project, n)
			}
		}
	})
}

func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := New(Limits{Total: 2, PerProject: 1, Part: time.Second, Waiting: 10})
		end, err := all.Take(t.Context(), "a", 1000)
		if err != nil {
			t.Fatal(err)
		}
		var waiting sync.WaitGroup
		take := func(weight int, patience time.Duration, want error) {
			waiting.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				end, err := all.Take(ctx, "a", weight)
				if !errors.Is(err, want) {
					t.Errorf("a weight of %d: %v, want %v", weight, err, want)
				}
				if err == nil {
					end()
				}
			})
			synctest.Wait()
		}
		take(50, time.Second, context.DeadlineExceeded) // the first may wait, and goes
		take(1, 3*time.Second, ErrBusy)                 // exceeds the limit together with it
		time.Sleep(2 * time.Second)
		take(5, time.Minute, nil)
		take(5, time.Minute, nil)
		take(1, time.Minute, ErrBusy)
		end()
		waiting.Wait()
		if len(all.line) != 0 || all.running != 0 {
			t.Errorf("%d run, %d wait", all.running, len(all.line))
		}
	})
}

// What waits may go at any moment, and no turn is lost by it.
func TestNoTurnIsLost(t *testing.T) {
	all := New(Limits{Total: 2, PerProject: 1, Part: time.Hour, Waiting: 1000})
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			for n := range 500 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%7)*10*time.Microsecond)
				if end, err := all.Take(ctx, fmt.Sprint(i%3), 1); err == nil {
					end()
				}
				cancel()
			}
		})
	}
	done.Wait()
	for i := range 3 {
		end, err := all.Take(t.Context(), fmt.Sprint(i), 1)
		if err != nil {
			t.Fatal(err)
		}
		end()
	}
	if all.running != 0 {
		t.Errorf("%d turns are lost", all.running)
	}
}

// Projects that have long been idle take no memory.
func TestIdleProjectsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := New(limits)
		for i := range 1000 {
			end, err := all.Take(t.Context(), fmt.Sprint(i), 1)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
			end()
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(all.projects); n > 64 {
			t.Errorf("%d projects are known", n)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	all := New(limits)
	for b.Loop() {
		end, err := all.Take(b.Context(), "a", 1)
		if err != nil {
			b.Fatal(err)
		}
		end()
	}
}

// hold takes a turn for a second and records when it had it.
func hold(t *testing.T, turns *Turns, project string, note func(string)) {
	done, err := turns.Take(t.Context(), project, 0)
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
		turns := New(Limits{Total: 2, PerProject: 1})
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
		if turns.running+len(turns.line) > 0 {
			t.Errorf("something is left: %+v", turns)
		}
	})
}

func TestOneTurnOfAProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := New(Limits{Total: 3, PerProject: 1})
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
		turns := New(Limits{Total: 1, PerProject: 1})
		done, err := turns.Take(t.Context(), "a", 0)
		if err != nil {
			t.Fatal(err)
		}
		gone := errors.New("gone")
		ctx, leave := context.WithCancelCause(t.Context())
		var wait sync.WaitGroup
		for _, project := range []string{"a", "b", "b"} {
			wait.Go(func() {
				if _, err := turns.Take(ctx, project, 0); !errors.Is(err, gone) {
					t.Errorf("%s: %v", project, err)
				}
			})
		}
		synctest.Wait()
		leave(gone)
		wait.Wait()
		done()
		for _, project := range []string{"b", "a"} {
			again, err := turns.Take(t.Context(), project, 0)
			if err != nil {
				t.Fatal(err)
			}
			again()
		}
		if _, err := turns.Take(ctx, "c", 0); err != nil && !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}
