package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// clockTests are those in which the wall clock jumps, by package.
var clockTests = map[string]string{
	"./internal/dispatch": "^TestClock",
	"./internal/eventlog": "^TestClock",
}

// clockJumps runs the tests in which the wall clock of the engine jumps: the
// machine's own is not for a test to change, and its processes ask the kernel
// for the time in ways that nobody can stand between.
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

// runTests runs the tests of a package whose names match, and counts those that
// passed, each case by itself.
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
