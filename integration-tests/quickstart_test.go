package integrationtests

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestQuickstart runs the program behind `make run` as a newcomer does: it
// shows an event arriving at a trigger; the commands it suggests work when
// pasted; a second one says which port is in use; it ends when it is
// interrupted, starts again with what it left, and touches nothing outside its
// folder.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	dir := quickstartFolder(t)
	for round := range 2 {
		demo := startDemo(t, dir)
		said := demo.until("GET what has happened", "/events")
		if !strings.Contains(said, "202 Accepted") || !strings.Contains(said, `"action": "opened"`) {
			t.Fatalf("round %d:\n%s", round, said)
		}
		if round == 0 {
			out, err := exec.Command(filepath.Join(dir, "demo")).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "127.0.0.1:8090 is in use") {
				t.Errorf("a second one beside it: %v\n%s", err, out)
			}
		}
		pasted := pastedCommands(said)
		if len(pasted) != 4 {
			t.Fatalf("it prints %d commands:\n%s", len(pasted), said)
		}
		paste(t, pasted[0], `{"status":"accepted"`)
		demo.until("its own event", "refs/heads/main")
		paste(t, pasted[0], `{"status":"duplicate"`)
		paste(t, pasted[1], `"webhook_id":"my-first"`)
		paste(t, pasted[2], `{"status":"accepted"`)
		demo.until("the new integration's event", "anything")
		paste(t, pasted[3], `"status":"delivered"`)
		demo.interrupt()
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "demo" && name != "bin" && name != "caddyfile-examples" && name != ".work" {
			t.Errorf("it has made %s", name)
		}
	}
}

// quickstartFolder is as much of a checkout as the quickstart needs.
func quickstartFolder(t *testing.T) string {
	root, dir := gateway.Root(t), t.TempDir()
	demo := filepath.Join(dir, "demo")
	if out, err := exec.Command("go", "build", "-C", root, "-o", demo, "./caddyfile-examples/quickstart").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"bin/hookgate": gateway.Binary(t), "caddyfile-examples": filepath.Join(root, "caddyfile-examples"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pastedCommands returns the complete commands in the output.
func pastedCommands(said string) []string {
	var commands []string
	for line := range strings.SplitSeq(strings.ReplaceAll(said, "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
	}
	return commands
}

// paste runs a command until it prints the wanted text: what the trigger has
// received is recorded a moment later.
func paste(t *testing.T, command, want string) {
	t.Helper()
	gateway.Eventually(t, "paste "+command, func() bool {
		out, err := exec.Command("bash", "-c", command+" -s").CombinedOutput()
		return err == nil && strings.Contains(string(out), want)
	})
}

// running is a running quickstart.
type running struct {
	t       *testing.T
	command *exec.Cmd
	lines   chan string
}

func startDemo(t *testing.T, dir string) *running {
	d := &running{t: t, command: exec.Command(filepath.Join(dir, "demo")), lines: make(chan string, 1000)}
	d.command.Dir, d.command.Stderr = dir, os.Stderr
	out, err := d.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.command.Process.Kill() })
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			d.lines <- scanner.Text()
		}
		close(d.lines)
	}()
	return d
}

// until returns the output up to a line with the text.
func (d *running) until(what, text string) string {
	d.t.Helper()
	var said strings.Builder
	deadline := time.After(gateway.Patience)
	for {
		select {
		case line, ok := <-d.lines:
			said.WriteString(line + "\n")
			if strings.Contains(line, text) {
				return said.String()
			}
			if !ok {
				d.t.Fatalf("it ended before %s:\n%s", what, said.String())
			}
		case <-deadline:
			d.t.Fatalf("it did not print %s:\n%s", what, said.String())
		}
	}
}

// interrupt ends it as Ctrl-C does.
func (d *running) interrupt() {
	d.t.Helper()
	if err := d.command.Process.Signal(os.Interrupt); err != nil {
		d.t.Fatal(err)
	}
	for range d.lines {
	}
	if err := d.command.Wait(); err != nil {
		d.t.Errorf("it ended with %v", err)
	}
}
