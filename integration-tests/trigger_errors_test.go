package integrationtests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestTriggerErrors has endpoints that cannot be reached, each for another
// reason, and checks that the events say so without the addresses.
func TestTriggerErrors(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	mute := gateway.Listen(t, gateway.FreeAddr(t))
	addresses := map[string]string{
		"dns":     "http://no-such-host.invalid",
		"connect": "http://" + gateway.FreeAddr(t),
		"tls":     "https://" + strings.TrimPrefix(sink.URL, "http://"),
		"timeout": "http://" + mute.Addr().String(),
	}
	var config strings.Builder
	config.WriteString("retry {\ninitial 10ms\nmax 10ms\nattempts 2\n}\n")
	for code, address := range addresses {
		fmt.Fprintf(&config, "trigger http to-%s %s/hidden-path?q=hidden-query {\ntimeout 1s\n}\n", code, address)
		fmt.Fprintf(&config, "integration %s {\nproject demo\nsignature github %q\nresource to-%[1]s x\n}\n", code, secret)
	}
	g := gateway.Start(t, gateway.Config(config.String(), gateway.Edge))
	for code := range addresses {
		record := g.WaitStatus(t, demo, code, push(g, t, code, "1"), "failed")
		for _, attempt := range record["attempts"].([]any) {
			if got := attempt.(gateway.M); got["error"] != code || got["status_code"] != 0.0 {
				t.Errorf("%s: an attempt says %v", code, got)
			}
		}
		if text := fmt.Sprint(record); strings.Contains(text, "hidden") || strings.Contains(text, "no-such-host") {
			t.Errorf("%s: the event names the operator's address: %s", code, text)
		}
	}
}
