package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// row is one fault of the table.
type row struct {
	name     string // short, for the console and -only
	fault    string // what happens
	injected string // how it is injected
	// rounds is how often it is injected, and quick how often with -quick.
	rounds, quick int
	needs         []need
	// run injects it t.rounds times, and sets the result with t.result.
	run func(t *trial)
	// limit bounds the run; default 10 minutes.
	limit time.Duration
}

// need returns why this machine cannot run a row, or "".
type need func() string

func needRoot() string {
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return ""
	}
	return "it needs root"
}

// needTools is a need of programs.
func needTools(names ...string) need {
	return func() string {
		for _, name := range names {
			if _, err := exec.LookPath(name); err != nil {
				return "it needs the program " + name
			}
		}
		return ""
	}
}

// outcome of a row.
type outcome string

const (
	holds   outcome = "holds"
	failed  outcome = "FAILED"
	leftOut outcome = "LEFT OUT"
)

// result is the result of a row.
type result struct {
	row     row
	rounds  int
	outcome outcome
	text    string
	// stuck means that it did not end in time.
	stuck bool
}

// try runs a row, if it can be run here.
func (r row) try(ctx context.Context, s settings) result {
	rounds := r.rounds
	switch {
	case s.rounds > 0:
		rounds = s.rounds
	case s.quick:
		rounds = r.quick
	}
	for _, need := range r.needs {
		if reason := need(); reason != "" {
			return result{row: r, outcome: leftOut, text: reason}
		}
	}
	limit := r.limit
	if limit == 0 {
		limit = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t := &trial{ctx: ctx, name: r.name, rounds: rounds, quick: s.quick}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.catch()
		r.run(t)
	}()
	var stuck bool
	select {
	case <-done:
	case <-ctx.Done():
		t.Errorf("it was ended: %v", context.Cause(ctx))
		t.cleanUp(0) // releases what it waits for
		select {
		case <-done:
		case <-time.After(gateway.Patience):
			stuck = true
		}
	}
	t.cleanUp(0)
	t.progress("")
	return t.outcome(r, rounds, stuck)
}

// outcome is the trial's result.
func (t *trial) outcome(r row, rounds int, stuck bool) result {
	t.mu.Lock()
	defer t.mu.Unlock()
	done := result{row: r, rounds: rounds, outcome: holds, text: t.text, stuck: stuck}
	switch {
	case len(t.failures) > 0:
		done.outcome, done.text = failed, strings.Join(t.failures, "; ")
	case t.leftOut != "":
		done.outcome, done.text = leftOut, t.leftOut
	case t.text == "":
		done.outcome, done.text = failed, "it produced no result"
	}
	return done
}

// catch turns a panic into a failure.
func (t *trial) catch() {
	if cause := recover(); cause != nil {
		t.Errorf("panic: %v\n%s", cause, debug.Stack())
	}
}

// machine describes what the figures depend on.
func machine() string {
	text := fmt.Sprintf("%d processors, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		text += ", kernel " + strings.TrimSpace(string(kernel))
	}
	return text
}
