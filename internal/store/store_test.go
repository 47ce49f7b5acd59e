package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/storage/storagetest"
)

func mustOpen(t testing.TB, dir string, key seal.Key) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustPut(t testing.TB, s *Store, id, value string, expected uint64) uint64 {
	t.Helper()
	revision, err := s.Put(context.Background(), storage.Integration{WebhookID: id, Project: "p", Value: []byte(value)}, expected)
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestConformance(t *testing.T) {
	key, dir := seal.NewKey(), t.TempDir()
	storagetest.Integrations(t, func(t *testing.T, place string) (storage.Integrations, func()) {
		s := mustOpen(t, filepath.Join(dir, place), key)
		return s, func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestClosed(t *testing.T) {
	s := mustOpen(t, t.TempDir(), seal.NewKey())
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, getErr := s.Get(t.Context(), "a")
	_, putErr := s.Put(t.Context(), storage.Integration{WebhookID: "a"}, 0)
	_, listErr := s.List(t.Context(), "", storage.Place{}, 1)
	for _, err := range []error{getErr, putErr, listErr} {
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Error(err)
		}
	}
	if state := s.Health().State; state != "closed" {
		t.Error(state)
	}
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, seal.NewKey())
	_, err := Open(Options{Dir: dir, Key: seal.NewKey()})
	if err == nil || !strings.Contains(err.Error(), "in use by another process") || !strings.Contains(err.Error(), "caddy reload") {
		t.Error(err)
	}
}

func TestWrongKey(t *testing.T) {
	dir, key := t.TempDir(), seal.NewKey()
	s := mustOpen(t, dir, key)
	mustPut(t, s, "a", "1", 0)
	s.Close()
	if _, err := Open(Options{Dir: dir, Key: seal.NewKey()}); !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "another key") {
		t.Errorf("%v", err)
	}
	mustPut(t, mustOpen(t, dir, key), "a", "2", 1)
}

func TestNothingIsReadable(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, seal.NewKey())
	mustPut(t, s, "hook", "CANARY", 0)
	s.Close()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("CANARY")) {
			t.Errorf("%s holds a value in the clear", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Error(files, err)
	}
}

// A copy of the files of an open store is what a crash leaves.
func crash(t *testing.T, dir string) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), "left")
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return left
}

func TestCrash(t *testing.T) {
	dir, key := t.TempDir(), seal.NewKey()
	s := mustOpen(t, dir, key)
	for i := range 20 {
		mustPut(t, s, fmt.Sprint("hook", i), "value", 0)
	}
	again := mustOpen(t, crash(t, dir), key)
	for i := range 20 {
		if in, err := again.Get(t.Context(), fmt.Sprint("hook", i)); err != nil || string(in.Value) != "value" {
			t.Errorf("%d: %+v, %v", i, in, err)
		}
	}
}

