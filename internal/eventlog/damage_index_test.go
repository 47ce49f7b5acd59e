package eventlog

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/module/storage"
)

// TestDamagedIndex damages each file of the index: nothing is lost.
func TestDamagedIndex(t *testing.T) {
	origin := t.TempDir()
	ids := filled(t, origin, 100)
	entries, err := os.ReadDir(filepath.Join(origin, "index"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		for name, change := range map[string]func([]byte) []byte{
			"flipped":  func(raw []byte) []byte { raw[rand.IntN(min(len(raw), 2000))] ^= 4; return raw },
			"cut":      func(raw []byte) []byte { return raw[:len(raw)/2] },
			"emptied":  func([]byte) []byte { return nil },
			"replaced": func(raw []byte) []byte { return []byte(strings.Repeat("x", len(raw)%5000+1)) },
		} {
			t.Run(entry.Name()+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, "index", entry.Name())
				if info, err := os.Stat(path); err != nil || info.Size() == 0 {
					return // nothing to damage
				}
				rewrite(t, path, change)
				l := mustOpen(t, quietOptions(t, dir))
				if n := missing(t, l, ids); n > 0 {
					t.Fatalf("%d events are missing", n)
				}
				if n := l.Counts().Pending; n != len(ids) {
					t.Fatalf("%d of %d events are pending", n, len(ids))
				}
				if id, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), keyed("3")); id != ids[3] || outcome != storage.Duplicate {
					t.Fatal(id, outcome, err)
				}
				l.Close()
			})
		}
	}
}

// TestDamageOfTheIndexFoundLate damages blocks of the index that are not verified when
// it is opened. What recovery reads of them is as damage that was found then. Other
// damage is reported, nothing wrong is answered meanwhile, and the next start rebuilds
// the index.
func TestDamageOfTheIndexFoundLate(t *testing.T) {
	origin := t.TempDir()
	ids := filled(t, origin, 300)
	runs, err := filepath.Glob(filepath.Join(origin, "index", "*.run"))
	if err != nil || len(runs) == 0 {
		t.Fatal(runs, err)
	}
	late, early := 0, 0
	for round := 0; round < 12 || round < 200 && (late == 0 || early == 0); round++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(origin)); err != nil {
			t.Fatal(err)
		}
		run := filepath.Join(dir, "index", filepath.Base(runs[round%len(runs)]))
		rewrite(t, run, func(raw []byte) []byte {
			raw[rand.IntN(len(raw))] ^= 1 << rand.IntN(8)
			return raw
		})
		options := quietOptions(t, dir)
		options.verify = 1
		l := mustOpen(t, options)
		rebuilt := func() bool {
			_, err := os.Stat(filepath.Join(dir, "index.damaged"))
			return err == nil
		}
		eventually(t, "the damage is found", func() bool { return rebuilt() || l.Health().State == "corrupt" })
		if rebuilt() {
			early++
		} else {
			late++
			for i, id := range ids {
				r, err := l.Get(t.Context(), storage.Identity{1}, id)
				if err == nil && string(r.Body) != payload(i) || err != nil && !errors.Is(err, storage.ErrUnavailable) {
					t.Fatalf("event %d: %v", i, err)
				}
			}
			l.Close()
			l = mustOpen(t, options)
		}
		if n := missing(t, l, ids); n > 0 {
			t.Fatalf("%d events are missing", n)
		}
		if n := l.Counts().Pending; n != len(ids) || l.Health().State != "ok" {
			t.Fatalf("%d of %d events are pending, the state is %q", n, len(ids), l.Health().State)
		}
		if id, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), keyed("3")); id != ids[3] || outcome != storage.Duplicate {
			t.Fatal(id, outcome, err)
		}
		l.Close()
	}
	if late == 0 || early == 0 {
		t.Errorf("the damage was found %d times while the log was opened, and %d times later", early, late)
	}
}

// TestMergesReportDamage has a merge find damage: the next start rebuilds the index.
func TestMergesReportDamage(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 3)
	l := mustOpen(t, quietOptions(t, dir))
	l.index.Damaged(index.ErrDamaged)
	if state := l.Health().State; state != "corrupt" {
		t.Fatalf("the state is %q", state)
	}
	l.Close()
	mustOpen(t, quietOptions(t, dir))
	if _, err := os.Stat(filepath.Join(dir, "index.damaged")); err != nil {
		t.Fatal(err)
	}
}
