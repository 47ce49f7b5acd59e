package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// cell is a site with a body's size.
type cell struct {
	site string
	size int
}

// results are the runs by cell, in the order of the rounds.
type results map[cell][]measured

// print writes the table, in Markdown.
func (r results) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| body\t| site\t| requests/s, median (min–max)\t| p50\t| p99\t| processor time\t| beside it\t|")
	fmt.Fprintln(table, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, size := range sizes {
		for _, s := range sites {
			runs := r[cell{s.name, size}]
			rates := each(runs, measured.rate)
			fmt.Fprintf(table, "| %d KB\t| `%s`\t| %.0f (%.0f–%.0f)\t| %.2f ms\t| %.2f ms\t| %.0f µs\t| %s\t|\n",
				size>>10, s.name, median(rates), slices.Min(rates), slices.Max(rates),
				median(each(runs, func(m measured) float64 { return float64(m.P50) / 1000 })),
				median(each(runs, func(m measured) float64 { return float64(m.P99) / 1000 })),
				median(each(runs, func(m measured) float64 { return m.CPU })),
				r.compare(s.name, size))
		}
	}
	table.Flush()
}

// compare says how fast a site is beside the plain one, round by round.
func (r results) compare(name string, size int) string {
	against := map[string]string{accept: respond, inline: proxy}[name]
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

func each(runs []measured, value func(measured) float64) []float64 {
	values := make([]float64, len(runs))
	for i, m := range runs {
		values[i] = value(m)
	}
	return values
}

// median is the middle of the values, of which there is at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
