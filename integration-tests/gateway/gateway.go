// Package gateway runs the built Hookgate binary for black-box tests: its
// process, its configuration, its admin API, the senders in front of it and the
// endpoints behind it.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait of a test for something that should be quick.
const Patience = 20 * time.Second

// Gateway is a Hookgate process with its own directory and ports. A Caddyfile
// refers to its ports as {$PORT} and {$ADMIN}, and to its directory as {$DIR}.
type Gateway struct {
	t testing.TB

	// Dir holds everything that the process writes.
	Dir string
	// Addr and Admin are the host and port of the site and the admin endpoint.
	Addr, Admin string

	// Umask is the umask of the process, in octal digits; "" means the test's own.
	Umask string

	binary  string
	config  string
	env     []string
	log     *os.File
	process *exec.Cmd
	exited  chan struct{}
}

// New prepares a gateway with a Caddyfile and further environment variables
// ("NAME=value"), and starts nothing.
func New(t testing.TB, caddyfile string, env ...string) *Gateway {
	t.Helper()
	return NewOf(t, Binary(t), caddyfile, env...)
}

// NewOf prepares a gateway of another binary.
func NewOf(t testing.TB, binary, caddyfile string, env ...string) *Gateway {
	t.Helper()
	dir, err := os.MkdirTemp("", "hookgate")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	g := &Gateway{
		t:      t,
		Dir:    dir,
		Addr:   "127.0.0.1:" + port,
		Admin:  "127.0.0.1:" + freePort(t),
		binary: binary,
	}
	g.env = append(os.Environ(),
		"HOME="+dir,
		"XDG_DATA_HOME="+filepath.Join(dir, "data"),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"),
		"DIR="+dir, "PORT="+port, "ADMIN="+g.Admin,
	)
	g.env = append(g.env, env...)
	g.WriteConfig(caddyfile)
	if g.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.wantNamed()
		g.Kill()
		if t.Failed() {
			t.Logf("end of the gateway's log:\n%s", tail(g.Logs(), 40))
		}
		g.log.Close()
		os.RemoveAll(dir)
	})
	return g
}

// wantNamed checks that a gateway that still runs has refused nothing for a
// reason unknown to its metrics.
func (g *Gateway) wantNamed() {
	if !g.Running() {
		return
	}
	answer, err := Do(&http.Client{Timeout: 2 * time.Second}, "GET", "http://"+g.Admin+"/metrics", nil, nil)
	if err != nil || answer.Status != http.StatusOK {
		return // its admin endpoint is off, or the process is stopped
	}
	const other = `caddy_webhooks_refusals_total{reason="other"} `
	if bytes.Contains(answer.Body, []byte(other)) && !bytes.Contains(answer.Body, []byte(other+"0\n")) {
		g.t.Error("a request was refused for a reason that gate.Reasons does not list")
	}
}

// Start prepares a gateway and starts it.
func Start(t testing.TB, caddyfile string, env ...string) *Gateway {
	t.Helper()
	g := New(t, caddyfile, env...)
	g.Start()
	return g
}

// Data is where Caddy keeps its data, and Hookgate by default its store.
func (g *Gateway) Data() string { return filepath.Join(g.Dir, "data", "caddy") }

// WriteConfig replaces the configuration file, for the next start or reload. A
// text that begins with {" is JSON, in which no {$NAME} is replaced.
func (g *Gateway) WriteConfig(text string) {
	g.t.Helper()
	name := "Caddyfile"
	if strings.HasPrefix(text, `{"`) {
		name = "caddy.json"
	}
	g.config = filepath.Join(g.Dir, name)
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *Gateway) configArgs() []string {
	if filepath.Ext(g.config) == ".json" {
		return []string{"--config", g.config}
	}
	return []string{"--config", g.config, "--adapter", "caddyfile"}
}

// Start starts the process and waits until the configuration is loaded.
func (g *Gateway) Start() {
	g.t.Helper()
	g.spawn()
	Eventually(g.t, "the gateway is ready", func() bool {
		select {
		case <-g.exited:
			g.t.Fatalf("the gateway ended: %s", tail(g.Logs(), 20))
		default:
		}
		return g.ready()
	})
}

