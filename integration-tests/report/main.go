// Command report runs a Go test command, shows its failures, and finally lists
// what passed, what failed, and what was left out and why.
//
//	go run ./integration-tests/report go test -race ./...
//
// With HOOKGATE_TEST_FULL=1 a test that was left out is a failure too.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

func main() {
	if len(os.Args) < 4 || !slices.Equal(os.Args[1:3], []string{"go", "test"}) {
		fmt.Fprintln(os.Stderr, "usage: report go test ARGUMENTS")
		os.Exit(2)
	}
	args := append([]string{"test", "-json"}, os.Args[3:]...)
	good, err := run(exec.Command("go", args...))
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

// run runs the command and reports its results.
func run(command *exec.Cmd) (good bool, err error) {
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := command.Start(); err != nil {
		return false, err
	}
	results := newResults(os.Stdout)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		results.line(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("reading the results: %w", err)
	}
	failed := command.Wait() != nil
	return results.close(os.Getenv("HOOKGATE_TEST_FULL") == "1") && !failed, nil
}
