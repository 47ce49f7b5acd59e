package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
}

// results collects the tests' results.
type results struct {
	out             io.Writer
	passed, failed  int
	leftOut         []string
	output          map[string][]string // of each running test
	countedFailures map[string]bool     // packages in which a test has failed
}

func newResults(out io.Writer) *results {
	return &results{out: out, output: map[string][]string{}, countedFailures: map[string]bool{}}
}

// line processes one line of the results.
func (r *results) line(text []byte) {
	var e event
	if json.Unmarshal(text, &e) != nil {
		fmt.Fprintf(r.out, "%s\n", text) // does not belong to a test, such as a build error
		return
	}
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[name] = append(r.output[name], e.Output)
		return
	case "build-output":
		fmt.Fprint(r.out, e.Output)
		return
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(r.out, "ok    %s %.1fs\n", e.Package, e.Elapsed)
		} else {
			r.passed++
		}
	case "fail":
		r.fail(e, name)
	case "skip":
		if e.Test != "" {
			r.leftOut = append(r.leftOut, name+": "+reason(r.output[name]))
		}
	default:
		return
	}
	delete(r.output, name)
}

// fail shows a failure. A package that fails without a failed test (it does not
// build, it panics) counts as a failure itself.
func (r *results) fail(e event, name string) {
	if e.Test != "" {
		r.failed++
		r.countedFailures[e.Package] = true
	} else if !r.countedFailures[e.Package] {
		r.failed++
	}
	fmt.Fprintf(r.out, "FAIL  %s %.1fs\n", strings.TrimSpace(name), e.Elapsed)
	for _, line := range r.output[name] {
		if !strings.HasPrefix(line, "=== ") {
			fmt.Fprint(r.out, "      ", line)
		}
	}
	if e.Test != "" {
		return
	}
	// The output of a package's tests that did not finish.
	for other, lines := range r.output {
		if other != name && strings.HasPrefix(other, e.Package+" ") {
			fmt.Fprintf(r.out, "      unfinished: %s\n      %s", other, strings.Join(lines, "      "))
		}
	}
}

// reason returns why a test was left out.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			if _, text, found := strings.Cut(line, ".go:"); found {
				_, line, _ = strings.Cut(text, ": ")
			}
			return line
		}
	}
	return "no reason given"
}

// close writes the summary and reports whether all is well.
func (r *results) close(full bool) bool {
	if len(r.leftOut) > 0 {
		fmt.Fprintln(r.out, "\nLeft out on this machine:")
		for _, line := range r.leftOut {
			fmt.Fprintln(r.out, "  "+line)
		}
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.leftOut))
	return r.failed == 0 && r.passed > 0 && (!full || len(r.leftOut) == 0)
}
