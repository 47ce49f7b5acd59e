package index

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

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
	if err := b.Set([]byte("b/more"), nil, false); err != nil {
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
		if err := b.Set([]byte("a/1"), []byte{byte(i)}, i > 0); err != nil {
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
	if err := x.Batch().Set([]byte("a"), make([]byte, MaxValue+1), false); err == nil {
		t.Error("a value that is too large is taken")
	}
}
