package integrationtests

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// bearer is an integration with a token.
func bearer(id, token string) gateway.M {
	return gateway.M{
		"webhook_id": id, "authentication": gateway.M{"bearer": gateway.M{"tokens": []string{token}}},
		"resource": gateway.M{"type": "ticket", "id": "T-1"},
	}
}

// TestOlderCopyOfIntegrations puts a copy of the integrations from before a
// token was revoked beside newer events: the gateway does not start, so the
// token is not valid anywhere, and it says what can be done.
func TestOlderCopyOfIntegrations(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("storage badger {\npath {$DIR}/keep/store\n}\n"+gateway.Ticket(sink), gateway.Edge))
	store := filepath.Join(g.Dir, "keep", "store")
	integrations, aside := filepath.Join(store, "integrations"), t.TempDir()
	swap := func(from, to string) {
		t.Helper()
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	send := func(token string) int {
		return g.Post("/webhooks/hook", gateway.Headers("Authorization", "Bearer "+token), body).Status
	}
	const revoked, fresh = "the-token-that-is-revoked", "the-token-that-is-valid"
	g.Create(t, demo, bearer("hook", revoked))
	if send(revoked) != 202 {
		t.Fatal("the first token is not valid")
	}
	g.Stop()
	swap(integrations, filepath.Join(aside, "old"))
	g.Start()
	g.API("PATCH", gateway.Integration(demo, "hook"), gateway.M{"authentication": gateway.M{"bearer": gateway.M{"tokens": []string{fresh}}}}).Want(t, 200)
	if send(revoked) != 401 || send(fresh) != 202 {
		t.Fatal("the tokens are not exchanged")
	}
	g.Stop()
	swap(integrations, filepath.Join(aside, "new"))
	swap(filepath.Join(aside, "old"), integrations)
	for range 2 {
		out := g.StartFails()
		for _, want := range []string{integrations, "older copy", "hookgate webhooks restore", filepath.Join(store, "accept-older-copy")} {
			if !strings.Contains(out, want) {
				t.Errorf("the error does not name %s:\n%s", want, out)
			}
		}
	}
	swap(filepath.Join(aside, "new"), integrations)
	g.Start()
	if send(revoked) != 401 || send(fresh) != 202 {
		t.Error("with the newest copy the tokens are not as they were")
	}
	g.Stop()
	swap(filepath.Join(aside, "old"), integrations)
	if err := os.WriteFile(filepath.Join(store, "accept-older-copy"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Start()
	if send(revoked) != 202 || send(fresh) != 401 {
		t.Error("the older copy is accepted, and not used")
	}
	if !strings.Contains(g.Logs(), "an older copy of a part of the storage is used") {
		t.Error("the log does not say so")
	}
}

// TestWhatStandsInClear searches the files of a store, their names, and a
// backup for everything confidential. Webhook IDs and projects are in clear
// text among the integrations, as documented, and nothing else is anywhere.
func TestWhatStandsInClear(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("storage badger {\npath {$DIR}/keep/store\n}\n"+gateway.Ticket(sink), gateway.Edge))
	const id, project = "canary-webhook-id", "canary-project"
	in := bearer(id, "canary-bearer-token")
	in["alias"] = "canary-alias"
	in["authentication"].(gateway.M)["secure_header"] = gateway.M{"name": "X-Canary-Secure", "value": "canary-header-value"}
	in["event_filter"] = []string{"canary-filter", "push"}
	in["resource"] = gateway.M{"type": "ticket", "id": "canary-resource"}
	g.Create(t, project, in)
	gone := bearer("canary-deleted-id", "canary-deleted-token")
	g.Create(t, project, gone)
	g.API("DELETE", gateway.Integration(project, "canary-deleted-id"), nil).Want(t, 204)
	header := gateway.Headers("Authorization", "Bearer canary-bearer-token", "X-Canary-Secure", "canary-header-value", "X-GitHub-Event", "push",
		"X-GitHub-Delivery", "canary-delivery", "User-Agent", "canary-user-agent")
	event := accept(t, g.Post("/webhooks/"+id, header, []byte(`{"canary-member":"canary-body"}`)))
	g.WaitStatus(t, project, id, event, "delivered")
	copied := filepath.Join(g.Dir, "hookgate.tar")
	if out, err := g.Command("webhooks", "backup", "--address", g.Admin, "--output", copied); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	g.Stop()
	g.Start() // what was in memory is now in the integrations' files
	g.Stop()

	inClear := []string{id, project, "canary-deleted-id"}
	check := func(path, where string, text []byte, allowed []string) {
		t.Helper()
		for _, name := range inClear {
			if !slices.Contains(allowed, name) && bytes.Contains(text, []byte(name)) {
				t.Errorf("%s of %s has %s", where, path, name)
			}
			text = bytes.ReplaceAll(text, []byte(name), nil)
		}
		if at := bytes.Index(bytes.ToLower(text), []byte("canary")); at >= 0 {
			t.Errorf("%s of %s has %q", where, path, text[at:min(at+40, len(text))])
		}
	}
	found := false
	err := filepath.WalkDir(filepath.Join(g.Dir, "keep"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		check(path, "the name", []byte(entry.Name()), nil)
		if entry.IsDir() {
			return nil
		}
		text, err := os.ReadFile(path)
		if filepath.Base(filepath.Dir(path)) == "integrations" {
			found = found || bytes.Contains(text, []byte(id))
			check(path, "the content", text, inClear)
		} else {
			check(path, "the content", text, nil)
		}
		return err
	})
	if err != nil || !found {
		t.Errorf("the webhook ID stands nowhere in clear any more (the documentation says so), or %v", err)
	}
	text, err := os.ReadFile(copied)
	if err != nil || len(text) == 0 {
		t.Fatal(len(text), err)
	}
	check(copied, "the content", text, nil)
}
