package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// cell is a site and a body size.
type cell struct {
	site string
	size int
}

// results are the runs by cell, in the order of the rounds.
type results map[cell][]measured

// print writes the table, in Markdown.
func (r results) print(out io.Writer, contenders []contender) {
	table := newTable(out, "body", "site", "requests/s, median (min–max)", "p50", "p99", "processor time", "ratio")
	for _, size := range sizes {
		for _, c := range contenders {
			runs := r[cell{c.name, size}]
			rates := each(runs, measured.rate)
			table.row(
				fmt.Sprintf("%d KB", size>>10), "`"+c.name+"`",
				fmt.Sprintf("%.0f (%.0f–%.0f)", median(rates), slices.Min(rates), slices.Max(rates)),
				fmt.Sprintf("%.2f ms", median(each(runs, measured.p50))),
				fmt.Sprintf("%.2f ms", median(each(runs, measured.p99))),
				fmt.Sprintf("%.0f µs", median(each(runs, measured.cpu))),
				r.compare(c.name, size))
		}
	}
	table.end()
}

// printDisk writes what the disk alone needs, and compares the tail of
// accepting with it: a group of 64 such events is what 64 senders may wait for
// at once.
func (r results) printDisk(out io.Writer, disk []synced) {
	fmt.Fprintln(out, "The disk, otherwise idle, writes and syncs:")
	for _, d := range disk {
		fmt.Fprintf(out, "- %s", d)
		for _, size := range sizes {
			if runs := r[cell{accept, size}]; d.size == 64*size && len(runs) > 0 {
				p99 := median(each(runs, measured.p99))
				fmt.Fprintf(out, "; accepting %d KB has a p99 of %.2f ms, %.1f times as much", size>>10, p99, p99/d.p99.Seconds()/1000)
			}
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out)
}

// beside is the site that a contender's rate is compared with.
var beside = map[string]string{accept: respond, inline: proxy, peerRuns: accept, peerChecks: accept}

// compare returns the ratio of a site's rate to another's, round by round.
func (r results) compare(name string, size int) string {
	against := beside[name]
	if against == "" {
		return ""
	}
	runs, plain := r[cell{name, size}], r[cell{against, size}]
	ratios := make([]float64, len(runs))
	for round := range runs {
		ratios[round] = runs[round].rate() / plain[round].rate()
	}
	return fmt.Sprintf("%.2f × `%s` (%.2f–%.2f)", median(ratios), against, slices.Min(ratios), slices.Max(ratios))
}

// p50 and p99 are in milliseconds, cpu in microseconds.
func (m measured) p50() float64 { return float64(m.P50) / 1000 }
func (m measured) p99() float64 { return float64(m.P99) / 1000 }
func (m measured) cpu() float64 { return m.CPU }

func each[Run any](runs []Run, value func(Run) float64) []float64 {
	values := make([]float64, len(runs))
	for i, m := range runs {
		values[i] = value(m)
	}
	return values
}

// median returns the middle value; there must be at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// table is a Markdown table.
type table struct {
	*tabwriter.Writer
	out io.Writer
}

func newTable(out io.Writer, columns ...string) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 1, ' ', 0), out}
	t.row(columns...)
	rule := make([]string, len(columns))
	for i := range rule {
		rule[i] = "---"
	}
	t.row(rule...)
	return t
}

func (t table) row(cells ...string) {
	for _, text := range cells {
		fmt.Fprintf(t, "| %s\t", text)
	}
	fmt.Fprintln(t, "|")
}

func (t table) end() {
	t.Flush()
	fmt.Fprintln(t.out)
}
