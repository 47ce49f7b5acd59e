package integrationtests

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestDiskFull fills the store's disk from outside: the edge answers 503,
// accepted events are delivered, and the edge accepts again once there is
// space.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=512m"); err != nil {
		gateway.LeaveOut(t, "a small file system cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(disk, 0) })
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("storage badger {\npath {env.DISK}/store\n}\n"+soon+declared("plain")+gateway.Ticket(sink), gateway.Edge), "DISK="+disk)

	sink.AnswerStatus(http.StatusServiceUnavailable)
	var accepted []string
	for _, delivery := range []string{"1", "2", "3"} {
		accepted = append(accepted, push(g, t, "plain", delivery))
	}
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	send := func(delivery string) *gateway.Answer {
		return g.Post("/webhooks/plain", gateway.GitHub(secret, "push", delivery, body), body)
	}
	var full *gateway.Answer
	gateway.Eventually(t, "the edge refuses", func() bool {
		full = send("on the full disk")
		if full.Status == http.StatusAccepted {
			accepted = append(accepted, full.Text(t, "id"))
		}
		return full.Status != http.StatusAccepted && full.Status != http.StatusOK
	})
	problem(t, full, http.StatusServiceUnavailable)
	if full.Header.Get("Retry-After") == "" {
		t.Error("a 503 has no Retry-After")
	}
	refused(t, g.API("POST", gateway.Integrations(demo), github("more")), http.StatusServiceUnavailable)
	if state := g.API("GET", "/webhooks/status", nil).Want(t, 200).JSON(t)["store"].(gateway.M)["state"]; state == "ok" {
		t.Error("the status says that the store is ok")
	}
	sink.Answer(nil)
	allArrive(t, sink, accepted)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	gateway.Eventually(t, "the edge accepts again", func() bool { return send("after").Status == http.StatusAccepted })
	if !g.Running() {
		t.Error("the process has ended")
	}
	g.Create(t, demo, github("more"))
	g.Kill()
	g.Start()
	for _, id := range accepted {
		g.WaitStatus(t, demo, "plain", id, "delivered")
	}
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for range 1 << 12 {
		if n, err := file.Write(block); err != nil || n < len(block) {
			return
		}
	}
	t.Fatal("the disk does not fill")
}
