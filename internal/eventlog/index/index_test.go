package index

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/internal/seal"
)

var testKey = seal.NewKey()

func mustOpen(t testing.TB, dir string) *Index {
	t.Helper()
	x, err := Open(dir, Options{Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// commit writes values; nil deletes.
func commit(t testing.TB, x *Index, values map[string][]byte) {
	t.Helper()
	v, b := x.View(), x.Batch()
	defer v.Close()
	for key, value := range values {
		has, err := v.Has([]byte(key))
		switch {
		case err != nil:
		case value == nil:
			b.Delete([]byte(key))
		default:
			err = b.Set([]byte(key), value, has)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
}

// check compares a view with what should be in it, by every way to read.
func check(t testing.TB, v View, want map[string][]byte) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(want))
	for _, prefix := range []string{"", "a", "b/0", "b/", "c/5", "nothing"} {
		var expected, got []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				expected = append(expected, key)
			}
		}
		err := v.Ascend([]byte(prefix), func(key, value []byte) (bool, error) {
			got = append(got, string(key))
			if !bytes.Equal(value, want[string(key)]) {
				t.Fatalf("%q has another value", key)
			}
			return true, nil
		})
		if err != nil || !slices.Equal(got, expected) {
			t.Fatalf("ascending %q: %d keys of %d, %v", prefix, len(got), len(expected), err)
		}
		from := prefix + "\xff"
		if n := len(expected); n > 0 && rand.IntN(2) == 0 {
			n = rand.IntN(n)
			from, expected = expected[n], expected[:n+1]
		}
		got = nil
		err = v.Descend([]byte(prefix), []byte(from), func(key, value []byte) (bool, error) {
			got = append(got, string(key))
			if !bytes.Equal(value, want[string(key)]) {
				t.Fatalf("%q has another value", key)
			}
			return true, nil
		})
		slices.Reverse(got)
		if err != nil || !slices.Equal(got, expected) {
			t.Fatalf("descending %q from %q: %d keys of %d, %v", prefix, from, len(got), len(expected), err)
		}
	}
	for range 200 {
		key := randomKey()
		value, there := want[key]
		err := v.Get([]byte(key), func(got []byte) error {
			if !bytes.Equal(got, value) {
				t.Fatalf("%q has another value", key)
			}
			return nil
		})
		if there && err != nil || !there && !errors.Is(err, ErrNotFound) {
			t.Fatalf("%q: %v; it is there: %v", key, err, there)
		}
		if has, err := v.Has([]byte(key)); has != there || err != nil {
			t.Fatalf("%q: %v, %v", key, has, err)
		}
	}
}

func randomKey() string { return fmt.Sprintf("%c/%d", 'a'+rand.IntN(3), rand.IntN(3000)) }

// TestModel does at random what can be done, and compares with a map.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	want := make(map[string][]byte)
	type held struct {
		view View
		want map[string][]byte
	}
	var views []held
	for round := range 60 {
		changes := make(map[string][]byte)
		for range rand.IntN(400) {
			if key := randomKey(); rand.IntN(3) == 0 {
				changes[key] = nil
				delete(want, key)
			} else {
				changes[key] = bytes.Repeat([]byte{byte(round)}, rand.IntN(200))
				if rand.IntN(500) == 0 {
					changes[key] = make([]byte, MaxValue)
				}
				want[key] = changes[key]
			}
		}
		commit(t, x, changes)
		switch rand.IntN(8) {
		case 0:
			views = append(views, held{x.View(), maps.Clone(want)})
		case 1:
			for _, h := range views {
				check(t, h.view, h.want)
				h.view.Close()
			}
			views = nil
		case 2:
			for _, h := range views {
				h.view.Close()
			}
			views = nil
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			x = mustOpen(t, dir)
		}
		v := x.View()
		check(t, v, want)
		v.Close()
	}
	for _, h := range views {
		h.view.Close()
	}
	// All merged, nothing is left of the files that do not count.
	polltest.Until(t, "the files of merged runs are gone", func() bool { return len(files(t, dir)) < 2*fanIn+8 })
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestViewsBesideWrites reads while runs are written, merged and removed: each
// view has a whole batch or nothing of it.
func TestViewsBesideWrites(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	var readers sync.WaitGroup
	quit := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				v := x.View()
				var first []byte
				keys := 0
				err := v.Ascend([]byte("k"), func(_, value []byte) (bool, error) {
					if keys++; first == nil {
						first = bytes.Clone(value)
					}
					if !bytes.Equal(first, value) {
						return false, errors.New("two batches are mixed")
					}
					return true, nil
				})
				v.Close()
				if err != nil || keys != 0 && keys != 300 {
					t.Errorf("%d keys, %v", keys, err)
					return
				}
			}
		})
	}
	for round := range 100 {
		batch := make(map[string][]byte)
		for i := range 300 {
			batch[fmt.Sprint("k", i)] = []byte(fmt.Sprint(round))
		}
		commit(t, x, batch)
	}
	close(quit)
	readers.Wait()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// hundred are the keys of a round.
func hundred(round int) []string {
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprintf("%04d", 100*round+i)
	}
	return keys
}

// TestDeletionsDisappear leaves nothing of what was deleted.
func TestDeletionsDisappear(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	for round := range 4 * fanIn {
		changes := make(map[string][]byte)
		for _, key := range hundred(round) {
			changes[key] = []byte("x")
		}
		for _, key := range hundred(round - 3) {
			changes[key] = nil
		}
		commit(t, x, changes)
	}
	all := make(map[string][]byte)
	for i := range 400 * fanIn {
		all[fmt.Sprintf("%04d", i)] = nil
	}
	now := func() (runs int, entries int64) {
		at := x.hold()
		defer func() { _ = at.release() }()
		entries, _ = count(at.runs)
		return len(at.runs), entries
	}
	for range 2 * fanIn {
		commit(t, x, all)
		polltest.Until(t, "the runs are merged", func() bool { runs, _ := now(); return runs < fanIn })
		if _, entries := now(); entries == 0 {
			return
		}
	}
	_, entries := now()
	t.Errorf("%d entries are left", entries)
}

func TestRekey(t *testing.T) {
	dir := t.TempDir()
	if err := Rekey(dir, testKey); err != nil {
		t.Fatalf("where there is no index: %v", err)
	}
	x := mustOpen(t, dir)
	want := map[string][]byte{"a/1": []byte("one")}
	commit(t, x, want)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	stranger, key := seal.NewKey(), seal.NewKey()
	if err := Rekey(dir, stranger); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Key: stranger}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("another key: %v", err)
	}
	if err := Rekey(dir, key.Replacing(testKey)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Key: testKey}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("the replaced key: %v", err)
	}
	x, err := Open(dir, Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	v := x.View()
	defer v.Close()
	check(t, v, want)
}
