package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// copyOf copies a directory or a file.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	putBack(t, path, to)
	return to
}

// putBack has a copy take the place of what it was made of.
func putBack(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil {
		err = os.RemoveAll(to)
	}
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestOlderCopy puts copies of before a change back in the place of what there is. What
// is older than the rest knows is refused, again and again, until that is accepted.
func TestOlderCopy(t *testing.T) {
	for name, c := range map[string]struct {
		back    []string // what of the copy is put back, below the storage
		between func(*testing.T, storage.Backend)
		refused string // the part that is named; "" opens
	}{
		"the integrations": {back: []string{integrationsDir}, refused: integrationsDir},
		"the events":       {back: []string{eventsDir}, refused: eventsDir},
		"all":              {back: []string{integrationsDir, eventsDir}},
		"the integrations, which have not changed": {back: []string{integrationsDir}, between: func(t *testing.T, b storage.Backend) {
			if _, _, err := b.Events().Append(t.Context(), &storage.Event{Integration: storage.Identity{9}}, storage.Dedupe{}); err != nil {
				t.Fatal(err)
			}
		}},
		"the events, without any since": {back: []string{eventsDir}, between: func(*testing.T, storage.Backend) {}, refused: eventsDir},
		// The power went between a change and the note of it.
		"the note of the integrations": {back: []string{eventsDir + "/" + notedFile}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustProvision(t, &Storage{Path: filepath.Join(t.TempDir(), "store")})
			b := mustOpen(t, s)
			put(t, b, "first")
			b.Close()
			old := copyOf(t, s.path)
			b = mustOpen(t, s)
			if c.between != nil {
				c.between(t, b)
			} else {
				put(t, b, "second")
			}
			b.Close()
			for _, part := range c.back {
				putBack(t, filepath.Join(old, part), s.in(part))
			}
			if c.refused != "" {
				before := names(t, s.in("events/segments"))
				for range 4 {
					_, err := s.Open(t.Context())
					older, ok := errors.AsType[*OlderCopyError](err)
					if !ok || older.part != c.refused || !strings.Contains(err.Error(), s.in(c.refused)) || !strings.Contains(err.Error(), s.in(acceptFile)) {
						t.Fatalf("%v", err)
					}
				}
				if after := names(t, s.in("events/segments")); after != before {
					t.Errorf("segments were made: %s, before %s", after, before)
				}
				if err := os.WriteFile(s.in(acceptFile), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 3 {
				b := mustOpen(t, s)
				if _, err := os.Stat(s.in(acceptFile)); err == nil {
					t.Error("the consent is there still")
				}
				if state := b.Health().State; state != "ok" {
					t.Errorf("the state is %s", state)
				}
				put(t, b, fmt.Sprint("later", i))
				b.Close()
			}
			// What was accepted once is not for ever.
			if c.refused != "" {
				putBack(t, filepath.Join(old, c.refused), s.in(c.refused))
				if _, err := s.Open(t.Context()); err == nil {
					t.Error("the older copy is accepted once more")
				}
			}
		})
	}
}

// What is there of the parts, however they came to be, opens.
func TestPartsThatFit(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, s *Storage){
		"nothing": func(*testing.T, *Storage) {},
		"of the first version": func(t *testing.T, s *Storage) {
			if err := os.Remove(s.in(eventsDir + "/" + notedFile)); err != nil {
				t.Fatal(err)
			}
		},
		"no integrations": func(t *testing.T, s *Storage) { putBack(t, t.TempDir(), s.in(integrationsDir)) },
		"no events":       func(t *testing.T, s *Storage) { putBack(t, t.TempDir(), s.in(eventsDir)) },
		"another key": func(t *testing.T, s *Storage) {
			if _, _, err := s.RotateKey(); err != nil {
				t.Fatal(err)
			}
		},
		"consent to nothing": func(t *testing.T, s *Storage) {
			if err := os.WriteFile(s.in(acceptFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := mustProvision(t, &Storage{Path: filepath.Join(t.TempDir(), "store")})
			b := mustOpen(t, s)
			put(t, b, "first")
			b.Close()
			change(t, s)
			for i := range 2 {
				b := mustOpen(t, s)
				put(t, b, fmt.Sprint("later", i))
				if state := b.Health().State; state != "ok" {
					t.Errorf("the state is %s", state)
				}
				b.Close()
			}
			if _, err := os.Stat(s.in(acceptFile)); err == nil {
				t.Error("the consent is there still")
			}
		})
	}
}

// A crash at any moment leaves two parts that fit.
func TestCrashBetweenTheParts(t *testing.T) {
	s := mustProvision(t, &Storage{Path: filepath.Join(t.TempDir(), "store")})
	b := mustOpen(t, s)
	for i := range 5 {
		put(t, b, fmt.Sprint("hook", i))
		left := mustProvision(t, &Storage{Path: filepath.Join(t.TempDir(), "left")})
		if err := os.CopyFS(left.path, os.DirFS(s.path)); err != nil {
			t.Fatal(err)
		}
		putBack(t, s.keyPath(), left.keyPath())
		if opened, err := left.Open(t.Context()); err != nil {
			t.Errorf("after %d changes: %v", i+1, err)
		} else {
			opened.Close()
		}
	}
}

// A log that ends before what the integrations know to be durable is damaged.
func TestCutLog(t *testing.T) {
	s := mustProvision(t, &Storage{Path: filepath.Join(t.TempDir(), "store")})
	b := mustOpen(t, s)
	put(t, b, "first")
	segments, err := filepath.Glob(s.in("events/segments/*.segment"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	last := segments[len(segments)-1]
	before := copyOf(t, last)
	put(t, b, "second")
	b.Close()
	info, err := os.Stat(before)
	if err != nil {
		t.Fatal(err)
	}
	putBack(t, before, last)
	if err := errors.Join(os.Truncate(last, info.Size()), os.RemoveAll(s.in("events/index"))); err != nil {
		t.Fatal(err)
	}
	if state := mustOpen(t, s).Health().State; state != "corrupt" {
		t.Errorf("the state is %s", state)
	}
}

// An unused webhook ID is reserved by the clock of the events from its deletion on.
func TestReservedByTheClockOfTheEvents(t *testing.T) {
	b := mustOpen(t, &Storage{Path: filepath.Join(t.TempDir(), "store")}).(*backend)
	in := storage.Integration{WebhookID: "a", Project: "p", Unused: true, Deleted: true}
	before := b.events.Age()
	if _, err := b.integrations.Put(t.Context(), in, 0); err != nil {
		t.Fatal(err)
	}
	for page, err := range b.integrations.Export(t.Context()) {
		if err != nil || len(page.Integrations) != 1 {
			t.Fatal(page, err)
		}
		if since := page.Integrations[0].Since; since < before || since > b.events.Age() || before == 0 {
			t.Errorf("reserved since %d, and not between %d and %d", since, before, b.events.Age())
		}
	}
}
