package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// footprint is what a process holds.
type footprint struct {
	goroutines, files int
}

// footprintOf counts the gateway's goroutines and open files.
func footprintOf(t *trial, g *gateway.Gateway) (f footprint) {
	text := g.API(http.MethodGet, "/debug/pprof/goroutine?debug=1", nil).Want(t, http.StatusOK).Body
	if _, err := fmt.Sscanf(string(text), "goroutine profile: total %d", &f.goroutines); err != nil {
		t.Fatalf("counting goroutines: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join("/proc", fmt.Sprint(g.PID()), "fd"))
	if err != nil {
		t.Fatalf("counting open files: %v", err)
	}
	f.files = len(entries)
	return f
}

// returns waits until the gateway holds about as much as before.
func (before footprint) returns(t *trial, g *gateway.Gateway) string {
	const slack = 12
	var now footprint
	if !gateway.Within(gateway.Patience, func() bool {
		now = footprintOf(t, g)
		return now.goroutines <= before.goroutines+slack && now.files <= before.files+slack
	}) {
		t.Errorf("%d goroutines and %d open files before, %d and %d after", before.goroutines, before.files, now.goroutines, now.files)
	}
	return fmt.Sprintf("goroutines %d → %d, files %d → %d", before.goroutines, now.goroutines, before.files, now.files)
}

// memory returns a figure from /proc/PID/status in bytes, such as VmRSS.
func memory(t *trial, pid int, name string) int64 {
	n, err := readMemory(pid, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func readMemory(pid int, name string) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("reading the memory: %w", err)
	}
	for line := range bytes.Lines(text) {
		var kilobytes int64
		if value, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			if _, err := fmt.Sscan(string(value), &kilobytes); err == nil {
				return kilobytes << 10, nil
			}
		}
	}
	return 0, fmt.Errorf("reading the memory: no %s", name)
}

// peak observes the resident memory until stop, which returns its maximum, or
// until the process ends.
func peak(pid int) (stop func() int64) {
	quit, most := make(chan struct{}), int64(0)
	var watching sync.WaitGroup
	watching.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			now, err := readMemory(pid, "VmRSS")
			if err != nil {
				return
			}
			most = max(most, now)
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
		}
	})
	return sync.OnceValue(func() int64 {
		close(quit)
		watching.Wait()
		return most
	})
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

// reload loads a Caddyfile through the admin endpoint, even if it is already
// loaded. It may be refused. The endpoint itself is handed over at a reload, so
// a request without an answer is repeated.
func reload(g *gateway.Gateway, caddyfile string) error {
	var answer *gateway.Answer
	var err error
	gateway.Within(gateway.Patience, func() bool {
		answer, err = gateway.Do(oneShot, http.MethodPost, "http://"+g.Admin+"/load",
			gateway.Headers("Content-Type", "text/caddyfile", "Cache-Control", "must-revalidate"), strings.NewReader(caddyfile))
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("loading a configuration: %w", err)
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("loading a configuration: status %d: %s", answer.Status, answer.Body)
	}
	return nil
}

// mustReload is reload for a valid configuration.
func mustReload(t *trial, g *gateway.Gateway, caddyfile string) {
	if err := reload(g, caddyfile); err != nil {
		t.Fatal(err)
	}
}
