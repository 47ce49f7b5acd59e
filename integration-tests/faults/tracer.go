package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// tracer is strace, attached to a running process to tamper with its system
// calls.
type tracer struct {
	t       testing.TB
	command *exec.Cmd
	wanted  []string // the calls
	out     string   // the file of what it saw
	ended   chan struct{}
}

// needTracer is what attach needs.
var needTracer = []need{needRoot, needTools("strace")}

// attach makes strace tamper with system calls from now on, only on the given
// files if there are any. Each injection has the form of strace(1): the call, a
// colon, and what is done to it.
func attach(t *trial, pid int, injections []string, files ...string) *tracer {
	dir := t.TempDir()
	x := &tracer{t: t, out: filepath.Join(dir, "calls"), ended: make(chan struct{})}
	args := []string{"-f", "-p", fmt.Sprint(pid), "-o", x.out}
	for _, injection := range injections {
		call, _, _ := strings.Cut(injection, ":")
		x.wanted = append(x.wanted, call)
		args = append(args, "-e", "inject="+injection)
	}
	args = append(args, "-e", "trace="+strings.Join(x.wanted, ","))
	for _, file := range files {
		args = append(args, "-P", file)
	}
	messages, err := os.Create(filepath.Join(dir, "messages"))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	x.command = exec.Command("strace", args...)
	x.command.Stderr = messages
	if err := x.command.Start(); err != nil {
		t.Fatalf("starting strace: %v", err)
	}
	go func() {
		x.command.Wait()
		close(x.ended)
	}()
	t.Cleanup(x.kill)
	gateway.Eventually(t, "strace is attached", func() bool {
		text, _ := os.ReadFile(messages.Name())
		if strings.Contains(string(text), "attached") {
			return true
		}
		if len(text) > 0 && x.isOver() {
			t.Fatalf("strace: %s", text)
		}
		return false
	})
	return x
}

func (x *tracer) isOver() bool {
	select {
	case <-x.ended:
		return true
	default:
		return false
	}
}

// calls returns what it has seen so far.
func (x *tracer) calls() string {
	text, err := os.ReadFile(x.out)
	if err != nil {
		x.t.Fatal(err)
	}
	return string(text)
}

// hit reports whether it has tampered with every kind of call.
func (x *tracer) hit() bool {
	seen := x.calls()
	for _, call := range x.wanted {
		if !regexp.MustCompile(" " + call + `\(.*\((INJECTED|DELAYED)`).MatchString(seen) {
			return false
		}
	}
	return true
}

// detach lets the process continue undisturbed.
func (x *tracer) detach() { x.end(syscall.SIGINT) }

// kill ends strace whatever it is waiting for.
func (x *tracer) kill() { x.end(syscall.SIGKILL) }

func (x *tracer) end(signal os.Signal) {
	x.command.Process.Signal(signal)
	<-x.ended
}
