package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

//go:embed Caddyfile
var caddyfile []byte

// gateway is the process that serves all sites.
type gateway struct {
	*process
	dir   string
	admin string
	ports map[string]string
}

// startGateway starts the gateway with its data in a directory of that name,
// which may exist. Events are delivered to an endpoint, given as host and port,
// or without one to a port where nothing listens: after a few attempts the
// circuit is open, and deliveries do not affect the measurement.
func startGateway(s settings, name, endpoint string) (*gateway, error) {
	g := &gateway{dir: filepath.Join(s.dir, name)}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if g.ports, err = freePorts("ADMIN", "CLOSED", "RESPOND", "ACCEPT", "PROXY", "INLINE"); err != nil {
		return nil, err
	}
	if endpoint == "" {
		endpoint = "127.0.0.1:" + g.ports["CLOSED"]
	}
	g.admin = "127.0.0.1:" + g.ports["ADMIN"]
	config := filepath.Join(g.dir, "Caddyfile")
	if err := os.WriteFile(config, caddyfile, 0o600); err != nil {
		return nil, err
	}
	environment := []string{"HOME=" + g.dir, "XDG_DATA_HOME=" + g.dir, "XDG_CONFIG_HOME=" + g.dir,
		"STORE=" + g.store(), "SECRET=" + secret, "ADMIN=" + g.admin, "ENDPOINT=" + endpoint}
	for _, name := range []string{"RESPOND", "ACCEPT", "PROXY", "INLINE"} {
		environment = append(environment, name+"="+g.ports[name])
	}
	if g.process, err = startProcess(g.dir, environment, s.binary, "run", "--config", config, "--adapter", "caddyfile"); err != nil {
		return nil, err
	}
	if err := g.waitFor(func() error { _, err := g.pending(); return err }); err != nil {
		g.stop()
		return nil, fmt.Errorf("waiting for the gateway: %w", err)
	}
	return g, nil
}

// store is where the gateway keeps integrations and events.
func (g *gateway) store() string { return filepath.Join(g.dir, "store") }

// remove stops the gateway and removes what it stored.
func (g *gateway) remove() error {
	g.stop()
	return os.RemoveAll(g.dir)
}

func (g *gateway) address(s site) string { return "127.0.0.1:" + g.ports[s.port] }

// pending returns how many stored events are waiting.
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

// outcomes returns how many requests the gateway has answered, by outcome.
func (g *gateway) outcomes() (map[string]int64, error) {
	body, err := g.get("/metrics")
	if err != nil {
		return nil, err
	}
	outcomes := make(map[string]int64)
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		if labels, found := strings.CutPrefix(lines.Text(), "caddy_webhooks_requests_total{outcome="); found {
			var outcome string
			var count float64
			if _, err := fmt.Sscanf(labels, "%q} %g", &outcome, &count); err != nil {
				return nil, fmt.Errorf("reading the metrics: %w", err)
			}
			outcomes[outcome] = int64(count)
		}
	}
	return outcomes, nil
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

// freePorts returns for each name a port on which nothing listens.
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
