package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOpenUndoesSeal(t *testing.T) {
	key := NewKey()
	for _, plain := range []string{"", "a", strings.Repeat("payload ", 1000)} {
		sealed := key.Seal("test", []byte("place"), []byte(plain))
		got, err := key.Open("test", []byte("place"), sealed)
		if err != nil || string(got) != plain {
			t.Errorf("%d bytes come back as %d: %v", len(plain), len(got), err)
		}
		if len(plain) > 8 && bytes.Contains(sealed, []byte(plain)) {
			t.Error("the sealed record shows the plain text")
		}
	}
	if bytes.Equal(key.Seal("test", nil, []byte("a")), key.Seal("test", nil, []byte("a"))) {
		t.Error("two records of one text are alike")
	}
}

func TestOpenRefuses(t *testing.T) {
	key := NewKey()
	sealed := key.Seal("test", []byte("place"), []byte("plain"))
	refuse := func(name string, key Key, purpose, place string, sealed []byte) {
		t.Helper()
		if plain, err := key.Open(purpose, []byte(place), sealed); !errors.Is(err, ErrOpen) || plain != nil {
			t.Errorf("%s: opened as %q, %v", name, plain, err)
		}
	}
	refuse("another key", NewKey(), "test", "place", sealed)
	refuse("another purpose", key, "other", "place", sealed)
	refuse("another place", key, "test", "elsewhere", sealed)
	for bit := range 8 * len(sealed) {
		flipped := bytes.Clone(sealed)
		flipped[bit/8] ^= 1 << (bit % 8)
		refuse(fmt.Sprintf("bit %d flipped", bit), key, "test", "place", flipped)
	}
	for n := range sealed {
		refuse(fmt.Sprintf("cut to %d bytes", n), key, "test", "place", sealed[:n])
	}
}

func TestParseKey(t *testing.T) {
	key := NewKey()
	parsed, err := ParseKey(key.Text())
	if err != nil || parsed != key {
		t.Fatalf("a key does not come back: %v", err)
	}
	for name, text := range map[string]string{
		"empty":          "",
		"too short":      base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"too long":       base64.StdEncoding.EncodeToString(make([]byte, 33)),
		"hex":            strings.Repeat("0f", 32),
		"URL alphabet":   strings.Repeat("_", 43) + "=",
		"without its =":  strings.TrimSuffix(key.Text(), "="),
		"stray bits set": strings.Repeat("A", 42) + "B=",
	} {
		if _, err := ParseKey(text); err == nil {
			t.Errorf("%s: %q is taken for a key", name, text)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}

func TestSeveralKeys(t *testing.T) {
	oldest, old, key := NewKey(), NewKey(), NewKey()
	all, err := ParseKey(key.Text() + "\n" + old.Text() + " \t" + oldest.Text() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if all.ID() != key.ID() || all.Text() != key.Text() {
		t.Error("the first key is not the one that seals")
	}
	if want := slices.Concat(key.IDs(), old.IDs(), oldest.IDs()); !slices.Equal(all.IDs(), want) {
		t.Errorf("keys %v, want %v", all.IDs(), want)
	}
	for _, sealer := range []Key{key, old, oldest} {
		sealed := sealer.Seal("test", nil, []byte("plain"))
		if plain, err := all.Open("test", nil, sealed); err != nil || string(plain) != "plain" {
			t.Errorf("%s, %v", plain, err)
		}
		if SealedBy(sealed) != sealer.ID() {
			t.Error("a record names another key")
		}
		if found, ok := all.Find(sealer.ID()); !ok || found != sealer {
			t.Error("a key is not found by its ID")
		}
	}
	if _, err := old.Open("test", nil, all.Seal("test", nil, nil)); !errors.Is(err, ErrOpen) {
		t.Errorf("an old key opens what the new one has sealed: %v", err)
	}
	if got := NewKey().Replacing(all).IDs(); !slices.Equal(got[1:], all.IDs()) {
		t.Errorf("replaced keys %v, want %v", got[1:], all.IDs())
	}
	for _, text := range []string{
		key.Text() + " " + key.Text(),
		key.Text() + " CANARY",
		strings.Repeat(key.Text()+" ", MaxKeys+1),
	} {
		if _, err := ParseKey(text); err == nil || strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), key.Text()) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
}

func TestKeyHidesItself(t *testing.T) {
	key := NewKey().Replacing(NewKey())
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		text := fmt.Sprintf(format, key)
		if strings.Contains(text, key.Text()) || strings.Contains(text, fmt.Sprintf("%x", key.material)) ||
			strings.Contains(text, fmt.Sprintf("%d", key.material)) {
			t.Errorf("%s shows the key: %s", format, text)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.key")
	if _, err := ReadKeyFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a missing file: %v", err)
	}
	key, err := CreateKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadKeyFile(path); err != nil || got != key {
		t.Errorf("the key does not come back: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := CreateKeyFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key over the first: %v", err)
	}
	if got, _ := ReadKeyFile(path); got != key {
		t.Error("the first key is gone")
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeyFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestRotateKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.key")
	if _, err := RotateKeyFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	old, err := CreateKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= MaxKeys; n++ {
		key, err := RotateKeyFile(path)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ReadKeyFile(path)
		if err != nil || !slices.Equal(read.IDs(), key.IDs()) || len(read.IDs()) != n || !slices.Equal(read.IDs()[1:], old.IDs()) {
			t.Fatalf("%v after %v: %v", read.IDs(), old.IDs(), err)
		}
		old = read
	}
	if _, err := RotateKeyFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("one key too many: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(NewKey().Text() + "\n" + NewKey().Text() + "\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseKey(text)
		if err != nil {
			return
		}
		if again, err := ParseKey(key.lines()); err != nil || !slices.Equal(again.IDs(), key.IDs()) {
			t.Errorf("keys %v come back as %v: %v", key.IDs(), again.IDs(), err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	key := NewKey()
	f.Add(key.Seal("test", nil, []byte("plain")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := key.Open("test", nil, sealed); err == nil && string(plain) != "plain" {
			t.Errorf("%x opens as %q", sealed, plain)
		}
	})
}

// A key that everyone can access is not accepted; access by a group is
// reported.
func TestKeyFileModes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.key")
	if _, err := CreateKeyFile(path); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		file, dir os.FileMode
		refused   bool
		told      int
	}{
		{0o600, 0o700, false, 0}, {0o400, 0o755, false, 0}, {0o640, 0o700, false, 1}, {0o660, 0o775, false, 1}, {0o600, 0o777, false, 1},
		{0o600, 0o777 | os.ModeSticky, false, 0}, {0o660, 0o777, false, 2}, {0o644, 0o700, true, 1}, {0o604, 0o700, true, 0}, {0o602, 0o700, true, 0}, {0o666, 0o700, true, 1},
	} {
		if err := errors.Join(os.Chmod(path, test.file), os.Chmod(dir, test.dir)); err != nil {
			t.Fatal(err)
		}
		_, err := ReadKeyFile(path)
		if (err != nil) != test.refused || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%s has mode 0%o", path, test.file)) {
			t.Errorf("%o in %o: %v", test.file, test.dir, err)
		}
		if told := Exposures(path); len(told) != test.told {
			t.Errorf("%o in %o: %q", test.file, test.dir, told)
		}
	}
}