// TryStart starts the process and reports whether it serves; it may give up.
func (g *Gateway) TryStart() bool {
	g.t.Helper()
	g.spawn()
	var ready bool
	Eventually(g.t, "the gateway is ready or has ended", func() bool {
		ready = g.ready()
		return ready || !g.Running()
	})
	return ready
}

// StartFails starts the process, waits until it gives up and returns its
// output.
func (g *Gateway) StartFails() string {
	g.t.Helper()
	before := len(g.Logs())
	g.spawn()
	select {
	case <-g.exited:
	case <-time.After(Patience):
		g.Kill()
		g.t.Fatal("the gateway started, but should have failed")
	}
	if g.process.ProcessState.Success() {
		g.t.Error("the gateway ended with status 0, but should have failed")
	}
	g.process = nil
	return g.Logs()[before:]
}

func (g *Gateway) spawn() {
	g.t.Helper()
	g.process = exec.Command(g.binary, append([]string{"run"}, g.configArgs()...)...)
	if g.Umask != "" {
		script := []string{"-c", "umask " + g.Umask + ` && exec "$0" "$@"`}
		g.process = exec.Command("sh", append(script, g.process.Args...)...)
	}
	g.process.Env, g.process.Dir = g.env, g.Dir
	g.process.Stdout, g.process.Stderr = g.log, g.log
	dieWithParent(g.process)
	if err := g.process.Start(); err != nil {
		g.t.Fatal(err)
	}
	process, exited := g.process, make(chan struct{})
	g.exited = exited
	go func() {
		process.Wait()
		close(exited)
	}()
}

// ready reports whether the first configuration has been loaded: until then the
// admin endpoint does not answer, or answers null.
func (g *Gateway) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Admin+"/config/", nil)
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return err == nil && response.StatusCode == http.StatusOK && !bytes.Equal(bytes.TrimSpace(body), []byte("null"))
}

// PID returns the ID of the running process.
func (g *Gateway) PID() int { return g.process.Process.Pid }

// Running reports whether the process is alive.
func (g *Gateway) Running() bool {
	select {
	case <-g.exited:
		return false
	default:
		return true
	}
}

// Kill ends the process as a crash would, with SIGKILL. It does nothing if none
// is running.
func (g *Gateway) Kill() {
	if g.process == nil {
		return
	}
	g.process.Process.Kill()
	<-g.exited
	g.process = nil
}

// Signal sends a signal to the process.
func (g *Gateway) Signal(signal os.Signal) { g.process.Process.Signal(signal) }

// Stop asks the process to end and waits for it.
func (g *Gateway) Stop() {
	g.t.Helper()
	g.Signal(syscall.SIGTERM)
	select {
	case <-g.exited:
		g.process = nil
	case <-time.After(Patience):
		g.t.Fatal("the gateway did not stop")
	}
}

// Reload loads a configuration.
func (g *Gateway) Reload(config string) {
	g.t.Helper()
	if out, err := g.TryReload(config); err != nil {
		g.t.Fatalf("reload: %v\n%s", err, out)
	}
}

// TryReload is Reload for a configuration that may be refused.
func (g *Gateway) TryReload(config string) (string, error) {
	g.t.Helper()
	g.WriteConfig(config)
	return g.Command(append([]string{"reload", "--force", "--address", g.Admin}, g.configArgs()...)...)
}

// Adapt returns the configuration file as JSON.
func (g *Gateway) Adapt() []byte {
	g.t.Helper()
	command := g.command("adapt", "--config", g.config, "--adapter", "caddyfile")
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		g.t.Fatalf("adapt: %v", err)
	}
	return out
}

// Command runs another command of the binary in the gateway's environment and
// returns its output.
func (g *Gateway) Command(args ...string) (string, error) {
	out, err := g.command(args...).CombinedOutput()
	return string(out), err
}

func (g *Gateway) command(args ...string) *exec.Cmd {
	command := exec.Command(g.binary, args...)
	command.Env, command.Dir = g.env, g.Dir
	dieWithParent(command)
	return command
}

// Logs returns what the process has written so far.
func (g *Gateway) Logs() string {
	text, err := os.ReadFile(filepath.Join(g.Dir, "log"))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(text)
}

func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
