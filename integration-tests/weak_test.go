package integrationtests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// What is not really a credential is refused.
func TestWeakCredentials(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	var wide []string
	for i := range 199 {
		wide = append(wide, fmt.Sprintf("%d.0.0.0/8", i+1))
	}
	integration := func(authentication gateway.M) gateway.M {
		return gateway.M{"webhook_id": "weak", "authentication": authentication, "resource": gateway.M{"type": "ticket", "id": "T-1"}}
	}
	begins(t, formErrors(t, g.API("POST", gateway.Integrations(demo), integration(gateway.M{"source_ips": wide}))), "authentication.source_ips not_allowed ")
	begins(t, formErrors(t, g.API("POST", gateway.Integrations(demo), integration(gateway.M{"source_ips": []string{"2600::/9"}}))), "authentication.source_ips not_allowed ")
	for _, key := range []string{
		strings.Repeat("00", 32), "01" + strings.Repeat("00", 31), "ec" + strings.Repeat("ff", 30) + "7f", "ee" + strings.Repeat("ff", 31),
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	} {
		answer := g.API("POST", gateway.Integrations(demo), integration(gateway.M{"signature": gateway.M{"provider": "discord", "secrets": []string{key}}}))
		begins(t, formErrors(t, answer), "authentication.signature.secrets[0] invalid ")
	}
}

// Only its own user can read or write what the gateway creates, whatever the
// umask is, and a key that everyone can read is not used.
func TestOthersSeeNothing(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.New(t, kept(sink, declared("plain")))
	g.Umask = "000"
	check := func(when string) {
		t.Helper()
		files := 0
		err := filepath.WalkDir(g.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || path == g.Dir {
				return err
			}
			name, _ := filepath.Rel(g.Dir, path)
			if name == "log" || name == "Caddyfile" || name == "config" || name == "data" { // the test's, and Caddy's own
				return skip(entry)
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if files++; info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %s has mode %v", when, path, info.Mode())
			}
			return nil
		})
		if err != nil || files < 10 {
			t.Fatalf("%d files, %v", files, err)
		}
	}
	g.Start()
	check("at the start")
	g.Create(t, demo, github("gh"))
	push(g, t, "gh", "1")
	check("after writes")
	webhooks(t, g, "backup", "--output", filepath.Join(g.Dir, "backup.tar"))
	g.Reload(kept(sink, ""))
	check("after a backup and a reload")
	g.Stop()
	check("after the end")
	g.Start()
	check("at the next start")
	g.Stop()

	key := filepath.Join(g.Dir, "keep", "store.key")
	chmod := func(mode os.FileMode) {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(0o644)
	if out := g.StartFails(); !strings.Contains(out, key+" has mode 0644") {
		t.Error(out)
	}
	chmod(0o640)
	g.Start()
	if logs := g.Logs(); !strings.Contains(logs, key+" has mode 0640, which lets its group access the key") {
		t.Error("no warning of the group")
	}
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}
