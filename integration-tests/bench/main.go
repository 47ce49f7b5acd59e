// Command bench measures the gateway beside plain Caddy, in one process and
// one run: `respond 202`, events accepted durably, `reverse_proxy`, and inline
// authentication in front of it. It is run by `make bench`, from the root of
// the checkout, and needs wrk.
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
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	binary      string
	dir         string
	rounds      int
	time        time.Duration
	threads     int
	connections int
}

// sizes of the bodies in bytes.
var sizes = []int{1 << 10, 8 << 10}

// pause lets the work end that a run leaves behind, before the next one. After
// accepted events that is the index, which follows within two seconds.
const pause, longPause = 500 * time.Millisecond, 3 * time.Second

func main() {
	var s settings
	flag.StringVar(&s.binary, "binary", "bin/hookgate", "the gateway to measure")
	flag.StringVar(&s.dir, "dir", ".work/bench", "where it keeps its data: the disk that is measured; removed afterwards")
	flag.IntVar(&s.rounds, "rounds", 5, "how often each site is measured with each size")
	flag.DurationVar(&s.time, "time", 3*time.Second, "how long each time, in whole seconds")
	flag.IntVar(&s.threads, "threads", 1, "threads of wrk")
	flag.IntVar(&s.connections, "connections", 64, "connections of wrk")
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
	if s.rounds < 1 || s.time < time.Second {
		return errors.New("a round and a second are the least that can be measured")
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
	if err := measureDisk(s.dir); err != nil {
		return err
	}
	g, err := startGateway(ctx, s)
	if err != nil {
		return err
	}
	defer g.stop()
	results, err := measure(ctx, g, s)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("%w; the end of the gateway's log:\n%s", err, g.tail())
	}
	results.print(os.Stdout)
	return nil
}

// measure runs the rounds: in each one, every site with every size, there and
// back, so that no site always comes first.
func measure(ctx context.Context, g *gateway, s settings) (results, error) {
	requests := make(map[int]string)
	for _, size := range sizes {
		path, err := writeRequest(s.dir, size)
		if err != nil {
			return nil, err
		}
		requests[size] = path
		if err := g.try(path); err != nil {
			return nil, err
		}
	}
	all := make(results)
	for round := range s.rounds + 1 {
		name := fmt.Sprintf("round %d of %d", round, s.rounds)
		order, length := slices.Clone(sites), s.time
		if round == 0 {
			name, length = "warm-up", time.Second
		}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, size := range sizes {
			for _, site := range order {
				fmt.Fprintf(os.Stderr, "\r%-20s %-16s %5d bytes ", name, site.name, size)
				measured, err := g.measure(ctx, s, site, requests[size], length)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", site.name, err)
				}
				if round > 0 {
					all[cell{site.name, size}] = append(all[cell{site.name, size}], measured)
				}
			}
		}
	}
	fmt.Fprintf(os.Stderr, "\r%60s\r", "")
	return all, nil
}
