package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience bounds every wait for something that should be quick.
const patience = 30 * time.Second

//go:embed Caddyfile
var caddyfile []byte

// site is one of the sites that are compared. Outcome is what its requests
// count as in the gateway's own metric, "" when they never reach it.
type site struct {
	name, port, outcome string
}

const (
	respond = "respond 202"
	accept  = "webhooks"
	proxy   = "reverse_proxy"
	inline  = "webhooks inline"
)

var sites = []site{
	{respond, "RESPOND", ""},
	{accept, "ACCEPT", "accepted"},
	{proxy, "PROXY", ""},
	{inline, "INLINE", "passed"},
}

// gateway is the process that serves all the sites.
type gateway struct {
	process *exec.Cmd
	ended   chan struct{}
	log     string
	admin   string
	ports   map[string]string
}

func startGateway(ctx context.Context, s settings) (*gateway, error) {
	g := &gateway{log: filepath.Join(s.dir, "log"), ended: make(chan struct{})}
	var err error
	if g.ports, err = freePorts("ADMIN", "CLOSED", "RESPOND", "ACCEPT", "PROXY", "INLINE"); err != nil {
		return nil, err
	}
	g.admin = "127.0.0.1:" + g.ports["ADMIN"]
	config := filepath.Join(s.dir, "Caddyfile")
	if err := os.WriteFile(config, caddyfile, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(g.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	g.process = exec.Command(s.binary, "run", "--config", config, "--adapter", "caddyfile")
	g.process.Stdout, g.process.Stderr = log, log
	g.process.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir,
		"STORE="+filepath.Join(s.dir, "store"), "SECRET="+secret)
	for name, port := range g.ports {
		if name == "ADMIN" || name == "CLOSED" {
			port = "127.0.0.1:" + port
		}
		g.process.Env = append(g.process.Env, name+"="+port)
	}
	if err := g.process.Start(); err != nil {
		return nil, fmt.Errorf("starting the gateway: %w", err)
	}
	go func() {
		g.process.Wait()
		close(g.ended)
	}()
	if err := g.waitReady(ctx); err != nil {
		g.stop()
		return nil, fmt.Errorf("%w; the end of its log:\n%s", err, g.tail())
	}
	return g, nil
}

func (g *gateway) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := g.pending(); err == nil {
			return nil
		}
		select {
		case <-g.ended:
			return errors.New("the gateway ended")
		case <-ctx.Done():
			return fmt.Errorf("the gateway does not start: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// stop ends the process and waits for it.
func (g *gateway) stop() {
	g.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.process.Process.Kill()
		<-g.ended
	}
}

func (g *gateway) url(s site) string { return "http://127.0.0.1:" + g.ports[s.port] }

// tail is the end of what the process wrote.
func (g *gateway) tail() string {
	text, _ := os.ReadFile(g.log)
	return string(text[max(0, len(text)-4<<10):])
}

// pending asks how many events are stored and wait.
func (g *gateway) pending() (int64, error) {
	body, err := g.get("/webhooks/status")
	if err != nil {
		return 0, err
	}
	var status struct {
		Events struct {
			Pending int64 `json:"pending"`
		} `json:"events"`
	}
	err = json.Unmarshal(body, &status)
	return status.Events.Pending, err
}

// metrics reads how many requests the gateway has answered, by outcome, and how
// many seconds of processor time it has used.
func (g *gateway) metrics() (outcomes map[string]int64, cpu float64, err error) {
	body, err := g.get("/metrics")
	if err != nil {
		return nil, 0, err
	}
	outcomes = make(map[string]int64)
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		if labels, found := strings.CutPrefix(lines.Text(), "caddy_webhooks_requests_total{outcome="); found {
			var outcome string
			var count float64
			if _, err := fmt.Sscanf(labels, "%q} %g", &outcome, &count); err != nil {
				return nil, 0, fmt.Errorf("reading the metrics: %w", err)
			}
			outcomes[outcome] = int64(count)
		}
		if seconds, found := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); found {
			if cpu, err = strconv.ParseFloat(seconds, 64); err != nil {
				return nil, 0, fmt.Errorf("reading the metrics: %w", err)
			}
		}
	}
	return outcomes, cpu, nil
}

func (g *gateway) get(path string) ([]byte, error) {
	client := http.Client{Timeout: patience}
	response, err := client.Get("http://" + g.admin + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("asking for %s: %s", path, response.Status)
	}
	return body, err
}

// freePorts returns a port for each name on which nobody listens.
func freePorts(names ...string) (map[string]string, error) {
	ports := make(map[string]string)
	for _, name := range names {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // after all are chosen, so that they differ
		_, ports[name], _ = net.SplitHostPort(listener.Addr().String())
	}
	return ports, nil
}
