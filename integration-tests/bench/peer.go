package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// peer is another program that receives webhooks: Debian's package webhook,
// which checks a signature and runs a command. It stores nothing.
type peer struct {
	*process
	name, address string
}

const (
	peerRuns   = "webhook, runs true"
	peerChecks = "webhook, runs nothing"
)

// startPeers starts the program twice, if it is installed: one runs a command
// for each request and answers when that has exited; the other has a rule that
// never matches, so it reads, verifies and answers.
func startPeers(s settings) ([]*peer, error) {
	if path, _ := exec.LookPath("webhook"); path == "" {
		fmt.Print("The package webhook is not installed and is left out.\n\n")
		return nil, nil
	}
	signature := rule("payload-hmac-sha256", "X-Hub-Signature-256", "secret", secret)
	never := rule("value", "X-GitHub-Event", "value", "never")
	var peers []*peer
	for name, hook := range map[string]map[string]any{
		peerRuns:   {"trigger-rule": signature, "include-command-output-in-response": true},
		peerChecks: {"trigger-rule": map[string]any{"and": []any{signature, never}}, "trigger-rule-mismatch-http-response-code": 202},
	} {
		p, err := startPeer(s, name, hook)
		if err != nil {
			for _, p := range peers {
				p.stop()
			}
			return nil, fmt.Errorf("starting %s: %w", name, err)
		}
		peers = append(peers, p)
	}
	if peers[0].name == peerChecks {
		peers[0], peers[1] = peers[1], peers[0]
	}
	return peers, nil
}

// rule is a rule that matches one header.
func rule(kind, header, field, value string) map[string]any {
	return map[string]any{"match": map[string]any{
		"type": kind, field: value, "parameter": map[string]string{"source": "header", "name": header},
	}}
}

func startPeer(s settings, name string, hook map[string]any) (*peer, error) {
	hook["id"], hook["execute-command"], hook["success-http-response-code"] = "bench", "/bin/true", 202
	hooks, err := json.Marshal([]any{hook})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(s.dir, "peer-")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "hooks.json")
	if err := os.WriteFile(file, hooks, 0o600); err != nil {
		return nil, err
	}
	ports, err := freePorts("HOOKS")
	if err != nil {
		return nil, err
	}
	p := &peer{name: name, address: "127.0.0.1:" + ports["HOOKS"]}
	if p.process, err = startProcess(dir, nil, "webhook", "-hooks", file, "-ip", "127.0.0.1", "-port", ports["HOOKS"],
		"-urlprefix", "webhooks"); err != nil {
		return nil, err
	}
	if err := p.waitFor(func() error {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			conn.Close()
		}
		return err
	}); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}
