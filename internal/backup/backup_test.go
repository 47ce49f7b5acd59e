package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/seal"
)

// made returns a backup of two segments and two pages.
func made(t testing.TB, key seal.Key, others ...[seal.KeyIDSize]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, key, others...)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"first segment", strings.Repeat("second segment ", 100)} {
		if err := w.Segment(fmt.Sprint("segment-", i), int64(len(text)), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"CANARY one", "CANARY two"} {
		if err := w.Page([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read returns all entries of a backup as text.
func read(raw io.Reader, key seal.Key) (string, error) {
	r, err := NewReader(raw)
	if err != nil {
		return "", err
	}
	if err := r.Unlock(key); err != nil {
		return "", err
	}
	var text strings.Builder
	for {
		entry, err := r.Next()
		if errors.Is(err, io.EOF) {
			return text.String(), nil
		}
		if err != nil {
			return "", err
		}
		if entry.Segment != "" {
			content, err := io.ReadAll(entry.Content)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&text, "%s=%s\n", entry.Segment, content)
			continue
		}
		fmt.Fprintf(&text, "%s\n", entry.Page)
	}
}

func TestReadUndoesWrite(t *testing.T) {
	key := seal.NewKey()
	raw := made(t, key)
	want := "segment-0=first segment\nsegment-1=" + strings.Repeat("second segment ", 100) + "\nCANARY one\nCANARY two\n"
	if got, err := read(bytes.NewReader(raw), seal.NewKey().Replacing(key)); err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	if bytes.Contains(raw, []byte("CANARY")) {
		t.Error("a page can be read without the key")
	}
}

func TestWhatIsNoBackup(t *testing.T) {
	key, old := seal.NewKey(), seal.NewKey()
	whole := made(t, key)
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"empty":       {nil, ErrNone},
		"text":        {[]byte("hello"), ErrNone},
		"zeros":       {make([]byte, 4096), ErrNone},
		"garbage":     {bytes.Repeat([]byte("garbage!"), 1000), ErrNone},
		"another tar": {bytes.Replace(whole, []byte("manifest.json"), []byte("manifest.yaml"), 1), ErrNone},
		"end missing": {whole[:len(whole)-2048], ErrCut},
	} {
		if got, err := read(bytes.NewReader(c.raw), key); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	var missing *MissingKeyError
	if _, err := read(bytes.NewReader(whole), old); !errors.As(err, &missing) || missing.ID != key.IDs()[0] {
		t.Errorf("a foreign key: %v", err)
	}
	if _, err := read(bytes.NewReader(made(t, key, key.ID(), old.ID())), key); !errors.As(err, &missing) || missing.ID != old.IDs()[0] {
		t.Errorf("an old key is missing: %v", err)
	}
	// Parts of two backups under one key are not a backup.
	other := made(t, key)
	if got, err := read(bytes.NewReader(append(bytes.Clone(whole[:len(whole)-3072]), other[len(other)-3072:]...)), key); err == nil {
		t.Errorf("two halves are whole: %s", got)
	}
}

func TestEveryCutAndFlip(t *testing.T) {
	key := seal.NewKey()
	whole := made(t, key)
	want, err := read(bytes.NewReader(whole), key)
	if err != nil {
		t.Fatal(err)
	}
	end := len(whole) - 1024 // what comes behind is the tar's own end
	for n := range end {
		got, err := read(bytes.NewReader(whole[:n]), key)
		if err == nil && got != want || err == nil && n < end-512 {
			t.Fatalf("cut to %d of %d bytes it is whole", n, end)
		}
		if n > 1024 && err != nil && !errors.Is(err, ErrCut) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		if got, err := read(bytes.NewReader(flipped), key); err == nil && got != want {
			t.Fatalf("byte %d changed: %s", i, got)
		}
	}
}

func TestBrokenStreams(t *testing.T) {
	key, broken := seal.NewKey(), errors.New("broken")
	whole := made(t, key)
	for n := range (len(whole) - 1536) / 100 { // up to the end's own content
		r := io.MultiReader(bytes.NewReader(whole[:n*100]), &failing{broken})
		if _, err := read(r, key); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n*100, err)
		}
	}
	w, err := NewWriter(io.Discard, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Segment("a", 10, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a segment shorter than it says: %v", err)
	}
	if err := w.Page(make([]byte, MaxPage+1)); err == nil {
		t.Error("a page that no reader takes is written")
	}
	if _, err := NewWriter(&failing{broken}, key); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error)  { return 0, f.err }
func (f *failing) Write([]byte) (int, error) { return 0, f.err }

func FuzzRead(f *testing.F) {
	key, err := seal.ParseKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		f.Fatal(err)
	}
	whole := made(f, key)
	want, err := read(bytes.NewReader(whole), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:2000])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, err := read(bytes.NewReader(raw), key); err == nil && got != want {
			t.Errorf("a backup that nobody has made: %s", got)
		}
	})
}
