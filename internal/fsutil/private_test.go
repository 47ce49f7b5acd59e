package fsutil

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKeepPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	sub := filepath.Join(dir, "sub")
	if err := os.MkdirAll(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	want := map[string]os.FileMode{dir: 0o700, sub: 0o750, outside: 0o644}
	for name, mode := range map[string]os.FileMode{"open": 0o666, "read": 0o644, "group": 0o640, "own": 0o600, "fixed": 0o444} {
		want[filepath.Join(dir, name)] = mode &^ 0o077
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o777, sub: 0o750, outside: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	KeepPrivate(dir)
	KeepPrivate(filepath.Join(dir, "nothing"))
	for path, mode := range want {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}
}
