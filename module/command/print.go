package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// print prints JSON, indented.
func (c *call) print(text []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	out.WriteByte('\n')
	_, err := c.out.Write(out.Bytes())
	return err
}

// printItems prints a list as JSON.
func (c *call) printItems(items []json.RawMessage) error {
	text, err := json.Marshal(items)
	if err != nil {
		return err
	}
	return c.print(text)
}

// table prints rows in columns; the first has the columns' names.
func (c *call) table(rows [][]string) error {
	out := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		fmt.Fprintln(out, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return out.Flush()
}

// say prints a line of text.
func (c *call) say(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\n", args...)
}

// printable removes what a terminal would interpret from a sender's text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// yes formats a boolean.
func yes(value bool) string {
	if value {
		return "yes"
	}
	return "no"
}

// size formats a number of bytes.
func size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, unit := float64(bytes), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
