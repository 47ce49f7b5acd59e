package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// put stores an integration and an event.
func put(t *testing.T, b storage.Backend, name string) storage.ID {
	t.Helper()
	in := storage.Integration{WebhookID: name, Project: "p", Value: []byte("value of " + name)}
	if _, err := b.Integrations().Put(t.Context(), in, 0); err != nil {
		t.Fatal(err)
	}
	event := &storage.Event{Integration: storage.Identity{1}, WebhookID: name, Project: "p", Body: []byte("body of " + name)}
	id, _, err := b.Events().Append(t.Context(), event, storage.Dedupe{Key: []byte(name), Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// has wants what put has stored.
func has(t *testing.T, b storage.Backend, name string, id storage.ID) {
	t.Helper()
	if in, err := b.Integrations().Get(t.Context(), name); err != nil || string(in.Value) != "value of "+name {
		t.Errorf("%s: %s, %v", name, in.Value, err)
	}
	if r, err := b.Events().Get(t.Context(), storage.Identity{1}, id); err != nil || string(r.Body) != "body of "+name {
		t.Errorf("the event of %s: %v", name, err)
	}
	event := &storage.Event{Integration: storage.Identity{1}, WebhookID: name, Project: "p", Body: []byte("body of " + name)}
	if first, outcome, err := b.Events().Append(t.Context(), event, storage.Dedupe{Key: []byte(name), Window: time.Hour}); first != id || outcome != storage.Duplicate || err != nil {
		t.Errorf("the duplicate of %s: %v, %v", name, outcome, err)
	}
}

// keys says which keys are needed: "first+ second-".
func keys(t *testing.T, b storage.Backend) string {
	t.Helper()
	list, err := b.(storage.Keyed).Keys()
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, key := range list {
		sign := "-"
		if key.Needed {
			sign = "+"
		}
		text = append(text, key.ID+sign)
	}
	return strings.Join(text, " ")
}

func keycheckRecords(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path, keycheckFile))
	if err != nil {
		t.Fatal(err)
	}
	return len(raw) / keycheckSize
}

func TestKeyRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := mustProvision(t, &Storage{Path: path})
	if _, _, err := s.RotateKey(); err == nil || !strings.Contains(err.Error(), path+".key") {
		t.Errorf("rotated a key that is not there: %v", err)
	}
	b := mustOpen(t, s)
	first := put(t, b, "first")
	if got := strings.Count(keys(t, b), "+"); got != 1 {
		t.Errorf("%d keys", got)
	}
	b.Close()

	name, id, err := s.RotateKey()
	if err != nil || name != path+".key" {
		t.Fatal(name, err)
	}
	// The process dies when the integrations are resealed and the events are not.
	key, replaced, err := s.unlock()
	if err != nil || !replaced {
		t.Fatal(replaced, err)
	}
	integrations, err := store.Open(store.Options{Dir: filepath.Join(path, integrationsDir), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(integrations.Reseal(t.Context()), integrations.Close(), s.writeKeycheck(keycheckOf(key))); err != nil {
		t.Fatal(err)
	}
	if n := keycheckRecords(t, path); n != 1 {
		t.Errorf("%d records in the keycheck", n)
	}

	// Without the old key nothing is opened or changed.
	text, err := os.ReadFile(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	present, old, _ := strings.Cut(string(text), "\n")
	alone := func(key string) {
		t.Helper()
		if err := os.WriteFile(path+".key", []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	alone(present)
	if _, err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "which is missing in "+path+".key") || strings.Contains(err.Error(), present) {
		t.Errorf("%v", err)
	}
	// With it, the events are resealed, and it is not needed any more.
	alone(string(text))
	b = mustOpen(t, s)
	second := put(t, b, "second")
	has(t, b, "first", first)
	polltest.Until(t, "the events are resealed", func() bool {
		got := keys(t, b)
		return strings.HasPrefix(got, id+"+ ") && strings.Count(got, "+") == 1
	})
	b.Close()
	alone(present)
	b = mustOpen(t, s)
	has(t, b, "first", first)
	has(t, b, "second", second)
	b.Close()
	// The integrations do not need it without the events either.
	if err := os.Rename(filepath.Join(path, eventsDir), filepath.Join(path, "aside")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "lost its events") {
		t.Errorf("%v", err)
	}
	if err := os.Mkdir(filepath.Join(path, eventsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	b = mustOpen(t, s)
	if _, err := b.Integrations().Get(t.Context(), "first"); err != nil {
		t.Error(err)
	}
	b.Close()
	// Nor does the old key alone open what the new one has sealed.
	alone(old)
	if _, err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "is not the key of the storage") {
		t.Errorf("%v", err)
	}
}

// A key is exchanged in steps; the process may die between any two.
func TestCrashWhileRotating(t *testing.T) {
	for step, crash := range []func(t *testing.T, s *Storage){
		func(t *testing.T, s *Storage) {}, // before the start
		func(t *testing.T, s *Storage) { // the new key is in the keycheck
			if _, _, err := s.unlock(); err != nil {
				t.Fatal(err)
			}
		},
		func(t *testing.T, s *Storage) { // and the parts were open
			key, _, err := s.unlock()
			if err != nil {
				t.Fatal(err)
			}
			b, err := openBackend(t.Context(), s.path, key, s.logger())
			if err != nil {
				t.Fatal(err)
			}
			put(t, b, "between-"+key.IDs()[0])
			b.Close()
		},
		func(t *testing.T, s *Storage) { // and all integrations are resealed
			key, replaced, err := s.unlock()
			if err != nil || !replaced {
				t.Fatal(replaced, err)
			}
			b, err := openBackend(t.Context(), s.path, key, s.logger())
			if err != nil {
				t.Fatal(err)
			}
			reached := make(chan struct{}, 1)
			b.reseal(t.Context(), func() error {
				reached <- struct{}{}
				return errors.New("the process dies")
			})
			<-reached
			if !strings.HasSuffix(keys(t, b), "+") {
				t.Error("a key is not needed before that is on disk")
			}
			b.Close()
		},
	} {
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			s := mustProvision(t, &Storage{Path: path})
			b := mustOpen(t, s)
			first := put(t, b, "first")
			b.Close()
			if _, _, err := s.RotateKey(); err != nil {
				t.Fatal(err)
			}
			crash(t, s)
			// Another exchange may come before the first is through.
			if _, _, err := s.RotateKey(); err != nil {
				t.Fatal(err)
			}
			crash(t, s)
			b = mustOpen(t, s)
			has(t, b, "first", first)
			polltest.Until(t, "the integrations are resealed", func() bool { return !b.(*backend).replaced.Load() })
			if n := keycheckRecords(t, path); n != 1 {
				t.Errorf("%d records in the keycheck", n)
			}
			if got := len(strings.Fields(keys(t, b))); got != 3 {
				t.Errorf("%d keys", got)
			}
			b.Close()
			// The present key alone opens all integrations.
			key, err := seal.ReadKeyFile(path + ".key")
			if err != nil {
				t.Fatal(err)
			}
			alone, err := store.Open(store.Options{Dir: filepath.Join(path, integrationsDir), Key: key.Replacing(seal.Key{})})
			if err != nil {
				t.Fatal(err)
			}
			defer alone.Close()
			for _, err := range alone.Export(t.Context()) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestSeveralConfiguredKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	old, key := seal.NewKey(), seal.NewKey()
	t.Setenv("HOOKGATE_TEST_KEY", old.Text())
	configured := &Storage{Path: path, EncryptionKey: "{env.HOOKGATE_TEST_KEY}"}
	b := mustOpen(t, configured)
	first := put(t, b, "first")
	b.Close()
	before := configured.Options()

	t.Setenv("HOOKGATE_TEST_KEY", key.Text()+"\n"+old.Text()+"\n")
	s := mustProvision(t, &Storage{Path: path, EncryptionKey: "{env.HOOKGATE_TEST_KEY}"})
	if s.Options() == before {
		t.Error("other keys are the same options")
	}
	if _, _, err := s.RotateKey(); err == nil || !strings.Contains(err.Error(), "{env.HOOKGATE_TEST_KEY}") {
		t.Errorf("rotated a configured key: %v", err)
	}
	b = mustOpen(t, s)
	has(t, b, "first", first)
}

func TestMissingPart(t *testing.T) {
	for _, name := range []string{eventsDir, integrationsDir} {
		path := filepath.Join(t.TempDir(), "store")
		s := mustProvision(t, &Storage{Path: path})
		mustOpen(t, s).Close()
		if err := os.RemoveAll(filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), filepath.Join(path, name)+" is missing") {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Mkdir(filepath.Join(path, name), 0o700); err != nil {
			t.Fatal(err)
		}
		mustOpen(t, s).Close()
	}
	// A first start that ended before anything was stored is no loss.
	path := filepath.Join(t.TempDir(), "store")
	s := mustProvision(t, &Storage{Path: path})
	if err := errors.Join(os.Mkdir(path, 0o700), s.makeDirs()); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, s)
}
