package integrationtests

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestDiskFilledByItself makes the gateway fill a small disk with events that
// are not delivered. It starts there again, as often as necessary, and does
// everything that needs no space.
func TestDiskFilledByItself(t *testing.T) {
	t.Parallel()
	for _, megabytes := range []int{128, 400} {
		t.Run(fmt.Sprint(megabytes), func(t *testing.T) {
			t.Parallel()
			filledByItself(t, megabytes)
		})
	}
}

func filledByItself(t *testing.T, megabytes int) {
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		gateway.LeaveOut(t, "a small file system cannot be mounted here: "+err.Error())
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, megabytes/4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := gateway.NewSink(t)
	sink.AnswerStatus(http.StatusServiceUnavailable)
	g := gateway.Start(t, gateway.Config("storage badger {\npath {env.DISK}/store\n}\n"+soon+declared("plain")+gateway.Ticket(sink), `
	webhooks /webhooks/*
	route /inline/* {
		webhooks /inline/* {
			inline
		}
		respond "inline"
	}
`), "DISK="+disk)
	g.Create(t, demo, github("stored"))

	large := []byte(fmt.Sprintf(`{"padding":%q}`, strings.Repeat("x", 200<<10)))
	var accepted []string
	send := func() *gateway.Answer {
		delivery := fmt.Sprint("delivery-", len(accepted))
		return g.Post("/webhooks/plain", gateway.GitHub(secret, "push", delivery, large), large)
	}
	untilRefused := func() *gateway.Answer {
		for range 10 * megabytes {
			answer := send()
			if answer.Status != http.StatusAccepted {
				return answer
			}
			accepted = append(accepted, answer.Text(t, "id"))
		}
		t.Fatal("the disk does not fill")
		return nil
	}
	for start := range 4 {
		refusal := untilRefused()
		problem(t, refusal, http.StatusServiceUnavailable)
		if detail := refusal.Text(t, "detail"); !strings.Contains(detail, "disk") {
			t.Errorf("start %d: the refusal does not name the disk: %s", start, detail)
		}
		for _, path := range []string{gateway.Integrations(demo), gateway.Integration(demo, "stored"), gateway.Integration(demo, "plain", "events")} {
			g.API("GET", path, nil).Want(t, http.StatusOK)
		}
		g.Post("/inline/stored", gateway.GitHub(secret, "push", "inline", body), body).Want(t, http.StatusOK)
		store := g.API("GET", "/webhooks/status", nil).Want(t, 200).JSON(t)["store"].(gateway.M)
		t.Logf("start %d: %d events, %v bytes are free, state %v", start, len(accepted), store["disk_free_bytes"], store["state"])
		if store["state"] != "full" {
			t.Errorf("start %d: the store's state is %v", start, store["state"])
		}
		if start%2 == 0 {
			g.Kill()
		} else {
			g.Stop()
		}
		g.Start()
	}
	if len(accepted) < 10 {
		t.Errorf("only %d events were accepted", len(accepted))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	gateway.Eventually(t, "events are accepted again", func() bool {
		answer := send()
		if answer.Status == http.StatusAccepted {
			accepted = append(accepted, answer.Text(t, "id"))
		}
		return answer.Status == http.StatusAccepted
	})
	sink.Answer(nil)
	for _, id := range accepted {
		g.WaitStatus(t, demo, "plain", id, "delivered")
	}
}
