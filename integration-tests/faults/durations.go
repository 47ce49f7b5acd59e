package main

import (
	"fmt"
	"slices"
	"time"
)

// durations are how long something took in each round.
type durations []time.Duration

func (d *durations) add(took time.Duration) { *d = append(*d, took) }

// after describes how long it took to accept again after something.
func (d durations) after(what string) string {
	if len(d) == 0 {
		return "it never accepted again"
	}
	sorted := slices.Sorted(slices.Values(d))
	return fmt.Sprintf("accepts again %s after %s, at most %s", seconds(sorted[len(sorted)/2]), what, seconds(sorted[len(sorted)-1]))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
