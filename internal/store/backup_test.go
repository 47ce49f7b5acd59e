package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// fill puts n integrations of half a page each into a store, and deletes the
// first.
func fill(t *testing.T, s *Store, n int) {
	t.Helper()
	value := strings.Repeat("v", pageSize/2)
	for i := range n {
		mustPut(t, s, fmt.Sprint("hook", i), value, 0)
	}
	deleted := storage.Integration{WebhookID: "hook0", Project: "p", Deleted: true}
	if _, err := s.Put(t.Context(), deleted, 1); err != nil {
		t.Fatal(err)
	}
}

func TestExportAndRestore(t *testing.T) {
	old, key := seal.NewKey(), seal.NewKey()
	s := mustOpen(t, t.TempDir(), old)
	fill(t, s, 7)
	var pages []Page
	for page, err := range s.Export(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, page)
		// A write in between is in or out; it disturbs nothing.
		mustPut(t, s, fmt.Sprint("a-between", len(pages)), "1", 0)
	}
	if len(pages) < 3 {
		t.Errorf("%d pages", len(pages))
	}
	dir := t.TempDir()
	if err := Restore(Options{Dir: filepath.Join(dir, "store"), Key: key}, each(pages, nil)); err != nil {
		t.Fatal(err)
	}
	restored := mustOpen(t, filepath.Join(dir, "store"), key)
	for i := range 7 {
		id := fmt.Sprint("hook", i)
		want, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := restored.Get(t.Context(), id)
		if err != nil || got.Revision != want.Revision || got.Project != want.Project || got.Deleted != want.Deleted || string(got.Value) != string(want.Value) {
			t.Errorf("%s: revision %d, %v", id, got.Revision, err)
		}
	}
	listed, after := 0, storage.Place{}
	for more := true; more; { // large ones come a few at a time
		list, err := restored.List(t.Context(), "p", after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if more = len(list) > 0; more {
			listed, after = listed+len(list), storage.Place{Project: "p", WebhookID: list[len(list)-1].WebhookID}
		}
	}
	if listed != 6 {
		t.Errorf("%d are listed", listed)
	}
	if revision := mustPut(t, restored, "new", "1", 0); revision <= pages[len(pages)-1].Last {
		t.Errorf("revision %d is given again", revision)
	}
	if err := Restore(Options{Dir: filepath.Join(dir, "store"), Key: key}, each(pages, nil)); err == nil {
		t.Error("a store was restored over another")
	}
	broken := errors.New("broken")
	if err := Restore(Options{Dir: filepath.Join(dir, "other"), Key: key}, each(pages, broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func each(pages []Page, end error) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for _, page := range pages {
			if !yield(page, nil) {
				return
			}
		}
		if end != nil {
			yield(Page{}, end)
		}
	}
}

func TestExportEnds(t *testing.T) {
	s := mustOpen(t, t.TempDir(), seal.NewKey())
	for page, err := range s.Export(t.Context()) {
		if err != nil || len(page.Integrations) > 0 || page.Last != 0 {
			t.Errorf("of an empty store: %+v, %v", page, err)
		}
	}
	fill(t, s, 7)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cancelled := false
	for _, err := range s.Export(ctx) {
		cancelled = errors.Is(err, context.Canceled)
		cancel()
	}
	if !cancelled {
		t.Error("an export goes on when nobody is there")
	}
	s.Close()
	for _, err := range s.Export(t.Context()) {
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Error(err)
		}
	}
}

// mustReplace opens a store that cannot be rewritten for its new key.
func mustReplace(t *testing.T, dir string, key seal.Key) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Key: key, space: unchanged})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestReseal(t *testing.T) {
	dir, old, key := t.TempDir(), seal.NewKey(), seal.NewKey()
	s := mustOpen(t, dir, old)
	fill(t, s, 7)
	s.Close()

	s = mustReplace(t, dir, key.Replacing(old))
	before := make(map[string]uint64)
	for page, err := range s.Export(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range page.Integrations {
			before[in.WebhookID] = in.Revision
		}
	}
	// One that is cut short does no harm, nor does a write meanwhile.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Reseal(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	mustPut(t, s, "hook3", "new", before["hook3"])
	if err := s.Reseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()

	s = mustOpen(t, dir, key)
	for id, revision := range before {
		in, err := s.Get(t.Context(), id)
		if err != nil || (in.Revision != revision) != (id == "hook3") {
			t.Errorf("%s: revision %d, was %d, %v", id, in.Revision, revision, err)
		}
	}
	if in, err := s.Get(t.Context(), "hook3"); err != nil || string(in.Value) != "new" {
		t.Errorf("%v", err)
	}
	err := s.db.View(func(txn *badger.Txn) error {
		_, err := s.unseal(txn, revisionKey)
		return err
	})
	if err != nil {
		t.Errorf("the last revision: %v", err)
	}
}

// A write that comes between reading and resealing is not undone.
func TestResealYields(t *testing.T) {
	dir, old, key := t.TempDir(), seal.NewKey(), seal.NewKey()
	s := mustOpen(t, dir, old)
	revision := mustPut(t, s, "a", "1", 0)
	s.Close()
	s = mustReplace(t, dir, key.Replacing(old))
	in, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "a", "2", revision)
	if err := s.reseal(t.Context(), Page{Integrations: []record{{Integration: in}}}); err != nil {
		t.Fatal(err)
	}
	if in, err = s.Get(t.Context(), "a"); err != nil || string(in.Value) != "2" {
		t.Errorf("%s, %v", in.Value, err)
	}
}
