package badger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/backup"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

func mustBackup(t *testing.T, b storage.Backend) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.(storage.Backuper).Backup(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// elsewhere is a place without a storage, with the key of another storage.
func elsewhere(t *testing.T, keyOf string) *Storage {
	t.Helper()
	s := mustProvision(t, &Storage{Path: filepath.Join(t.TempDir(), "deep", "restored")})
	if keyOf == "" {
		return s
	}
	text, err := os.ReadFile(keyOf + ".key")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(s.keyPath(), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBackupAndRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	s := mustProvision(t, &Storage{Path: path})
	b := mustOpen(t, s)
	first := put(t, b, "first")
	b.Close()
	// A backup after the key was exchanged holds what both have sealed.
	if _, _, err := s.RotateKey(); err != nil {
		t.Fatal(err)
	}
	b = mustOpen(t, s)
	second := put(t, b, "second")
	deleted := storage.Integration{WebhookID: "gone", Project: "p", Deleted: true}
	if _, err := b.Integrations().Put(t.Context(), deleted, 0); err != nil {
		t.Fatal(err)
	}
	raw := mustBackup(t, b)
	for _, text := range []string{"value of", "body of"} {
		if bytes.Contains(raw, []byte(text)) {
			t.Errorf("the backup shows %q", text)
		}
	}

	there := elsewhere(t, path)
	restored, err := there.Restore(t.Context(), bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if restored.Integrations != 2 || restored.Pending != 2 || restored.Failed != 0 || restored.Damaged || time.Since(restored.Created) > time.Minute {
		t.Errorf("%+v", restored)
	}
	if got := names(t, filepath.Dir(there.path)); got != "restored restored.key" {
		t.Errorf("files %s", got)
	}
	if info, err := os.Stat(there.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	opened := mustOpen(t, there)
	has(t, opened, "first", first)
	has(t, opened, "second", second)
	if in, err := opened.Integrations().Get(t.Context(), "gone"); err != nil || !in.Deleted {
		t.Errorf("%+v, %v", in, err)
	}
	if opened.(*backend).replaced.Load() {
		t.Error("restored integrations are not sealed with the present key")
	}
}

func TestRestoreRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	b := mustOpen(t, &Storage{Path: path})
	put(t, b, "first")
	raw := mustBackup(t, b)
	foreign := filepath.Join(t.TempDir(), "foreign")
	if _, err := seal.CreateKeyFile(foreign + ".key"); err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(raw)
	damaged[len(damaged)/2] ^= 1
	for name, c := range map[string]struct {
		raw   []byte
		keyOf string
		want  string // PATH stands for the path
	}{
		"empty":       {nil, path, "it is empty"},
		"no backup":   {bytes.Repeat([]byte("text"), 1000), path, "this is not a Hookgate backup"},
		"cut":         {raw[:len(raw)-2048], path, "the backup is truncated"},
		"cut early":   {raw[:2000], path, "the backup is truncated"},
		"damaged":     {damaged, path, "the backup is damaged"},
		"foreign key": {raw, foreign, "the key PATH.key is "},
		"no key":      {raw, "", "put that key at PATH.key first"},
	} {
		t.Run(name, func(t *testing.T) {
			there := elsewhere(t, c.keyOf)
			_, err := there.Restore(t.Context(), bytes.NewReader(c.raw))
			if want := strings.ReplaceAll(c.want, "PATH", there.path); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v\nwant %s", err, want)
			}
			left, err := filepath.Glob(there.path + "*")
			if err != nil || len(left) != 0 && (len(left) != 1 || left[0] != there.keyPath()) {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	t.Run("something is there", func(t *testing.T) {
		there := elsewhere(t, path)
		if err := errors.Join(os.Mkdir(there.path, 0o700), os.WriteFile(filepath.Join(there.path, "notes"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := there.Restore(t.Context(), bytes.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "something in "+there.path) {
			t.Errorf("%v", err)
		}
		if got := names(t, there.path); got != "notes" {
			t.Errorf("files %s", got)
		}
		if err := os.Remove(filepath.Join(there.path, "notes")); err != nil {
			t.Fatal(err)
		}
		if _, err := there.Restore(t.Context(), bytes.NewReader(raw)); err != nil {
			t.Errorf("to an empty directory: %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := elsewhere(t, path).Restore(ctx, bytes.NewReader(raw)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// A segment that was damaged on disk is in the backup as it is, and the restore
// says so.
func TestBackupOfDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	b := mustOpen(t, &Storage{Path: path})
	put(t, b, "first")
	put(t, b, "second")
	segments, err := filepath.Glob(filepath.Join(path, eventsDir, "segments", "*.segment"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	file, err := os.OpenFile(segments[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{0xff, 0xff}, 4096+100); err != nil {
		t.Fatal(err)
	}
	there := elsewhere(t, path)
	if restored, err := there.Restore(t.Context(), bytes.NewReader(mustBackup(t, b))); err != nil || !restored.Damaged {
		t.Errorf("%+v, %v", restored, err)
	}
}

func TestBackupIsOneAtATime(t *testing.T) {
	b := mustOpen(t, &Storage{Path: filepath.Join(t.TempDir(), "store")}).(*backend)
	r, w := io.Pipe()
	done := make(chan error)
	go func() { done <- b.Backup(context.Background(), w) }()
	if _, err := backup.NewReader(r); err != nil {
		t.Fatal(err)
	}
	if err := b.Backup(t.Context(), io.Discard); !errors.Is(err, storage.ErrBusy) {
		t.Errorf("%v", err)
	}
	r.Close()
	if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	if err := b.Backup(t.Context(), io.Discard); err != nil {
		t.Error(err)
	}
}
