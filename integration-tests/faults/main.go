// Command faults breaks a running gateway in every way that its documentation
// promises to survive, and reports what became of the acknowledged events.
// `make test-faults` runs it, from anywhere in the checkout.
//
// Each row is a fault and how it is injected. A row that this machine cannot
// run (it needs root, or a tool) is left out by name; with HOOKGATE_TEST_FULL=1
// that is a failure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// settings are the flags.
type settings struct {
	only   string
	rounds int
	quick  bool
	list   bool
	write  bool
}

func main() {
	var s settings
	flag.StringVar(&s.only, "only", "", "rows to run: names, separated by commas, in which * matches anything")
	flag.IntVar(&s.rounds, "rounds", 0, "rounds of each row, instead of its own")
	flag.BoolVar(&s.quick, "quick", false, "fewer rounds: a minute or two for all of them")
	flag.BoolVar(&s.list, "list", false, "list the rows and run none")
	flag.BoolVar(&s.write, "write", false, "write the results into docs/reliability.md")
	flag.Parse()

	// A second signal ends the program at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	good, err := run(ctx, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
	}
	if !good || err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) (good bool, err error) {
	chosen, err := choose(rows, s.only)
	if err != nil {
		return false, err
	}
	if s.list {
		for _, r := range chosen {
			fmt.Printf("%-18s %s; %s\n", r.name, r.fault, plural(r.rounds, "round"))
		}
		return true, nil
	}
	fmt.Println(machine())
	var results []result
	for _, r := range chosen {
		began := time.Now()
		done := r.try(ctx, s)
		fmt.Printf("%-7s %-18s %5.0f s  %s\n", done.outcome, r.name, time.Since(began).Seconds(), done.text)
		results = append(results, done)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if done.stuck {
			return false, fmt.Errorf("the row %s does not end, so no other row can be run", r.name)
		}
	}
	if s.write {
		if err := writeTable(results); err != nil {
			return false, err
		}
	}
	return summary(results), nil
}

// choose returns the rows whose names match the patterns, in their own order.
func choose(all []row, patterns string) ([]row, error) {
	if patterns == "" {
		return all, nil
	}
	wanted := make(map[string]bool)
	for pattern := range strings.SplitSeq(patterns, ",") {
		var found bool
		for _, r := range all {
			if ok, err := path.Match(pattern, r.name); err != nil {
				return nil, fmt.Errorf("-only %s: %w", pattern, err)
			} else if ok {
				found, wanted[r.name] = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("-only %s: no row has that name; -list shows them", pattern)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !wanted[r.name] }), nil
}

// summary counts the results, names what was left out, and reports whether all
// is well.
func summary(results []result) bool {
	counts := make(map[outcome]int)
	for _, r := range results {
		counts[r.outcome]++
	}
	fmt.Printf("\n%s, %d failed, %d left out\n", plural(counts[holds], "row")+" held", counts[failed], counts[leftOut])
	return counts[failed] == 0 && (counts[leftOut] == 0 || !gateway.Full())
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
