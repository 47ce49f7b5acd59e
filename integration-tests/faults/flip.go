package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// flipBits flips one bit, in a copy of a store each time: between a stop, or a
// crash, and the next start.
func flipBits(t *trial) {
	stores := []*flipped{prepareFlip(t, false), prepareFlip(t, true)}
	counts := make(map[string]int)
	t.each(func(round int) {
		verdict := stores[round%len(stores)].flip(t, uint64(round))
		counts[verdict]++
	})
	var texts []string
	for _, verdict := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%d %s", counts[verdict], verdict))
	}
	t.result("%s; no event was ever lost silently", strings.Join(texts, ", "))
}

// flipped is a store at rest, and its contents.
type flipped struct {
	ledger *ledger
	dir    string
	events map[string]string   // event ID → status
	hooks  []string            // integrations that were created
	kinds  map[string][]string // files by their kind, below dir
}

// prepareFlip fills a store. The process is then stopped, or killed.
func prepareFlip(t *trial, killed bool) *flipped {
	l := newLedger(t)
	f := &flipped{ledger: l, dir: t.TempDir(), events: make(map[string]string)}
	g := gateway.New(t, l.config(""), "STORE="+filepath.Join(f.dir, "store"))
	// Two runs make two segments.
	for run := range 2 {
		g.Start()
		for i := range 5 {
			hook := fmt.Sprintf("hook-%d-%d", run, i)
			g.Create(t, project, gateway.M{"webhook_id": hook, "alias": hook, "authentication": gateway.M{"bearer": gateway.M{"tokens": []string{"token-of-" + hook}}}})
			f.hooks = append(f.hooks, hook)
		}
		for i, answer := range []func(*http.Request) int{nil, refuse, down} {
			l.answers(answer)
			for range 12 {
				l.send(oneShot, g.Addr, 1000)
			}
			if i < 2 {
				l.idle(t, g)
			}
		}
		// The index catches up within two seconds.
		g.Stop()
	}
	if killed {
		g.Start()
		for range 12 {
			l.send(oneShot, g.Addr, 1000)
		}
		g.Kill()
	}
	g.Start()
	f.events = f.list(t, g)
	if killed {
		g.Kill()
	} else {
		g.Stop()
	}
	f.find(t)
	if len(f.events) < l.count() {
		t.Fatalf("the store lists %d of %d events before anything is flipped", len(f.events), l.count())
	}
	return f
}

// refuse is the answer of an endpoint for an event that fails for good.
func refuse(*http.Request) int { return http.StatusBadRequest }

