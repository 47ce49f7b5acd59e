package integrationtests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// kept is a configuration whose storage is {$DIR}/keep/store.
func kept(sink *gateway.Sink, options string) string {
	return gateway.Config("storage badger {\npath {$DIR}/keep/store\n}\n"+soon+options+gateway.Ticket(sink), gateway.Edge)
}

// webhooks runs a command of `hookgate webhooks` with the gateway's
// configuration, which must succeed.
func webhooks(t *testing.T, g *gateway.Gateway, args ...string) string {
	t.Helper()
	out, err := tryWebhooks(g, args...)
	if err != nil {
		t.Fatalf("webhooks %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryWebhooks(g *gateway.Gateway, args ...string) (string, error) {
	return g.Command(append([]string{"webhooks", "--config", filepath.Join(g.Dir, "Caddyfile")}, args...)...)
}

// copyKey copies the generated key of one gateway's storage to where another
// looks for it.
func copyKey(t *testing.T, from, to *gateway.Gateway) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(from.Dir, "keep", "store.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(to.Dir, "keep"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to.Dir, "keep", "store.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
}

// stored returns the events of an integration by ID.
func stored(t *testing.T, g *gateway.Gateway, id string) map[string]gateway.M {
	t.Helper()
	events, cursor := make(map[string]gateway.M), ""
	for {
		page := g.API("GET", gateway.Integration(demo, id, "events")+"?limit=500&cursor="+cursor, nil).Want(t, 200).JSON(t)
		for _, item := range page["items"].([]any) {
			event := item.(gateway.M)
			events[event["id"].(string)] = event
		}
		if cursor = page["next_cursor"].(string); cursor == "" {
			return events
		}
	}
}

// byResource makes a sink accept some events, refuse some for good, and fail at
// others.
func byResource(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/fails":
		w.WriteHeader(http.StatusBadRequest)
	case "/waits":
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// TestBackupUnderLoad takes a backup while events arrive, are delivered, fail
// and wait, and restores it in another place.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	sink.Answer(byResource)
	g := gateway.Start(t, kept(sink, ""))
	hooks := []string{"works", "fails", "waits"}
	loads := make(map[string]*load)
	for _, id := range hooks {
		g.Create(t, demo, github(id, "resource", gateway.M{"type": "ticket", "id": id}))
		loads[id] = startLoad(g.Addr, "/webhooks/"+id, 2)
	}
	backup := filepath.Join(g.Dir, "backup.tar")
	gateway.Eventually(t, "some hundred are acknowledged", func() bool {
		return !slices.ContainsFunc(hooks, func(id string) bool { return loads[id].count() < 200 })
	})
	delivered := g.API("GET", gateway.Integration(demo, "works", "events")+"?status=delivered&limit=1", nil).Want(t, 200)
	acked := make(map[string][]string)
	for _, id := range hooks {
		l := loads[id]
		l.mu.Lock()
		acked[id] = slices.Clone(l.acked)
		l.mu.Unlock()
	}
	out := webhooks(t, g, "backup", "--output", backup)
	if !strings.Contains(out, "the key is not in it") {
		t.Error(out)
	}
	for _, id := range hooks {
		l := loads[id]
		l.stop()
		if len(l.statuses) > 0 || len(l.broken) > 0 {
			t.Errorf("%s: %v, %v", id, l.statuses, l.broken)
		}
	}
	g.Stop()

	after := gateway.New(t, kept(sink, ""))
	copyKey(t, g, after)
	t.Log(strings.TrimSpace(webhooks(t, after, "restore", backup)))
	after.Start()
	// Whatever was acknowledged is there, in the state that it had or a later one.
	total := 0
	for _, id := range hooks {
		events := stored(t, after, id)
		for _, event := range acked[id] {
			if events[event] == nil {
				t.Fatalf("%s: the event %s was acknowledged before the backup and is not in it", id, event)
			}
		}
		total += len(acked[id])
	}
	t.Logf("%d events acknowledged before the backup began", total)
	first := delivered.JSON(t)["items"].([]any)[0].(gateway.M)["id"].(string)
	if event := after.Event(t, demo, "works", first); event["status"] != "delivered" {
		t.Errorf("a delivered event is %v", event["status"])
	}
	// A failed event can be replayed, and the old secret verifies.
	after.WaitStatus(t, demo, "fails", acked["fails"][0], "failed")
	sink.Answer(nil)
	webhooks(t, after, "replay", demo, "fails", acked["fails"][0])
	push(after, t, "works", "after the restore")
	// Waiting events are delivered.
	for _, event := range acked["waits"][:20] {
		after.WaitStatus(t, demo, "waits", event, "delivered")
	}
	// An event from before the backup is a duplicate.
	delivery := "load-/webhooks/works-0-0"
	payload := fmt.Appendf(nil, `{"delivery":%q,"padding":%q}`, delivery, bytes.Repeat([]byte("x"), 700))
	again := after.Post("/webhooks/works", gateway.GitHub(secret, "push", delivery, payload), payload).Want(t, 200)
	if again.Text(t, "status") != "duplicate" || !slices.Contains(acked["works"], again.Text(t, "id")) {
		t.Errorf("an old event once more: %s", again.Body)
	}
	refusedRestore(t, after, backup, "there is something in "+filepath.Join(after.Dir, "keep", "store")+" already")
}

// refusedRestore expects a restore to fail and to leave the storage's place as
// it is.
func refusedRestore(t *testing.T, g *gateway.Gateway, backup, want string) {
	t.Helper()
	keep := filepath.Join(g.Dir, "keep")
	before, _ := os.ReadDir(keep)
	out, err := tryWebhooks(g, "restore", backup)
	if err == nil || !strings.Contains(out, want) {
		t.Errorf("%v, want %q\n%s", err, want, out)
	}
	if after, _ := os.ReadDir(keep); len(after) != len(before) {
		t.Errorf("%v is left, before there was %v", after, before)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	g := gateway.Start(t, kept(gateway.NewSink(t), declared("plain")))
	push(g, t, "plain", "1")
	backup := filepath.Join(g.Dir, "backup.tar")
	webhooks(t, g, "backup", "-o", backup)
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(whole)
	damaged[len(damaged)/2] ^= 1
	after := gateway.New(t, kept(gateway.NewSink(t), ""))
	refusedRestore(t, after, backup, "put that key at "+filepath.Join(after.Dir, "keep", "store.key")+" first")
	copyKey(t, g, after)
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"empty":   {nil, "it is empty"},
		"cut":     {whole[:len(whole)*2/3], "the backup is truncated"},
		"endless": {whole[:len(whole)-2048], "the backup is truncated"},
		"damaged": {damaged, "the backup is damaged"},
		"text":    {[]byte(strings.Repeat("no backup\n", 200)), "this is not a Hookgate backup"},
	} {
		path := filepath.Join(after.Dir, name+".tar")
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		refusedRestore(t, after, path, c.want)
	}
	stranger := gateway.New(t, kept(gateway.NewSink(t), ""))
	foreign := gateway.Start(t, kept(gateway.NewSink(t), ""))
	copyKey(t, foreign, stranger)
	refusedRestore(t, stranger, backup, "the backup needs the key ")
}

// TestSlowBackup takes a backup so slowly that it exceeds the admin endpoint's
// own deadline of ten seconds by far.
func TestSlowBackup(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.Start(t, kept(sink, declared("plain")))
	large := bytes.Repeat([]byte("x"), 2<<20)
	const n = 12
	for i := range n {
		accept(t, g.Post("/webhooks/plain", gateway.GitHub(secret, "push", fmt.Sprint(i), large), large))
	}
	response, err := http.Get("http://" + g.Admin + "/webhooks/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	began := time.Now()
	var backup bytes.Buffer
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for chunk := make([]byte, 100<<10); err == nil; <-tick.C {
		var read int
		read, err = io.ReadFull(response.Body, chunk)
		backup.Write(chunk[:read])
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	took := time.Since(began)
	if took < 11*time.Second {
		t.Errorf("the backup took %v only: it shows nothing", took)
	}
	path := filepath.Join(g.Dir, "backup.tar")
	if err := os.WriteFile(path, backup.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	after := gateway.New(t, kept(sink, ""))
	copyKey(t, g, after)
	var restored gateway.M
	if err := json.Unmarshal([]byte(webhooks(t, after, "restore", "--json", path)), &restored); err != nil || restored["damaged"] != false {
		t.Errorf("%v, %v", restored, err)
	}
	t.Logf("%d bytes in %v", backup.Len(), took.Round(time.Second))
}
