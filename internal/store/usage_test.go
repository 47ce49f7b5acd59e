package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

func usageOfProject(t testing.TB, s *Store, project string) storage.IntegrationUsage {
	t.Helper()
	u, err := s.Usage(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// recounted is what a fresh count of the same records gives.
func recounted(t *testing.T, dir string, key seal.Key, projects ...string) (all []storage.IntegrationUsage) {
	t.Helper()
	s := mustOpen(t, crash(t, dir), key)
	for _, project := range projects {
		all = append(all, usageOfProject(t, s, project))
	}
	return all
}

// However records are written, deleted, moved, resealed and forgotten, the
// counts match the contents.
func TestUsageFollows(t *testing.T) {
	old, key := seal.NewKey(), seal.NewKey()
	dir := t.TempDir()
	clock := &neighbour{}
	s := mustBeside(t, dir, old, clock)
	projects := []string{"", "a", "b"}
	random := rand.New(rand.NewPCG(1, 2))
	check := func(when string) {
		t.Helper()
		for i, want := range recounted(t, dir, key.Replacing(old), projects...) {
			if got := usageOfProject(t, s, projects[i]); got != want {
				t.Fatalf("%s: project %q has %+v, want %+v", when, projects[i], got, want)
			}
		}
	}
	for round := range 6 {
		var wg sync.WaitGroup
		for range 60 {
			in := storage.Integration{
				WebhookID: fmt.Sprint("hook", random.IntN(40)), Project: projects[1+random.IntN(2)],
				Deleted: random.IntN(3) == 0, Unused: random.IntN(2) == 0, Declared: random.IntN(5) == 0,
			}
			if !in.Deleted || random.IntN(2) == 0 {
				in.Value = make([]byte, random.IntN(5000))
			}
			wg.Go(func() {
				present, err := s.Get(t.Context(), in.WebhookID)
				if err != nil && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
				}
				if _, err := s.Put(t.Context(), in, present.Revision); err != nil && !errors.Is(err, storage.ErrConflict) {
					t.Error(err)
				}
				if err := s.MarkUsed(t.Context(), fmt.Sprint("hook", len(in.Value)%40)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check(fmt.Sprint("round ", round))
		clock.age.Add(storage.ReservedFor.Milliseconds() / 2)
		clock.forgotten(t)
		check(fmt.Sprint("forgotten in round ", round))
	}
	s.Close()
	s = mustBeside(t, dir, key.Replacing(old), clock)
	if err := s.Reseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("resealed")
}

func TestLimits(t *testing.T) {
	s := mustOpen(t, t.TempDir(), seal.NewKey())
	s.SetLimits(storage.IntegrationLimits{Integrations: 3, Bytes: 2000})
	try := func(in storage.Integration, limit string) uint64 {
		t.Helper()
		present, err := s.Get(t.Context(), in.WebhookID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		revision, err := s.Put(t.Context(), in, present.Revision)
		reached := ""
		if of, ok := errors.AsType[*storage.LimitError](err); ok {
			reached = of.Limit
		} else if err != nil {
			t.Fatal(err)
		}
		if reached != limit {
			t.Errorf("%s: the limit %q, want %q", in.WebhookID, reached, limit)
		}
		return revision
	}
	of := func(project, id string, size int) storage.Integration {
		return storage.Integration{WebhookID: id, Project: project, Value: make([]byte, size)}
	}
	deleted := of("p", "b", 0)
	deleted.Deleted = true
	declared := of("p", "declared/p/x", 5000)
	declared.Deleted, declared.Declared = true, true

	try(of("p", "a", 100), "")
	try(of("p", "b", 100), "")
	try(of("p", "c", 100), "")
	try(of("p", "d", 100), storage.LimitProjectIntegrations)
	try(deleted, "")
	try(of("p", "d", 100), storage.LimitProjectIntegrations)
	try(declared, "")
	try(of("q", "d", 100), "") // another project
	try(of("p", "b", 1000), "")
	try(of("p", "c", 900), storage.LimitProjectIntegrationBytes)
	try(of("p", "c", 99), "")
	s.SetLimits(storage.IntegrationLimits{Integrations: 1, Bytes: 100})
	try(of("p", "c", 98), "") // what does not grow may stay
	try(of("p", "c", 99), storage.LimitProjectIntegrationBytes)
	try(deleted, "")
	s.SetLimits(storage.IntegrationLimits{})
	try(of("p", "d", 100_000), "")
	if got := usageOfProject(t, s, "p"); got.Integrations != 3 || got.ReservedIDs != 1 {
		t.Errorf("%+v", got)
	}
}

// Many who create at once get no more than there may be.
func TestLimitsAtOnce(t *testing.T) {
	s := mustOpen(t, t.TempDir(), seal.NewKey())
	s.SetLimits(storage.IntegrationLimits{Integrations: 10})
	var wg sync.WaitGroup
	var made atomic.Int64
	for i := range 100 {
		wg.Go(func() {
			_, err := s.Put(t.Context(), storage.Integration{WebhookID: fmt.Sprint(i), Project: "p"}, 0)
			if _, limited := errors.AsType[*storage.LimitError](err); !limited && err != nil {
				t.Error(err)
			}
			if err == nil {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if got := usageOfProject(t, s, "p"); got.Integrations != 10 || made.Load() != 10 {
		t.Errorf("%d were made, %+v", made.Load(), got)
	}
}

// neighbour is what is beside a store.
type neighbour struct {
	looks atomic.Int64 // for what may be forgotten
	age   atomic.Int64
	place atomic.Pointer[Place]
	noted atomic.Uint64
}

func (n *neighbour) Age() int64 { return 1 + n.age.Load() }

func (n *neighbour) Place() Place {
	if place := n.place.Load(); place != nil {
		return *place
	}
	return Place{}
}

func (n *neighbour) Noted(revision uint64) { n.noted.Store(revision) }

func mustBeside(t testing.TB, dir string, key seal.Key, n *neighbour) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Key: key, Beside: n, forgetEvery: time.Millisecond, step: func(name string) {
		if name == "forgotten" {
			n.looks.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// forgotten waits until the store has looked for what may be forgotten.
func (n *neighbour) forgotten(t *testing.T) {
	t.Helper()
	before := n.looks.Load()
	polltest.Until(t, "a look for what may be forgotten", func() bool { return n.looks.Load() >= before+2 })
}

func TestForget(t *testing.T) {
	dir, key, clock := t.TempDir(), seal.NewKey(), &neighbour{}
	s := mustBeside(t, dir, key, clock)
	reserve := func(id string, unused bool, value string) {
		t.Helper()
		in := storage.Integration{WebhookID: id, Project: "p", Unused: unused, Value: []byte("value")}
		revision, err := s.Put(t.Context(), in, 0)
		if err != nil {
			t.Fatal(err)
		}
		in.Deleted, in.Value = true, []byte(value)
		if _, err := s.Put(t.Context(), in, revision); err != nil {
			t.Fatal(err)
		}
	}
	reserve("used", false, "")
	reserve("cut-short", true, "identity")
	reserve("unused", true, "")
	reserve("marked", true, "")
	reserve("again", true, "")
	if err := s.MarkUsed(t.Context(), "marked"); err != nil {
		t.Fatal(err)
	}
	if err := s.MarkUsed(t.Context(), "nobody"); err != nil {
		t.Fatal(err)
	}
	// What was used stays used, whatever a later write says.
	marked, err := s.Get(t.Context(), "marked")
	if err != nil {
		t.Fatal(err)
	}
	marked.Unused = true
	if _, err := s.Put(t.Context(), marked, marked.Revision); err != nil {
		t.Fatal(err)
	}
	live := storage.Integration{WebhookID: "live", Project: "p", Unused: true}
	if _, err := s.Put(t.Context(), live, 0); err != nil {
		t.Fatal(err)
	}
	there := func(want string) {
		t.Helper()
		var found []string
		for _, id := range []string{"again", "cut-short", "live", "marked", "unused", "used"} {
			if _, err := s.Get(t.Context(), id); err == nil {
				found = append(found, id)
			} else if !errors.Is(err, storage.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("there are %s, want %s", got, want)
		}
	}
	all := "again cut-short live marked unused used"
	clock.age.Add(storage.ReservedFor.Milliseconds() - 2)
	clock.forgotten(t)
	there(all)
	// One that is created and deleted again is reserved for the full time again.
	again, err := s.Get(t.Context(), "again")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), again, again.Revision); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustBeside(t, dir, key, clock)
	clock.forgotten(t)
	there(all)
	clock.age.Add(2)
	clock.forgotten(t)
	there("again cut-short live marked used")
	if usage := usageOfProject(t, s, "p"); usage.ReservedIDs != 4 || usage.Integrations != 1 {
		t.Errorf("%+v", usage)
	}
	revision, err := s.Put(t.Context(), storage.Integration{WebhookID: "unused", Project: "q"}, 0)
	if err != nil || revision <= again.Revision {
		t.Errorf("the freed ID is taken at revision %d: %v", revision, err)
	}
	s.Close()
	s = mustBeside(t, dir, key, clock)
	there(all)
	clock.age.Add(storage.ReservedFor.Milliseconds())
	clock.forgotten(t)
	there("cut-short live marked unused used")
}

// What has been deleted before a backup is forgotten after its restoration.
func TestForgetAfterRestore(t *testing.T) {
	clock := &neighbour{}
	s := mustBeside(t, t.TempDir(), seal.NewKey(), clock)
	if _, err := s.Put(t.Context(), storage.Integration{WebhookID: "a", Project: "p", Unused: true, Deleted: true}, 0); err != nil {
		t.Fatal(err)
	}
	dir, key := filepath.Join(t.TempDir(), "store"), seal.NewKey()
	if err := Restore(Options{Dir: dir, Key: key}, s.Export(t.Context())); err != nil {
		t.Fatal(err)
	}
	restored := mustBeside(t, dir, key, clock)
	if u := usageOfProject(t, restored, "p"); u.ReservedIDs != 1 {
		t.Errorf("%+v", u)
	}
	clock.age.Add(storage.ReservedFor.Milliseconds())
	clock.forgotten(t)
	if _, err := restored.Get(t.Context(), "a"); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}

// A mark keeps the revision, and so the entity tag.
func TestMarkKeepsTheRevision(t *testing.T) {
	s := mustOpen(t, t.TempDir(), seal.NewKey())
	in := storage.Integration{WebhookID: "a", Project: "p", Unused: true, Value: []byte("value")}
	revision, err := s.Put(t.Context(), in, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.MarkUsed(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		got, err := s.Get(t.Context(), "a")
		if err != nil || got.Unused || got.Revision != revision || string(got.Value) != "value" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := s.Put(t.Context(), in, revision); err != nil {
		t.Error(err)
	}
}

// Endless writes take bounded space on the disk, and lose nothing.
func TestWritesWithoutEnd(t *testing.T) {
	dir, key := t.TempDir(), seal.NewKey()
	s := mustOpen(t, dir, key)
	value := strings.Repeat("v", 256<<10)
	mustPut(t, s, "kept", "value", 0)
	written, most := int64(0), int64(0)
	for i := 0; written < 3*fewWrites; i++ {
		in := storage.Integration{WebhookID: fmt.Sprint("hook", i), Project: "p", Value: []byte(value)}
		revision, err := s.Put(t.Context(), in, 0)
		if err != nil {
			t.Fatal(err)
		}
		in.Deleted, in.Value = true, nil
		if _, err := s.Put(t.Context(), in, revision); err != nil {
			t.Fatal(err)
		}
		written += int64(len(value))
		most = max(most, sizeOf(t, dir))
	}
	if most > fewWrites*3/2 {
		t.Errorf("%d MiB were written, and take up to %d MiB", written>>20, most>>20)
	}
	if in, err := s.Get(t.Context(), "kept"); err != nil || string(in.Value) != "value" {
		t.Errorf("%+v, %v", in, err)
	}
	before := usageOfProject(t, s, "p")
	s.Close()
	if after := usageOfProject(t, mustOpen(t, dir, key), "p"); after != before || after.Integrations != 1 {
		t.Errorf("%+v before, %+v after", before, after)
	}
}

// sizeOf is what the tables in a directory take. The rest is a few files of a fixed
// size.
func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil { // it may have gone
			size += info.Size()
		}
	}
	return size
}

// Who asks before all is counted waits.
func TestUsageWaits(t *testing.T) {
	s := newStore(Options{Dir: t.TempDir()})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Usage(ctx, "p"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
