package index

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	b := x.Batch()
	for key, value := range values {
		if value == nil {
			b.Delete([]byte(key))
		} else if err := b.Set([]byte(key), value); err != nil {
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
	eventually(t, func() bool { return len(files(t, dir)) < 2*fanIn+8 })
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

func eventually(t testing.TB, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !met(); {
		if time.Now().After(deadline) {
			t.Fatal("not within 10 seconds")
		}
		time.Sleep(time.Millisecond)
	}
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

// TestDeletionsDisappear leaves nothing of what was deleted.
func TestDeletionsDisappear(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	for round := range 4 * fanIn {
		changes := make(map[string][]byte)
		for i := range 100 {
			changes[fmt.Sprintf("%04d", 100*round+i)] = []byte("x")
			changes[fmt.Sprintf("%04d", 100*(round-3)+i)] = nil
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
		for _, r := range at.runs {
			entries += r.entries
		}
		return len(at.runs), entries
	}
	for range 2 * fanIn {
		commit(t, x, all)
		eventually(t, func() bool { runs, _ := now(); return runs < fanIn })
		if _, entries := now(); entries == 0 {
			return
		}
	}
	_, entries := now()
	t.Errorf("%d entries are left", entries)
}

// copyInto copies the files of an index, without its manifest if that stays behind.
func copyInto(t testing.TB, to, from string, whole bool) {
	t.Helper()
	for _, path := range files(t, from) {
		if filepath.Base(path) == manifestName && !whole {
			continue
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(path)), raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestCrashes has files of two moments together, as a crash leaves them: the
// manifest alone says which of them count.
func TestCrashes(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	before := map[string][]byte{"a/1": []byte("one"), "b/2": []byte("two")}
	commit(t, x, before)
	earlier := t.TempDir()
	copyInto(t, earlier, dir, true)
	after := map[string][]byte{"a/1": []byte("other"), "b/2": []byte("two"), "c/3": []byte("three")}
	for range fanIn - 1 {
		commit(t, x, map[string][]byte{"a/1": []byte("other"), "c/3": []byte("three")})
	}
	eventually(t, func() bool { return len(files(t, dir)) == 2 })
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		manifest string // of which moment
		want     map[string][]byte
	}{
		"runs written, and not in the manifest": {earlier, before},
		"old runs not removed":                  {dir, after},
	} {
		t.Run(name, func(t *testing.T) {
			both := t.TempDir()
			for _, from := range []string{earlier, dir} {
				copyInto(t, both, from, from == test.manifest)
			}
			if err := os.WriteFile(filepath.Join(both, manifestName+asideSuffix), []byte("half a man"), 0o600); err != nil {
				t.Fatal(err)
			}
			x := mustOpen(t, both)
			v := x.View()
			check(t, v, test.want)
			v.Close()
			if n := len(files(t, both)); n != 2 {
				t.Errorf("%d files are left", n)
			}
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestDamage flips bits everywhere, cuts files and takes them away: opening is an
// error.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	values := make(map[string][]byte)
	for i := range 2000 {
		values[fmt.Sprintf("a/%06d", i)] = []byte("some value or other")
	}
	commit(t, x, values)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	refuse := func(name, path string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if x, err := Open(dir, Options{Key: testKey}); err == nil {
			x.Close()
			t.Errorf("%s of %s opens", name, filepath.Base(path))
		}
	}
	for _, path := range files(t, dir) {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(whole); at += 1 + rand.IntN(max(1, len(whole)/150)) {
			raw := bytes.Clone(whole)
			raw[at] ^= 1 << rand.IntN(8)
			refuse(fmt.Sprint("a flipped bit in byte ", at), path, raw)
			refuse(fmt.Sprint("a cut at ", at), path, whole[:at])
		}
		refuse("a longer file", path, append(bytes.Clone(whole), 0))
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if x, err := Open(dir, Options{Key: testKey}); err == nil {
			x.Close()
			t.Errorf("it opens without %s", filepath.Base(path))
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := mustOpen(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamageInService damages a block behind an open index: what is in the block
// is an error, by each way to read.
func TestDamageInService(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	defer x.Close()
	commit(t, x, map[string][]byte{"a": []byte("value")})
	path := x.now.runs[0].path
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[3] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	v := x.View()
	defer v.Close()
	visit := func(_, _ []byte) (bool, error) { return true, nil }
	for name, err := range map[string]error{
		"get":     v.Get([]byte("a"), func([]byte) error { return nil }),
		"ascend":  v.Ascend(nil, visit),
		"descend": v.Descend(nil, []byte("z"), visit),
	} {
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWithoutSpace cannot merge: commits go on to a bound, and all can be read.
// Then there is space.
func TestWithoutSpace(t *testing.T) {
	var mu sync.Mutex
	full := errors.New("the disk is full")
	x, err := Open(t.TempDir(), Options{Key: testKey, Spare: func(int64) error {
		mu.Lock()
		defer mu.Unlock()
		return full
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	want := make(map[string][]byte)
	for i := range maxRuns {
		key := fmt.Sprintf("b/%d", i)
		want[key] = []byte{1}
		commit(t, x, map[string][]byte{key: {1}})
	}
	b := x.Batch()
	if err := b.Set([]byte("b/more"), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(); !errors.Is(err, ErrBehind) || !errors.Is(err, full) {
		t.Fatalf("a run too many: %v", err)
	}
	v := x.View()
	check(t, v, want)
	v.Close()
	mu.Lock()
	full = nil
	mu.Unlock()
	eventually(t, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		return len(x.now.runs) < 2*fanIn*fanIn
	})
	want["b/more"] = []byte{2}
	commit(t, x, map[string][]byte{"b/more": {2}})
	v = x.View()
	check(t, v, want)
	v.Close()
}

func TestLaterWriteCounts(t *testing.T) {
	x := mustOpen(t, t.TempDir())
	defer x.Close()
	b := x.Batch()
	for i := range 100 {
		if err := b.Set([]byte("a/1"), []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		b.Delete([]byte("b/1"))
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	v := x.View()
	defer v.Close()
	check(t, v, map[string][]byte{"a/1": {99}})
	if err := x.Batch().Set([]byte("a"), make([]byte, MaxValue+1)); err == nil {
		t.Error("a value that is too large is taken")
	}
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

func FuzzBlock(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, nil, entry{key: []byte("ab"), value: []byte("x")}), []byte("ab"), entry{key: []byte("ac"), deleted: true}))
	f.Add([]byte{0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 'a'})
	f.Fuzz(func(t *testing.T, plain []byte) {
		var b block
		if b.decode(plain) == nil && len(b.entries) == 0 {
			t.Error("an empty block is taken")
		}
	})
}

func FuzzTail(f *testing.F) {
	r := run{blocks: []blockRef{{first: []byte("a"), length: 7}, {first: []byte("b"), length: 9}}, filter: newFilter(2)}
	f.Add(r.encodeTail(), int64(16))
	f.Add([]byte{200, 200, 200}, int64(1<<40))
	f.Fuzz(func(t *testing.T, plain []byte, tail int64) {
		r := run{meta: meta{tail: tail}}
		if r.decodeTail(plain) != nil {
			return
		}
		again := run{meta: meta{tail: tail}}
		if err := again.decodeTail(r.encodeTail()); err != nil || !bytes.Equal(again.filter, r.filter) || len(again.blocks) != len(r.blocks) {
			t.Error("a tail comes back as another", err)
		}
	})
}

func FuzzManifest(f *testing.F) {
	m := manifest{data: testKey, next: 9, runs: []meta{{number: 3, level: 1, size: 20, tail: 10, entries: 2, deletions: 1}}}
	f.Add(m.append(nil))
	f.Fuzz(func(t *testing.T, plain []byte) {
		m, err := decodeManifest(plain)
		if err != nil {
			return
		}
		again, err := decodeManifest(m.append(nil))
		if err != nil || !slices.Equal(again.runs, m.runs) || again.next != m.next || again.data != m.data {
			t.Error("a manifest comes back as another", err)
		}
	})
}
