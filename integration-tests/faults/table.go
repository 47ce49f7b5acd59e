package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// The page with the table, and the comments that enclose it.
const (
	page  = "docs/reliability.md"
	begin = "<!-- The table is written by: go run ./integration-tests/faults -write -->\n"
	end   = "<!-- end of the table -->\n"
)

// writeTable writes the results into the page. A row that was not run keeps its
// line.
func writeTable(results []result) error {
	t := &trial{}
	path := filepath.Join(gateway.Root(t), page)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := replaceTable(string(text), machine(), results)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

func replaceTable(text, machine string, results []result) (string, error) {
	before, rest, found := strings.Cut(text, begin)
	old, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", errors.New(page + " has no place for the table: its two comments are missing")
	}
	lines := make(map[string]string) // by fault
	for line := range strings.Lines(old) {
		if cells := strings.Split(line, " | "); len(cells) == 4 {
			lines[strings.TrimPrefix(cells[0], "| ")] = line
		}
	}
	for _, r := range results {
		lines[cell(r.row.fault)] = r.line()
	}
	var table strings.Builder
	fmt.Fprintf(&table, "Measured on %s.\n\n| fault | how it is brought about | rounds | result |\n|---|---|---|---|\n", machine)
	for _, r := range rows {
		line, ok := lines[cell(r.fault)]
		if !ok {
			line = result{row: r, outcome: "not yet run"}.line()
		}
		table.WriteString(line)
	}
	return before + begin + table.String() + end + after, nil
}

// maxCell bounds a result in the table: the console shows all of a failure.
const maxCell = 300

// line returns a result's line of the table.
func (r result) line() string {
	text := string(r.outcome)
	if r.text != "" {
		text += ": " + r.text[:min(len(r.text), maxCell)]
	}
	return fmt.Sprintf("| %s | %s | %d | %s |\n", cell(r.row.fault), cell(r.row.injected), r.rounds, cell(text))
}

// cell returns a text that is valid between two bars.
func cell(text string) string {
	return strings.NewReplacer("|", "/", "\n", " ").Replace(text)
}
