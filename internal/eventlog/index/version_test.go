package index

import (
	"fmt"
	"os"
	"testing"

	"github.com/hookgate/hookgate/internal/seal"
)

// TestVersion1 opens an index that the first version wrote, with larger blocks, and
// goes on with it.
func TestVersion1(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/version1")); err != nil {
		t.Fatal(err)
	}
	key, err := seal.ParseKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]byte)
	for i := range 300 {
		want[fmt.Sprintf("kept/%03d", i)] = fmt.Appendf(nil, "the value of %0100d", i)
	}
	want["kept/000"] = []byte{}
	compare := func(x *Index) {
		t.Helper()
		v := x.View()
		defer v.Close()
		check(t, v, want)
		for key := range want {
			if has, err := v.Has([]byte(key)); !has || err != nil {
				t.Fatalf("%q: %v, %v", key, has, err)
			}
		}
		if has, err := v.Has([]byte("gone/007")); has || err != nil {
			t.Fatalf("a deleted key: %v, %v", has, err)
		}
	}
	x, err := Open(dir, Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	compare(x)
	for round := range fanIn {
		want[fmt.Sprint("new/", round)] = []byte("value")
		commit(t, x, map[string][]byte{fmt.Sprint("new/", round): []byte("value")})
	}
	settled(t, x)
	compare(x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if x, err = Open(dir, Options{Key: key}); err != nil {
		t.Fatal(err)
	}
	compare(x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
