package badger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

func provision(t *testing.T, s *Storage) error {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	return s.Provision(ctx)
}

func mustProvision(t *testing.T, s *Storage) *Storage {
	t.Helper()
	if err := provision(t, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func mustOpen(t *testing.T, s *Storage) storage.Backend {
	t.Helper()
	b, err := mustProvision(t, s).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// names are the files of a directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return strings.Join(list, " ")
}

func TestCaddyfile(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"badger", `{}`},
		{"badger {\n}", `{}`},
		{"badger {\n\tpath /var/lib/hookgate\n\tencryption_key {file./etc/key}\n}", `{"path":"/var/lib/hookgate","encryption_key":"{file./etc/key}"}`},
		{"badger here", "wrong argument count"},
		{"badger {\n\tpath\n}", "wrong argument count"},
		{"badger {\n\tpath a b\n}", "wrong argument count"},
		{"badger {\n\tpath \"\"\n}", "path: a value is empty, at Testfile:2"},
		{"badger {\n\tpath a\n\tpath b\n}", "'path' is repeated, at Testfile:3"},
		{"badger {\n\tencryption_key a\n\tencryption_key b\n}", "'encryption_key' is repeated, at Testfile:3"},
		{"badger {\n\tsize 7\n}", "unrecognized option 'size', at Testfile:2"},
		{"badger {\n\tpath a {\n\t\tx\n\t}\n}", "'path' cannot have a block, at Testfile:2"},
	} {
		s := new(Storage)
		err := s.UnmarshalCaddyfile(caddyfile.NewTestDispenser(c.text))
		got, _ := json.Marshal(s)
		if err != nil {
			got = []byte(err.Error())
		}
		if !strings.Contains(string(got), c.want) || err == nil && string(got) != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestProvision(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("HOOKGATE_TEST_DIR", filepath.Join(dir, "sub"))
	t.Setenv("HOOKGATE_TEST_KEY", seal.NewKey().Text())
	t.Setenv("HOOKGATE_TEST_BAD", "CANARY")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                                  filepath.Join(dir, "caddy", "hookgate"),
		"{env.HOOKGATE_TEST_DIR}/x":         filepath.Join(dir, "sub", "x"),
		link:                                dir,
		filepath.Join(link, "a", "b"):       filepath.Join(dir, "a", "b"),
		filepath.Join(link, "a/../b") + "/": filepath.Join(dir, "b"),
	} {
		if s := mustProvision(t, &Storage{Path: path}); s.Key() != want {
			t.Errorf("%s: %s, want %s", path, s.Key(), want)
		}
	}
	if got := names(t, dir); got != "link" {
		t.Errorf("files were made: %s", got)
	}
	for _, s := range []*Storage{
		{Path: "{env.HOOKGATE_TEST_UNSET}"},
		{Path: "{nonsense}/x"},
		{EncryptionKey: "{env.HOOKGATE_TEST_UNSET}"},
		{EncryptionKey: "{file./nonexistent}"},
		{EncryptionKey: "{env.HOOKGATE_TEST_BAD}"},
		{EncryptionKey: "CANARY"},
		{EncryptionKey: "{CANARY}"},
	} {
		if err := provision(t, s); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%+v: %v", s, err)
		}
	}
	configured := mustProvision(t, &Storage{EncryptionKey: "{env.HOOKGATE_TEST_KEY}"})
	if generated := mustProvision(t, new(Storage)); configured.Options() == generated.Options() || configured.Key() != generated.Key() {
		t.Error(configured.Options(), generated.Options())
	}
	t.Setenv("HOOKGATE_TEST_KEY", seal.NewKey().Text())
	if other := mustProvision(t, &Storage{EncryptionKey: "{env.HOOKGATE_TEST_KEY}"}); other.Options() == configured.Options() {
		t.Error("two keys are the same options")
	}
}

func TestGeneratedKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deep", "store")
	b := mustOpen(t, &Storage{Path: path})
	if _, err := b.Integrations().Put(t.Context(), storage.Integration{WebhookID: "a", Project: "p"}, 0); err != nil {
		t.Fatal(err)
	}
	if health := b.Health(); health.State != "ok" || b.(storage.DiskMeter).Disk().FreeBytes == 0 {
		t.Errorf("%+v", health)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o700 | os.ModeDir, path + ".key": 0o600, path + "/keycheck": 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	b = mustOpen(t, &Storage{Path: path})
	if _, err := b.Integrations().Get(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

func TestKeyOfData(t *testing.T) {
	key := seal.NewKey()
	t.Setenv("HOOKGATE_TEST_KEY", key.Text())
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string, s *Storage) error
		want  string // PATH stands for the path
	}{
		"missing": {func(t *testing.T, path string, s *Storage) error {
			return os.Remove(path + ".key")
		}, "its key PATH.key is missing"},
		"another": {func(t *testing.T, path string, s *Storage) error {
			return os.WriteFile(path+".key", []byte(seal.NewKey().Text()), 0o600)
		}, "the key PATH.key is not the key of the storage PATH"},
		"garbage": {func(t *testing.T, path string, s *Storage) error {
			return os.WriteFile(path+".key", []byte("CANARY"), 0o600)
		}, "PATH.key: an encryption key must be 32 bytes in base64"},
		"configured": {func(t *testing.T, path string, s *Storage) error {
			s.EncryptionKey = "{env.HOOKGATE_TEST_KEY}"
			return nil
		}, "the key {env.HOOKGATE_TEST_KEY} (encryption_key) is not the key of the storage PATH"},
		"literal": {func(t *testing.T, path string, s *Storage) error {
			s.EncryptionKey = key.Text()
			return nil
		}, "the key in encryption_key is not the key of the storage PATH"},
		"no keycheck": {func(t *testing.T, path string, s *Storage) error {
			return os.Remove(path + "/keycheck")
		}, "its file keycheck is missing"},
		"damaged keycheck": {func(t *testing.T, path string, s *Storage) error {
			return os.WriteFile(path+"/keycheck", nil, 0o600)
		}, "the key PATH.key is not the key of the storage PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store")
			mustOpen(t, &Storage{Path: path}).Close()
			s := &Storage{Path: path}
			if err := c.spoil(t, path, s); err != nil {
				t.Fatal(err)
			}
			before := names(t, path) + names(t, filepath.Dir(path)) + names(t, filepath.Join(path, integrationsDir))
			mustProvision(t, s)
			b, err := s.Open(t.Context())
			if err == nil {
				b.Close()
				t.Fatal("it opens")
			}
			if want := strings.ReplaceAll(c.want, "PATH", s.path); !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key.Text()) {
				t.Errorf("%v\nwant %s", err, want)
			}
			if after := names(t, path) + names(t, filepath.Dir(path)) + names(t, filepath.Join(path, integrationsDir)); after != before {
				t.Errorf("files: %s\nbefore: %s", after, before)
			}
		})
	}
}

func TestConfiguredKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	t.Setenv("HOOKGATE_TEST_KEY", seal.NewKey().Text())
	s := &Storage{Path: path, EncryptionKey: "{env.HOOKGATE_TEST_KEY}"}
	mustOpen(t, s).Close()
	if got := names(t, filepath.Dir(path)); got != "store" {
		t.Errorf("a key was generated: %s", got)
	}
	mustOpen(t, s)
	// A second one is told why not.
	if _, err := s.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	for cause, want := range map[error]bool{syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EIO: false, nil: false} {
		var err error
		if cause != nil {
			err = fmt.Errorf("making the storage: %w", &os.PathError{Op: "mkdir", Path: "store", Err: cause})
		}
		got := unavailable(err)
		if errors.Is(got, storage.ErrUnavailable) != want || !errors.Is(got, cause) {
			t.Errorf("%v: %v", cause, got)
		}
	}
}
