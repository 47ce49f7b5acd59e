package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// clockTests are the tests in which the wall clock jumps, by package.
var clockTests = map[string]string{
	"./internal/dispatch": "^TestClock",
	"./internal/eventlog": "^TestClock",
}

// clockJumps runs the tests in which the engine's wall clock jumps: a test must
// not change the machine's clock, and the ways in which processes ask the
// kernel for the time cannot be intercepted.
func clockJumps(t *trial) {
	t.each(func(int) {
		passed := 0
		for folder, pattern := range clockTests {
			names := runTests(t, folder, pattern)
			if names == 0 {
				t.Errorf("%s has no test %s", folder, pattern)
			}
			passed += names
		}
		t.result("%s pass: nothing lost, expired or purged by a jump, no storm of attempts, nothing waits longer than `retry max`", plural(passed, "test"))
	})
}

// runTests runs a package's tests whose names match, and counts those that
// passed, each case separately.
func runTests(t *trial, folder, pattern string) (passed int) {
	command := exec.CommandContext(t.ctx, "go", "test", "-count=1", "-json", "-run", pattern, folder)
	command.Dir = gateway.Root(t)
	out, err := command.Output()
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var event struct{ Action, Test string }
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Test == "" {
			continue
		}
		switch event.Action {
		case "pass":
			passed++
		case "fail":
			t.Errorf("%s fails", event.Test)
		}
	}
	if err != nil {
		t.Errorf("testing %s: %v", strings.TrimPrefix(folder, "./"), err)
	}
	return passed
}
