package integrationtests

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestVulnerabilityCheckTellsWhatFailed simulates the ways in which govulncheck
// ends: only an unreachable database is not a failure.
func TestVulnerabilityCheckTellsWhatFailed(t *testing.T) {
	t.Parallel()
	script := filepath.Join(gateway.Root(t), "tools", "vulnerabilities.sh")
	for _, test := range []struct {
		name, says string
		status     int
		want       int
		unchecked  bool
	}{
		{"nothing found", "No vulnerabilities found.", 0, 0, false},
		{"found", "Vulnerability #1: GO-2026-0001", 3, 3, false},
		{"does not build", "govulncheck: loading packages: there are errors", 1, 1, false},
		{"killed", "signal: killed", 137, 137, false},
		{"out of reach", "govulncheck: fetching vulnerabilities: dial tcp: no such host", 1, 0, true},
		{"found beside that text", "govulncheck: fetching vulnerabilities: in a trace", 3, 3, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := exec.Command(script, "sh", "-c", `echo "$0"; exit "$1"`, test.says, strconv.Itoa(test.status))
			out, err := command.CombinedOutput()
			var exit *exec.ExitError
			status := 0
			if errors.As(err, &exit) {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if status != test.want {
				t.Errorf("ended with %d, want %d", status, test.want)
			}
			if got := strings.Contains(string(out), "not checked"); got != test.unchecked {
				t.Errorf("says %q", out)
			}
			if !test.unchecked && !strings.Contains(string(out), test.says) {
				t.Errorf("hides what was said: %q", out)
			}
		})
	}
}
