package index

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookgate/hookgate/internal/polltest"
)

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

// TestDamageIsFoundAtFirstUse flips bits of blocks that are not verified when the index
// opens: whoever reads them gets an error, and nobody another value.
func TestDamageIsFoundAtFirstUse(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	const keys = 2000
	b := x.Batch()
	for i := range keys {
		if err := b.Set(nthKey(i), valueOf(nthKey(i), 50), false); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	path, first, tail := x.now.runs[0].path, x.now.runs[0].blocks[1].offset, x.now.runs[0].tail
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		raw := bytes.Clone(whole)
		at := first + rand.Int64N(tail-first)
		raw[at] ^= 1 << rand.IntN(8)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Open(dir, Options{Key: testKey, Verify: 1})
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		v := x.View()
		damaged := 0
		for i := range keys {
			err := v.Get(nthKey(i), func(value []byte) error {
				if !bytes.Equal(value, valueOf(nthKey(i), 50)) {
					t.Fatalf("byte %d: another value", at)
				}
				return nil
			})
			if errors.Is(err, ErrDamaged) {
				damaged++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if damaged == 0 || damaged > keys/4 {
			t.Errorf("byte %d: %d of %d keys are damaged", at, damaged, keys)
		}
		if err := v.Keys(nil, func([]byte) (bool, error) { return true, nil }); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d: listing the keys: %v", at, err)
		}
		v.Close()
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMergesFindDamage damages a run that is merged with others: that is told, and the
// runs of other levels are merged all the same.
func TestMergesFindDamage(t *testing.T) {
	dir := t.TempDir()
	x := mustOpen(t, dir)
	large := make(map[string][]byte)
	for i := range 2000 {
		large[string(nthKey(i))] = []byte("some value or other")
	}
	commit(t, x, large)
	for i := range fanIn*fanIn - 2 {
		commit(t, x, map[string][]byte{fmt.Sprintf("b/%d", i): {1}})
	}
	settled(t, x)
	oldest, tail := x.now.runs[len(x.now.runs)-1].path, x.now.runs[len(x.now.runs)-1].tail
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(oldest)
	if err != nil {
		t.Fatal(err)
	}
	raw[tail-1] ^= 1
	if err := os.WriteFile(oldest, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	found := make(chan error, 100)
	x, err = Open(dir, Options{Key: testKey, Verify: 1, Damaged: func(err error) { found <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	commit(t, x, map[string][]byte{"b/more": {1}})
	if err := <-found; !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if n := len(files(t, dir)); n != 1+fanIn {
		t.Errorf("%d files", n)
	}
	again := func() {
		x.merger.stop()
		for len(found) > 0 {
			<-found
		}
		x.merger = startMerger(x)
	}
	tried := x.number()
	again()
	if err := <-found; !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if n := x.number(); n != tried+1 {
		t.Errorf("the damaged run was read once more, for run %d", n-1)
	}
	for i := range fanIn {
		commit(t, x, map[string][]byte{fmt.Sprintf("c/%d", i): {1}})
	}
	again()
	polltest.Until(t, "the other runs are merged", func() bool { return len(files(t, dir)) == 2+fanIn })
}