// find groups the store's files by kind.
func (f *flipped) find(t *trial) {
	f.kinds = make(map[string][]string)
	err := filepath.WalkDir(f.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(f.dir, path)
		if err != nil || used(t, path) == 0 || entry.Name() == "reserve" {
			return err
		}
		kind := filepath.Base(filepath.Dir(name)) + "/" + entry.Name()
		if extension := filepath.Ext(name); extension != "" {
			kind = filepath.Base(filepath.Dir(name)) + "/*" + extension
		}
		f.kinds[kind] = append(f.kinds[kind], name)
		if strings.HasSuffix(name, ".segment") {
			f.kinds[segmentHeader] = append(f.kinds[segmentHeader], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// segmentHeader counts as a separate kind: the first bytes of a segment.
const segmentHeader, headerSize = "header of a segment", 128

// used is how many bytes of a file precede its trailing zeros.
func used(t testing.TB, path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(bytes.TrimRight(text, "\x00")))
}

// flip flips a bit in a copy and returns the result.
func (f *flipped) flip(t *trial, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	if out, err := exec.Command("cp", "-a", "--sparse=always", f.dir+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("copying the store: %v: %s", err, out)
	}
	kinds := slices.Sorted(maps.Keys(f.kinds))
	kind := "segments/*.segment" // half of the time: all events are there
	if n := int(seed / 2); n%2 == 1 {
		kind = kinds[n/2%len(kinds)]
	}
	name := f.kinds[kind][random.IntN(len(f.kinds[kind]))]
	path := filepath.Join(dir, name)
	size := used(t, path)
	if kind == segmentHeader {
		size = headerSize
	}
	offset, bit := random.Int64N(size), random.IntN(8)
	invert(t, path, offset, bit)
	g := gateway.New(t, f.ledger.config(""), "STORE="+filepath.Join(dir, "store"))
	verdict, err := f.judge(t, g, filepath.Join(dir, "store"))
	if err != nil {
		t.Errorf("seed %d, bit %d of byte %d of %s (%s): %v", seed, bit, offset, name, kind, err)
	}
	return verdict
}

func invert(t *trial, path string, offset int64, bit int) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var b [1]byte
	if _, err := file.ReadAt(b[:], offset); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << bit
	if _, err := file.WriteAt(b[:], offset); err != nil {
		t.Fatal(err)
	}
}

// The possible results of a flipped bit.
const (
	stopped  = "prevented the start, giving the reason"
	reported = "were reported as damage"
	noEffect = "had no effect"
)

// judge starts the gateway and compares what it has with what it had. If it
// does not start, it must name what is damaged.
func (f *flipped) judge(t *trial, g *gateway.Gateway, store string) (string, error) {
	f.ledger.answers(down)
	serves := g.TryStart()
	log := g.Logs()
	if strings.Contains(log, "panic") || strings.Contains(log, "fatal error") || strings.Contains(log, "goroutine ") {
		return "", fmt.Errorf("it panics: %s", log[max(0, len(log)-maxLog):])
	}
	if !serves {
		if _, why, _ := strings.Cut(log, "opening the storage: "); !strings.Contains(why, store) {
			return "", fmt.Errorf("it does not start, and does not say why: %s", log[max(0, len(log)-maxLog):])
		}
		return stopped, nil
	}
	touched, err := f.compare(t, g)
	if err != nil {
		return "", err
	}
	state := readStatus(t, g).Store.State
	if touched != "" && (state != "corrupt" || !strings.Contains(g.Logs(), "damage")) {
		return "", fmt.Errorf("%s, but the state is %q and the log says: %s", touched, state, g.Logs())
	}
	if state == "ok" {
		return noEffect, nil
	}
	g.Stop()
	if !g.TryStart() {
		return "", fmt.Errorf("the start after the one that reported %q fails", state)
	}
	return reported, nil
}

// compare returns what the gateway has lost. An error means that it did what it
// must not do: give a wrong answer.
func (f *flipped) compare(t *trial, g *gateway.Gateway) (touched string, err error) {
	for _, hook := range f.hooks {
		answer := g.API(http.MethodGet, gateway.Integration(project, hook), nil)
		if answer.Status != http.StatusOK {
			return fmt.Sprintf("the integration %s is answered %d", hook, answer.Status), nil
		}
		if alias := answer.JSON(t)["alias"]; alias != hook {
			return "", fmt.Errorf("the integration %s has the alias %v", hook, alias)
		}
	}
	now := f.list(t, g)
	for id, before := range f.events {
		status, listed := now[id]
		if !listed {
			touched = fmt.Sprintf("event %s (%s) is not listed", id, before)
			continue
		}
		if before == "pending" && status == "failed" {
			touched = fmt.Sprintf("event %s has failed", id) // as damaged
		} else if status != before && status != "pending" {
			return "", fmt.Errorf("event %s was %s and is %s", id, before, status)
		}
		answer := g.API(http.MethodGet, gateway.Integration(project, declared, "events", id), nil)
		var event struct {
			Delivery string `json:"delivery_id"`
			Body     []byte `json:"body_base64"`
			Damaged  bool
		}
		if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &event) != nil || event.Damaged {
			touched = fmt.Sprintf("event %s (%s) cannot be read: %d", id, before, answer.Status)
		} else if sha256.Sum256(event.Body) != f.ledger.sent[event.Delivery] {
			return "", fmt.Errorf("event %s has another body", id)
		}
	}
	if extra := len(now) - len(f.events); touched == "" && extra > 0 {
		return "", fmt.Errorf("%d events more than before", extra)
	}
	return touched, nil
}

// list returns the status of each event.
func (f *flipped) list(t *trial, g *gateway.Gateway) map[string]string {
	events := make(map[string]string)
	for cursor := ""; ; {
		var page struct {
			Items      []struct{ ID, Status string }
			NextCursor string `json:"next_cursor"`
		}
		answer := g.API(http.MethodGet, gateway.Integration(project, declared, "events?limit=100&cursor="+cursor), nil)
		if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &page) != nil {
			t.Fatalf("listing the events: %s", show(answer))
		}
		for _, item := range page.Items {
			events[item.ID] = item.Status
		}
		if cursor = page.NextCursor; cursor == "" {
			return events
		}
	}
}
