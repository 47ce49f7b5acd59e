package integrationtests

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// keyStates returns the states of a storage's keys, in order.
func keyStates(t *testing.T, g *gateway.Gateway) (ids, states []string) {
	t.Helper()
	var status struct {
		Store struct{ Keys []struct{ ID, State string } }
	}
	text := g.API("GET", "/webhooks/status", nil).Want(t, 200).Body
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatal(err)
	}
	for _, key := range status.Store.Keys {
		ids, states = append(ids, key.ID), append(states, key.State)
	}
	return ids, states
}

// startAndKill starts the gateway and kills it after a while, whatever it is
// doing.
func startAndKill(t *testing.T, g *gateway.Gateway, after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), after)
	defer cancel()
	run := exec.CommandContext(ctx, gateway.Binary(t), "run", "--config", filepath.Join(g.Dir, "Caddyfile"), "--adapter", "caddyfile")
	_, port, _ := strings.Cut(g.Addr, ":")
	run.Env = append(os.Environ(), "HOME="+g.Dir, "DIR="+g.Dir, "PORT="+port, "ADMIN="+g.Admin,
		"XDG_DATA_HOME="+filepath.Join(g.Dir, "data"), "XDG_CONFIG_HOME="+filepath.Join(g.Dir, "config"))
	run.Run() // ended by the kill
}

// TestKeyRotation rotates the generated key, with crashes at all moments of the
// first start after it.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	sink.AnswerStatus(http.StatusServiceUnavailable)
	g := gateway.Start(t, kept(sink, ""))
	const hooks = 40
	events := make(map[string]string)
	for i := range hooks {
		id := fmt.Sprint("hook-", i)
		g.Create(t, demo, github(id))
		events[id] = push(g, t, id, "before")
	}
	g.Kill()

	keyFile := filepath.Join(g.Dir, "keep", "store.key")
	out := webhooks(t, g, "rotate-key")
	if !strings.Contains(out, keyFile) || !strings.Contains(out, "restart") {
		t.Error(out)
	}
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	present, old, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if strings.Contains(out, present) || strings.Contains(out, old) {
		t.Error("the command shows a key")
	}

	// The old key is removed too early.
	setKeys := func(text string) {
		t.Helper()
		if err := os.WriteFile(keyFile, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	setKeys(present)
	before := snapshot(t, filepath.Join(g.Dir, "keep"))
	out = g.StartFails()
	if !strings.Contains(out, keyFile) || strings.Contains(out, present) {
		t.Error(out)
	}
	sameFiles(t, before, snapshot(t, filepath.Join(g.Dir, "keep")))
	setKeys(present + "\n" + old)

	rounds := 8
	if gateway.Full() {
		rounds = 40
	}
	for round := range rounds {
		startAndKill(t, g, 100*time.Millisecond+time.Duration(round)*400*time.Millisecond/time.Duration(rounds))
	}
	g.Start()
	for id, event := range events {
		if record := g.Event(t, demo, id, event); record["body_base64"] == nil {
			t.Errorf("%s: %v", id, record)
		}
		again := g.Post("/webhooks/"+id, gateway.GitHub(secret, "push", "before", body), body).Want(t, 200)
		if again.Text(t, "id") != event {
			t.Errorf("the duplicate of %s is %s", event, again.Body)
		}
	}
	push(g, t, "hook-0", "after")
	gateway.Eventually(t, "all is sealed with the first key", func() bool {
		_, states := keyStates(t, g)
		return strings.Join(states, " ") == "present unused"
	})
	ids, _ := keyStates(t, g)
	if out := webhooks(t, g, "status"); !strings.Contains(out, ids[0]) || !strings.Contains(out, ids[1]) {
		t.Error(out)
	}
	g.Stop()
	setKeys(present)
	g.Start()
	sink.Answer(nil)
	for id, event := range events {
		g.WaitStatus(t, demo, id, event, "delivered")
	}
}

func sameFiles(t *testing.T, before, after map[string]string) {
	t.Helper()
	for path, sum := range before {
		if after[path] != sum {
			t.Errorf("%s was changed", path)
		}
	}
	for path := range after {
		if before[path] == "" {
			t.Errorf("%s was made", path)
		}
	}
}

// TestConfiguredKeys rotates a configured key: a reload is refused, a restart
// uses it.
func TestConfiguredKeys(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	config := gateway.Config("storage badger {\npath {$DIR}/store\nencryption_key {file.{$DIR}/key}\n}\n"+soon+declared("plain")+gateway.Ticket(sink), gateway.Edge)
	g := gateway.New(t, config)
	const first, second = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
	keys := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(g.Dir, "key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys(first + "\n")
	g.Start()
	id := push(g, t, "plain", "1")
	keys(second + "\n" + first + "\n")
	if out, err := g.TryReload(config); err == nil || !strings.Contains(out, "stop the server") {
		t.Errorf("%v\n%s", err, out)
	}
	push(g, t, "plain", "2")
	if out, err := tryWebhooks(g, "rotate-key"); err == nil || !strings.Contains(out, "is configured") {
		t.Errorf("%v\n%s", err, out)
	}
	g.Stop()
	g.Start()
	g.WaitStatus(t, demo, "plain", id, "delivered")
	gateway.Eventually(t, "all is sealed with the second key", func() bool {
		_, states := keyStates(t, g)
		return strings.Join(states, " ") == "present unused"
	})
	g.Stop()
	keys(second + "\n")
	g.Start()
	g.WaitStatus(t, demo, "plain", id, "delivered")
}
