package integrationtests

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestAlertmanager makes a real Alertmanager send an alert to an integration
// whose secure header is Authorization.
func TestAlertmanager(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		if program, err = exec.LookPath("alertmanager"); err != nil {
			gateway.LeaveOut(t, "alertmanager is not installed (Debian: prometheus-alertmanager)")
		}
	}
	const credential = "alertmanager's own token"
	g, sink := edge(t, "integration alerts {\nproject demo\nsecure_header Authorization \"Bearer "+credential+"\"\nresource ticket alerts\n}\n"+
		"integration others {\nproject demo\nsecure_header Authorization \"Bearer another\"\nresource ticket others\n}\n")
	problem(t, g.Post("/webhooks/alerts", gateway.Headers("Authorization", "Bearer wrong"), body), 401)

	dir, addr := t.TempDir(), gateway.FreeAddr(t)
	config := filepath.Join(dir, "alertmanager.yml")
	text := fmt.Sprintf(`
route:
  receiver: hookgate
  group_wait: 0s
receivers:
- name: hookgate
  webhook_configs:
  - url: http://%[1]s/webhooks/alerts
    http_config:
      authorization:
        type: Bearer
        credentials: "%[2]s"
  - url: http://%[1]s/webhooks/others
    http_config:
      authorization:
        type: Bearer
        credentials: "%[2]s"
`, g.Addr, credential)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(program, "--config.file="+config, "--storage.path="+dir, "--web.listen-address="+addr, "--cluster.listen-address=")
	startSender(t, "Alertmanager", process, os.Kill)

	alert := `[{"labels":{"alertname":"DiskFull","severity":"critical"},"annotations":{"summary":"Grüße"}}]`
	gateway.Eventually(t, "Alertmanager takes the alert", func() bool {
		answer, err := g.Try("POST", "http://"+addr+"/api/v2/alerts", gateway.Headers("Content-Type", "application/json"), strings.NewReader(alert))
		return err == nil && answer.Status == http.StatusOK
	})
	gateway.Eventually(t, "the alert has arrived", func() bool { return len(sink.Deliveries()) > 0 })
	for _, d := range sink.Deliveries() {
		var got struct {
			Status string
			Alerts []struct{ Labels map[string]string }
		}
		if err := json.Unmarshal(d.Body, &got); err != nil {
			t.Fatal(err)
		}
		if got.Status != "firing" || len(got.Alerts) != 1 || got.Alerts[0].Labels["alertname"] != "DiskFull" {
			t.Errorf("the sink got %s", d.Body)
		}
		if d.Header.Get("X-Webhook-Id") != "alerts" || d.Header.Get("Authorization") != "" {
			t.Errorf("the sink got it from %q with Authorization %q", d.Header.Get("X-Webhook-Id"), d.Header.Get("Authorization"))
		}
	}
}
