package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// litter creates a store that is worth rewriting: a table for each of many
// starts, most of whose contents have been overwritten since. Its last write
// deletes one.
func litter(t *testing.T, dir string, key seal.Key) {
	t.Helper()
	revisions := make(map[string]uint64)
	for start := range fewTables + 3 {
		s := mustOpen(t, dir, key)
		for i := range 5 {
			id := fmt.Sprint("hook", i)
			revisions[id] = mustPut(t, s, id, fmt.Sprint("value of start ", start), revisions[id])
		}
		if start == fewTables+2 {
			deleted := storage.Integration{WebhookID: "hook0", Project: "p", Deleted: true}
			if _, err := s.Put(t.Context(), deleted, revisions["hook0"]); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// contents are all integrations of a store by webhook ID, and the last revision.
func contents(t *testing.T, s *Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for page, err := range s.Export(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range page.Integrations {
			all[in.WebhookID] = fmt.Sprint(in.Project, in.Revision, in.Deleted, string(in.Value))
		}
		all["last"] = fmt.Sprint(page.Last)
	}
	list, err := s.List(t.Context(), "p", storage.Place{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		all["listed "+in.WebhookID] = fmt.Sprint(in.Revision)
	}
	return all
}

// unchanged is a free space in which a store can be written, but not rewritten.
func unchanged(string) (int64, error) { return floor, nil }

// stored are the contents of a closed store, as it lies there.
func stored(t *testing.T, dir string, key seal.Key) map[string]string {
	t.Helper()
	s, err := Open(Options{Dir: dir, Key: key, space: unchanged})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return contents(t, s)
}

func TestRewrite(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "store"), seal.NewKey()
	litter(t, dir, key)
	want := stored(t, dir, key)
	if len(want) != 5+1+4 || want["last"] != fmt.Sprint(5*(fewTables+3)+1) {
		t.Fatalf("%v", want)
	}
	s := mustOpen(t, dir, key)
	if got := contents(t, s); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if tables := len(s.db.Tables()); tables != 1 {
		t.Errorf("%d tables", tables)
	}
	if acknowledged := s.mark.Read(); fmt.Sprint(acknowledged) != want["last"] {
		t.Errorf("%d are acknowledged", acknowledged)
	}
	// The ID of a deleted integration is still known, and no revision is given
	// again.
	if _, err := s.Put(t.Context(), storage.Integration{WebhookID: "hook0", Project: "other"}, 0); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("%v", err)
	}
	if revision := mustPut(t, s, "new", "1", 0); revision != 5*(fewTables+3)+2 {
		t.Errorf("revision %d", revision)
	}
	if _, err := os.Stat(s.aside()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the former database is still there: %v", err)
	}
}

// A start rewrites a store only when that is worth it.
func TestWorth(t *testing.T) {
	const mib = 1 << 20
	for name, test := range map[string]struct {
		survey
		worth bool
	}{
		"new":                      {survey{}, false},
		"few starts":               {survey{tables: fewTables, stored: mib}, false},
		"many starts":              {survey{tables: fewTables + 3, stored: mib, live: mib}, true},
		"just rewritten":           {survey{tables: 60, stored: 420 * mib, live: 400 * mib}, false},
		"large, and as large dead": {survey{tables: 100, stored: 800 * mib, live: 400 * mib}, false},
		"large, and more dead":     {survey{tables: 100, stored: 850 * mib, live: 400 * mib}, true},
		"small, and all dead":      {survey{tables: 2, stored: fewBytes}, false},
		"a replaced key":           {survey{tables: 1, replaced: true}, true},
	} {
		if got := test.survey.worth(); got != test.worth {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// With a new key the start rewrites what the former one has sealed, and
// nothing is left that it opens.
func TestRewriteSealsAnew(t *testing.T) {
	dir, old, key := filepath.Join(t.TempDir(), "store"), seal.NewKey(), seal.NewKey()
	s := mustOpen(t, dir, old)
	fill(t, s, 7)
	want := contents(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir, key.Replacing(old))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, dir, key); !maps.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
	id := string(idOf(old))
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), id) {
			t.Errorf("%s has a record of the former key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func idOf(key seal.Key) []byte {
	id := key.ID()
	return id[:]
}

// What cannot be rewritten stays as it is.
func TestNoRewrite(t *testing.T) {
	dir, key := filepath.Join(t.TempDir(), "store"), seal.NewKey()
	litter(t, dir, key)
	want := stored(t, dir, key)
	aside := dir + ".rewrite"
	for name, o := range map[string]Options{
		"little space": {space: unchanged},
		"another file is in its place": at("begun", func() error {
			return os.WriteFile(aside, nil, 0o600)
		}),
		"a table is lost": at("made", func() error {
			tables, err := filepath.Glob(filepath.Join(aside, "*.sst"))
			if err != nil || len(tables) != 1 {
				return fmt.Errorf("%d tables, %w", len(tables), err)
			}
			return os.Remove(tables[0])
		}),
		"a record is lost": at("made", func() error {
			db, err := openBadger(aside, zap.NewNop(), true)
			if err != nil {
				return err
			}
			return errors.Join(db.Update(func(txn *badger.Txn) error { return txn.Delete(integrationKey("hook3")) }), db.Close())
		}),
		"another database is in its place": at("made", func() error {
			return errors.Join(os.RemoveAll(aside), os.Mkdir(aside, 0o700))
		}),
	} {
		o.Dir, o.Key = dir, key
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := contents(t, s); !maps.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
		if tables := len(s.db.Tables()); tables < fewTables {
			t.Errorf("%s: %d tables", name, tables)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(aside); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something is left: %v", name, err)
		}
	}
}

// at has a fault happen at a step.
func at(step string, fault func() error) Options {
	return Options{step: func(name string) {
		if name != step {
			return
		}
		if err := fault(); err != nil {
			panic(err)
		}
	}}
}

// The environment of the process that TestRewriteKilled kills.
const killedDir, killedStep, killedKey = "STORE_DIR", "STORE_STEP", "STORE_KEY"

// TestRewriteKilled ends the process at each step of a rewrite, and has the
// next start find all that there was.
func TestRewriteKilled(t *testing.T) {
	if dir := os.Getenv(killedDir); dir != "" {
		openAndDie(t, dir)
		return
	}
	key := seal.NewKey()
	litteredDir := filepath.Join(t.TempDir(), "store")
	litter(t, litteredDir, key)
	want := stored(t, litteredDir, key)
	for _, step := range []string{"begun", "chunk", "made", "verified", "closed", "exchanged", "removed"} {
		t.Run(step, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			if err := os.CopyFS(dir, os.DirFS(litteredDir)); err != nil {
				t.Fatal(err)
			}
			child := exec.Command(os.Args[0], "-test.run=^TestRewriteKilled$")
			child.Env = append(os.Environ(), killedDir+"="+dir, killedStep+"="+step, killedKey+"="+key.Text())
			out, err := child.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the process was not killed: %v\n%s", err, out)
			}
			// First as it was left, then rewritten if it was not.
			if got := stored(t, dir, key); !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			s := mustOpen(t, dir, key)
			if got := contents(t, s); !maps.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			if tables := len(s.db.Tables()); tables > 2 {
				t.Errorf("%d tables", tables)
			}
			if _, err := os.Stat(s.aside()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something is left: %v", err)
			}
		})
	}
}

func openAndDie(t *testing.T, dir string) {
	key, err := seal.ParseKey(os.Getenv(killedKey))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(Options{Dir: dir, Key: key, step: func(name string) {
		if name == os.Getenv(killedStep) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	t.Fatal("it has survived: ", err)
}
