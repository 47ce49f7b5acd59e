package store

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// TestFlippedBitInATable: whichever bit of a table is flipped, opening the store
// is an error, and no panic, or the bit makes no difference. It tries every fifth
// byte.
func TestFlippedBitInATable(t *testing.T) {
	dir, key := t.TempDir(), seal.NewKey()
	s := mustOpen(t, dir, key)
	mustPut(t, s, "a", "value", 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("the tables are %v, %v", paths, err)
	}
	whole, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := rand.IntN(5); at < len(whole); at += 5 {
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 1 << rand.IntN(8)
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(paths[0])), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Dir: copied, Key: key})
		if err != nil {
			if !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("byte %d: %v", at, err)
			}
			continue
		}
		if found, err := s.Get(t.Context(), "a"); err == nil && string(found.Value) != "value" {
			t.Errorf("byte %d: the value is %q", at, found.Value)
		}
		if err := s.Close(); err != nil {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}
