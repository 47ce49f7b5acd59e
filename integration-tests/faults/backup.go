package main

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

var backupRows = []row{
	{
		name: "backup", rounds: 10, quick: 2, run: backupUnderLoad,
		fault:    "the machine is lost right after a backup was taken under load",
		injected: "SIGKILL once the backup is complete; it is restored into an empty directory with the key; every other round the endpoint is down",
	},
	{
		name: "rotation", rounds: 30, quick: 4, run: killWhileRotating,
		fault:    "the process is killed at a random moment during its first start with a new encryption key",
		injected: "a new key every third round, and SIGKILL up to 600 ms after the start",
	},
}

// acknowledged are the events that were acknowledged so far.
func (l *ledger) acknowledged() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.acked))
}

// backupUnderLoad takes backups while events arrive, and restores each.
func backupUnderLoad(t *trial) {
	events, lost := 0, 0
	var ready durations
	t.each(func(round int) {
		l := newLedger(t)
		if round%2 == 1 {
			l.answers(down)
		}
		dir := t.TempDir()
		g := gateway.New(t, l.config(""), "STORE="+filepath.Join(dir, "lost"))
		g.Start()
		l.create(t, g)
		work := l.start(g.Addr, 8, 700, 4*time.Millisecond)
		t.pause(time.Duration(300+rand.IntN(700)) * time.Millisecond)
		before := l.acknowledged()
		webhooks(t, g, "backup", "--output", filepath.Join(dir, "backup.tar"))
		g.Kill()
		work.stop()

		copyFile(t, filepath.Join(dir, "lost.key"), filepath.Join(dir, "restored.key"))
		after := gateway.New(t, l.config(""), "STORE="+filepath.Join(dir, "restored"))
		began := time.Now()
		webhooks(t, after, "restore", filepath.Join(dir, "backup.tar"))
		after.Start()
		l.answers(nil)
		l.serves(t, after)
		ready.add(time.Since(began))
		l.checkAlias(t, after, "")
		events += len(before)
		for _, id := range before {
			if after.API(http.MethodGet, gateway.Integration(project, l.hook, "events", id), nil).Status != http.StatusOK {
				lost++
			}
		}
		after.Kill()
	})
	if lost > 0 {
		t.Errorf("%d of %d events that were acknowledged before are not in the backup", lost, events)
	}
	if events < t.rounds*20 {
		t.Errorf("only %d events were acknowledged: that proves little", events)
	}
	t.result("%d of %d that were acknowledged before the backup lost; %s", lost, events, ready.after("the restore began"))
}

// killWhileRotating rotates the key repeatedly, and kills the process while it
// starts with the new one.
func killWhileRotating(t *trial) {
	l := newLedger(t)
	store := filepath.Join(t.TempDir(), "store")
	g := gateway.New(t, l.config(""), "STORE="+store)
	g.Start()
	l.create(t, g)
	t.each(func(round int) {
		work := l.start(g.Addr, 4, 700, 4*time.Millisecond)
		t.pause(100 * time.Millisecond)
		g.Kill()
		work.stop()
		if round%3 == 0 && round < 45 { // a key file holds 16 keys
			webhooks(t, g, "rotate-key")
		}
		startAndKill(t, g, store, time.Duration(rand.IntN(600))*time.Millisecond)
		g.Start()
		l.serves(t, g)
		l.checkAlias(t, g, "")
	})
	t.result("%s", l.check(t, g))
}

// startAndKill starts the gateway and kills it after a while, whatever it is
// doing.
func startAndKill(t *trial, g *gateway.Gateway, store string, after time.Duration) {
	ctx, cancel := context.WithTimeout(t.ctx, after)
	defer cancel()
	run := exec.CommandContext(ctx, gateway.Binary(t), "run", "--config", configOf(g), "--adapter", "caddyfile")
	_, port, _ := strings.Cut(g.Addr, ":")
	run.Env = append(os.Environ(), "HOME="+g.Dir, "DIR="+g.Dir, "PORT="+port, "ADMIN="+g.Admin, "STORE="+store,
		"XDG_DATA_HOME="+filepath.Join(g.Dir, "data"), "XDG_CONFIG_HOME="+filepath.Join(g.Dir, "config"))
	if run.Run() == nil {
		t.Errorf("the gateway ended by itself")
	}
}

func configOf(g *gateway.Gateway) string { return filepath.Join(g.Dir, "Caddyfile") }

// webhooks runs a command that must succeed.
func webhooks(t *trial, g *gateway.Gateway, args ...string) {
	if out, err := g.Command(append([]string{"webhooks", "--config", configOf(g)}, args...)...); err != nil {
		t.Fatalf("webhooks %s: %v: %s", args[0], err, out)
	}
}

func copyFile(t *trial, from, to string) {
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatalf("copying the key: %v", err)
	}
}