// Badger drops what follows a damaged byte of its log without a word. The
// store must not.
func TestDamage(t *testing.T) {
	dir, key := t.TempDir(), seal.NewKey()
	s := mustOpen(t, dir, key)
	for i := range 20 {
		mustPut(t, s, fmt.Sprint("hook", i), strings.Repeat("value", 50), 0)
	}
	left := crash(t, dir)
	logs, err := filepath.Glob(filepath.Join(left, "*.mem"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	text, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	text[4000] ^= 1
	if err := os.WriteFile(logs[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Options{Dir: left, Key: key})
	if !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "acknowledged") {
		t.Fatalf("%v", err)
	}
	if err := os.Remove(filepath.Join(left, "acknowledged")); err != nil {
		t.Fatal(err)
	}
	mustPut(t, mustOpen(t, left, key), "after", "1", 0)
}

func TestSpace(t *testing.T) {
	var free atomic.Int64
	o := Options{Dir: t.TempDir(), Key: seal.NewKey(), space: func(string) (int64, error) { return free.Load(), nil }}
	if _, err := Open(o); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("opened on a full disk: %v", err)
	}
	if entries, _ := os.ReadDir(o.Dir); len(entries) > 0 {
		t.Error("files were made on a full disk")
	}
	free.Store(1 << 30)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Stat(s.reserve()); err != nil {
		t.Error(err)
	}
	revision := mustPut(t, s, "a", "1", 0)
	full := func() {
		t.Helper()
		if _, err := s.Put(t.Context(), storage.Integration{WebhookID: "a", Project: "p"}, revision); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%v", err)
		}
		if in, err := s.Get(t.Context(), "a"); err != nil || in.Revision != revision {
			t.Errorf("%+v, %v", in, err)
		}
		if state := s.Health().State; state != "full" {
			t.Error(state)
		}
	}
	free.Store(floor - 1)
	full()
	// It can be opened and read on a cramped disk, and written again later.
	free.Store(flushRoom)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Stat(s.reserve()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the reserve is still there: %v", err)
	}
	full()
	free.Store(1 << 30)
	revision = mustPut(t, s, "a", "2", revision)
	if health := s.Health(); health.State != "ok" || s.Disk().FreeBytes != 1<<30 {
		t.Errorf("%+v", health)
	}
	free.Store(0)
	if err := s.Close(); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("closed on a full disk: %v", err)
	}
	free.Store(1 << 30)
	if err := s.db.Close(); err != nil {
		t.Error(err)
	}
}

func TestTooLarge(t *testing.T) {
	s := mustOpen(t, t.TempDir(), seal.NewKey())
	for _, in := range []storage.Integration{
		{WebhookID: "a", Project: "p", Value: make([]byte, maxValue+1)},
		{WebhookID: "", Project: "p"},
		{WebhookID: "a\x00b", Project: "p"},
		{WebhookID: "a", Project: strings.Repeat("p", maxName+1)},
	} {
		if _, err := s.Put(t.Context(), in, 0); err == nil {
			t.Errorf("%s/%.9s was stored", in.WebhookID, in.Project)
		}
	}
	// Groups of large values are cut to what one transaction takes.
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			in := storage.Integration{WebhookID: fmt.Sprint("hook", i), Project: strings.Repeat("p", maxName), Value: make([]byte, maxValue)}
			if _, err := s.Put(t.Context(), in, 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// What the first version wrote has neither of the later flags.
func TestFirstRecord(t *testing.T) {
	raw := append(binary.BigEndian.AppendUint64(nil, 7), 1, 4)
	got, err := decode("a", append(raw, "demovalue"...))
	want := record{Integration: storage.Integration{WebhookID: "a", Project: "demo", Revision: 7, Deleted: true, Value: []byte("value")}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if text := got.encode(); string(text) != string(raw)+"demovalue" {
		t.Errorf("%q", text)
	}
}

func FuzzRecord(f *testing.F) {
	for _, r := range []record{
		{Integration: storage.Integration{Revision: 7, Project: "p", Value: []byte("value")}},
		{Integration: storage.Integration{Deleted: true, Unused: true}, Since: 1},
		{Integration: storage.Integration{Declared: true}},
	} {
		f.Add(r.encode())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := decode("a", raw)
		if err != nil {
			return
		}
		again, err := decode("a", r.encode())
		if err != nil || !reflect.DeepEqual(again, r) || r.size() != len(r.encode()) {
			t.Errorf("%+v, %+v, %v", r, again, err)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	s := mustOpen(b, b.TempDir(), seal.NewKey())
	var n atomic.Int64
	value := strings.Repeat("v", 1000)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mustPut(b, s, fmt.Sprint("hook", n.Add(1)), value, 0)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := mustOpen(b, b.TempDir(), seal.NewKey())
	mustPut(b, s, "hook", strings.Repeat("v", 1000), 0)
	for name, id := range map[string]string{"known": "hook", "unknown": "nobody"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = s.Get(b.Context(), id)
			}
		})
	}
}
