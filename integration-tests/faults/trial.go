package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// trial is one run of a row. It is a testing.TB, so that it can use the tests'
// helpers; only the methods below may be called.
type trial struct {
	testing.TB
	ctx    context.Context
	name   string
	rounds int
	quick  bool

	mu       sync.Mutex
	text     string
	failures []string
	leftOut  string
	cleanups []func()
}

// result summarises, in a few words with figures, how the gateway fared.
func (t *trial) result(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = fmt.Sprintf(format, args...)
}

// each calls do for each round, until one fails or the trial is ended, and
// shows the progress. What do has registered is cleaned up when it returns.
func (t *trial) each(do func(round int)) {
	t.mu.Lock()
	before := len(t.cleanups)
	t.mu.Unlock()
	for round := range t.rounds {
		t.progress(fmt.Sprintf("%d of %d", round+1, t.rounds))
		do(round)
		t.cleanUp(before)
		if t.ctx.Err() != nil || t.Failed() {
			return
		}
	}
}

// pause waits, unless the trial is ended: it is how long a fault lasts, or how
// long nothing is done before one.
func (t *trial) pause(d time.Duration) {
	select {
	case <-t.ctx.Done():
	case <-time.After(d):
	}
}

// progress shows the current activity, on a terminal.
func (t *trial) progress(text string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		if text != "" {
			text = fmt.Sprintf("%-18s %s", t.name, text)
		}
		fmt.Fprintf(os.Stderr, "\r%-70s\r%s", "", text)
	}
}

// cleanUp calls what was registered with Cleanup, last first, and leaves the
// first few.
func (t *trial) cleanUp(leave int) {
	for {
		t.mu.Lock()
		if len(t.cleanups) <= leave {
			t.mu.Unlock()
			return
		}
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		t.mu.Unlock()
		last()
	}
}

// Context implements testing.TB.
func (t *trial) Context() context.Context { return t.ctx }

// Name implements testing.TB.
func (t *trial) Name() string { return t.name }

// Helper implements testing.TB.
func (t *trial) Helper() {}

// Cleanup implements testing.TB.
func (t *trial) Cleanup(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, do)
}

// TempDir implements testing.TB.
func (t *trial) TempDir() string {
	dir, err := os.MkdirTemp("", "hookgate-faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// maxLog bounds what is shown of one message, which may be the end of a log.
const maxLog = 2 << 10

// Log implements testing.TB.
func (t *trial) Log(args ...any) {
	t.progress("")
	text := strings.TrimSpace(fmt.Sprintln(args...))
	fmt.Fprintf(os.Stderr, "        %s: %s\n", t.name, text[max(0, len(text)-maxLog):])
}

// Logf implements testing.TB.
func (t *trial) Logf(format string, args ...any) { t.Log(fmt.Sprintf(format, args...)) }

// Error implements testing.TB. A failure is reported once.
func (t *trial) Error(args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := strings.TrimSpace(fmt.Sprintln(args...)); !slices.Contains(t.failures, text) {
		t.failures = append(t.failures, text)
	}
}

// Errorf implements testing.TB.
func (t *trial) Errorf(format string, args ...any) { t.Error(fmt.Sprintf(format, args...)) }

// Fail implements testing.TB.
func (t *trial) Fail() { t.Error("it failed") }

// Failed implements testing.TB.
func (t *trial) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.failures) > 0
}

// FailNow implements testing.TB; like the methods that imply it, it must be
// called in the row's own goroutine.
func (t *trial) FailNow() {
	t.Fail()
	runtime.Goexit()
}

// Fatal implements testing.TB.
func (t *trial) Fatal(args ...any) {
	t.Error(args...)
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (t *trial) Fatalf(format string, args ...any) { t.Fatal(fmt.Sprintf(format, args...)) }

// Skipf implements testing.TB: the row is left out.
func (t *trial) Skipf(format string, args ...any) {
	t.mu.Lock()
	t.leftOut = strings.TrimPrefix(fmt.Sprintf(format, args...), "left out: ")
	t.mu.Unlock()
	runtime.Goexit()
}
