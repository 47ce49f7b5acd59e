// Command bench measures the gateway. In one process and one run, it compares
// plain Caddy: `respond 202` with events accepted durably, and `reverse_proxy`
// with inline authentication in front of it; also another program that receives
// webhooks, if installed. Then it measures latency at a steady rate, deliveries
// while it accepts, lookups among many integrations, memory, and each sender
// compared with GitHub. `make bench` runs it, from the root of the checkout; it
// needs Linux and wrk.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	binary       string
	dir          string
	parts        string
	rounds       int
	time         time.Duration
	threads      int
	connections  int
	rate         int
	integrations int
	settle       time.Duration
	senders      string
}

// part is a part of the run, which prints its findings.
type part struct {
	name string
	run  func(ctx context.Context, s settings) error
}

var parts = []part{
	{"memory", measureMemory},
	{"sites", compareSites},
	{"rate", measureAtRate},
	{"deliveries", measureDeliveries},
	{"lookups", measureLookups},
	{"providers", compareProviders},
}

func main() {
	var s settings
	flag.StringVar(&s.binary, "binary", "bin/hookgate", "the gateway to measure")
	flag.StringVar(&s.dir, "dir", ".work/bench", "where it keeps its data: the disk that is measured; removed afterwards")
	flag.StringVar(&s.parts, "parts", "memory,sites,rate,deliveries,lookups", "what to measure; providers is a part that takes a quarter of an hour")
	flag.IntVar(&s.rounds, "rounds", 5, "how often each site is measured with each size")
	flag.DurationVar(&s.time, "time", 3*time.Second, "how long each time, in whole seconds")
	flag.IntVar(&s.threads, "threads", 1, "threads of wrk")
	flag.IntVar(&s.connections, "connections", 64, "connections of wrk")
	flag.IntVar(&s.rate, "rate", 2000, "requests per second of the part at a steady rate")
	flag.IntVar(&s.integrations, "integrations", 1_000_000, "the maximum number of integrations for lookups")
	flag.DurationVar(&s.settle, "settle", 10*time.Second, "how long to let memory settle before reading it")
	flag.StringVar(&s.senders, "senders", "", "the senders of the part providers (default: all that sign with an HMAC)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) (err error) {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk, which sends the requests, is not installed: install the package wrk (apt-get install wrk)")
	}
	chosen, err := s.check()
	if err != nil {
		return err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return fmt.Errorf("the data of another run is in the way: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()

	describe(s)
	for _, p := range chosen {
		err := p.run(ctx, s)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			return fmt.Errorf("measuring %s: %w", p.name, err)
		}
	}
	return nil
}

// check returns the selected parts.
func (s settings) check() ([]part, error) {
	if s.rounds < 1 || s.time < time.Second {
		return nil, errors.New("at least one round and one second are required")
	}
	if s.rate < 1 || s.integrations < 1 || s.connections < 1 {
		return nil, errors.New("rate, integrations and connections must be at least 1")
	}
	wanted := strings.Split(s.parts, ",")
	var chosen []part
	for _, p := range parts {
		if slices.Contains(wanted, p.name) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) != len(wanted) {
		return nil, fmt.Errorf("-parts %s: a part is unknown or repeated", s.parts)
	}
	return chosen, nil
}

// status prints the current activity on standard error, over the previous one.
func status(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "\r%-60s", fmt.Sprintf(format, args...))
}

func endStatus() { fmt.Fprintf(os.Stderr, "\r%60s\r", "") }

// wait waits, unless the run is interrupted.
func wait(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(length):
		return nil
	}
}
