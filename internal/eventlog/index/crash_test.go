package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
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
	polltest.Until(t, "the runs are merged", func() bool { return len(files(t, dir)) == 2 })
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
	polltest.Until(t, "the runs are merged", func() bool {
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
