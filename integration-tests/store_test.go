package integrationtests

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// snapshot is a digest of every file below a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		sum := sha256.Sum256(text)
		files[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestStoreKey(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("storage badger {\npath {$DIR}/keep/store\n}\n"+soon+declared("plain")+gateway.Ticket(sink), gateway.Edge))
	key := filepath.Join(g.Dir, "keep", "store.key")
	info, err := os.Stat(key)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("the key's mode is %o", mode)
	}
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(good))); err != nil || len(raw) != 32 {
		t.Errorf("the key is no 32 bytes in base64: %v", err)
	}
	id := push(g, t, "plain", "1")
	g.WaitStatus(t, demo, "plain", id, "delivered")
	g.Stop()

	before := snapshot(t, filepath.Join(g.Dir, "keep"))
	fails := func(what string) {
		t.Helper()
		out := g.StartFails()
		if !strings.Contains(out, key) {
			t.Errorf("%s: the error does not name %s:\n%s", what, key, out)
		}
		if strings.Contains(out, strings.TrimSpace(string(good))) {
			t.Errorf("%s: the error shows the key", what)
		}
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(key, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) + "\n")
	fails("another key")
	write("no key at all\n")
	fails("a malformed key")
	write("")
	fails("an empty key")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	fails("no key")
	if _, err := os.Stat(key); err == nil {
		t.Error("a new key was made beside data of another")
	}
	write(string(good))
	if after := snapshot(t, filepath.Join(g.Dir, "keep")); !maps.Equal(before, after) {
		t.Errorf("the data was changed: %d files before, %d after", len(before), len(after))
	}
	g.Start()
	is(t, g.Post("/webhooks/plain", gateway.GitHub(secret, "push", "1", body), body), 200, `{"status":"duplicate","id":"`+id+`"}`)
}

func TestStoreKeyFromTheConfiguration(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := gateway.Config("storage badger {\npath {$DIR}/keep/store\nencryption_key {env.KEY}\n}\n"+declared("plain")+gateway.Ticket(sink), gateway.Edge)
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	g := gateway.Start(t, config, "KEY="+key)
	sink.Wait(push(g, t, "plain", "1"))
	if _, err := os.Stat(filepath.Join(g.Dir, "keep", "store.key")); err == nil {
		t.Error("a key was written though one is configured")
	}
	g.Stop()
	g.Start()
	sink.Wait(push(g, t, "plain", "2"))
}

// TestStoreIsLocked starts a second process on the same store.
func TestStoreIsLocked(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	text, err := os.ReadFile(filepath.Join(g.Dir, "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	other := gateway.New(t, strings.Replace(string(text), "webhooks {\n", "webhooks {\nstorage badger {\npath "+filepath.Join(g.Data(), "hookgate")+"\n}\n", 1))
	if out := other.StartFails(); !strings.Contains(out, "in use") {
		t.Errorf("the error does not say that the store is in use:\n%s", out)
	}
	sink.Wait(push(g, t, "plain", "1"))
}

// TestValidateOpensNothing validates and adapts, beside a running gateway and
// where nothing has run yet.
func TestValidateOpensNothing(t *testing.T) {
	t.Parallel()
	g, sink := edge(t, declared("plain"))
	sink.Wait(push(g, t, "plain", "1"))
	fresh := gateway.New(t, gateway.Config("storage badger {\npath {$DIR}/fresh/store\n}\n"+declared("plain")+gateway.Ticket(sink), gateway.Edge))
	for _, h := range []*gateway.Gateway{g, fresh} {
		for _, command := range []string{"validate", "adapt"} {
			if out, err := h.Command(command, "--config", filepath.Join(h.Dir, "Caddyfile"), "--adapter", "caddyfile"); err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(fresh.Dir, "fresh")); err == nil {
		t.Error("validate made the store")
	}
	for path := range snapshot(t, fresh.Dir) {
		if strings.Contains(path, "hookgate/data/caddy/hookgate") || strings.HasSuffix(path, ".key") && strings.Contains(path, "store") {
			t.Errorf("validate made %s", path)
		}
	}
	sink.Wait(push(g, t, "plain", "2"))
	for name, broken := range map[string]string{
		"unset secret":     strings.Replace(declared("plain"), `"`+secret+`"`, "{env.HOOKGATE_UNSET}", 1),
		"unknown resource": strings.Replace(declared("plain"), "resource ticket", "resource unheard-of", 1),
		"unknown provider": strings.Replace(declared("plain"), "signature github", "signature unheard-of", 1),
	} {
		fresh.WriteConfig(gateway.Config(broken+gateway.Ticket(sink), gateway.Edge))
		if out, err := fresh.Command("validate", "--config", filepath.Join(fresh.Dir, "Caddyfile"), "--adapter", "caddyfile"); err == nil {
			t.Errorf("%s: validate is content:\n%s", name, out)
		}
	}
}
