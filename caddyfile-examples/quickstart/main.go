// Command quickstart demonstrates the gateway: it starts it with the Caddyfile
// beside it, sends it a signed GitHub event as GitHub would, stands in for the
// endpoint that the event's trigger calls, and keeps serving until it is
// interrupted. `make run` runs it, from the root of the checkout.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	folder    = ".work/quickstart"
	caddyfile = "caddyfile-examples/quickstart/Caddyfile"
	binary    = "bin/hookgate"

	edgeAddress    = "127.0.0.1:8090"
	adminAddress   = "127.0.0.1:2029"
	triggerAddress = "127.0.0.1:8099"

	hookURL   = "http://" + edgeAddress + "/webhooks/github-pr-review"
	statusURL = "http://" + adminAddress + "/webhooks/status"

	// secret is the one in GitHub's documentation; on this machine's loopback it
	// protects nothing but the demonstration.
	secret = "It's a Secret to Everybody"

	patience = 30 * time.Second
)

// payload is a pull_request event as GitHub sends it.
//
//go:embed pull_request.json
var payload []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if err := checkPorts(edgeAddress, adminAddress, triggerAddress); err != nil {
		return err
	}
	deliveries := make(chan delivery, 16)
	endpoint, err := startEndpoint(deliveries)
	if err != nil {
		return err
	}
	defer endpoint.Close()

	gateway, err := startGateway()
	if err != nil {
		return err
	}
	defer func() { _ = gateway.stop() }() // it may already have ended
	if err := gateway.waitReady(ctx); err != nil {
		return err
	}
	step("Hookgate serves webhooks on http://%s, its admin API on http://%s.", edgeAddress, adminAddress)

	if err := send(ctx); err != nil {
		return err
	}
	select {
	case d := <-deliveries:
		d.print()
	case err := <-gateway.ended:
		return fmt.Errorf("the gateway ended: %w; see %s", err, gateway.log)
	case <-time.After(patience):
		return fmt.Errorf("the trigger was not called within %s; see %s", patience, gateway.log)
	case <-ctx.Done():
		return ctx.Err()
	}
	printNext()
	for {
		select {
		case d := <-deliveries:
			d.print()
		case err := <-gateway.ended:
			return fmt.Errorf("the gateway ended: %w; see %s", err, gateway.log)
		case <-ctx.Done():
			fmt.Println("\nStopping.")
			return nil
		}
	}
}

func step(format string, values ...any) { fmt.Printf("\n==> "+format+"\n", values...) }

// checkPorts reports an address that is in use before anything is started.
func checkPorts(addresses ...string) error {
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("%s is in use: stop the program that listens there (another `make run`, perhaps) and try again", address)
		}
		listener.Close()
	}
	return nil
}

// send acts as GitHub.
func send(ctx context.Context) error {
	guid := newGUID()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, hookURL, strings.NewReader(string(payload)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "GitHub-Hookshot/quickstart")
	request.Header.Set("X-GitHub-Event", "pull_request")
	request.Header.Set("X-GitHub-Delivery", guid)
	request.Header.Set("X-Hub-Signature-256", sign(payload))
	step("Sending a pull_request event of %d bytes, signed as GitHub signs, delivery %s.", len(payload), guid)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("sending the event: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	fmt.Printf("    %s %s\n", response.Status, strings.TrimSpace(string(answer)))
	if response.StatusCode != http.StatusAccepted {
		return errors.New("the event was not accepted")
	}
	return nil
}

func sign(body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func newGUID() string {
	var raw [16]byte
	rand.Read(raw[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
}

func printNext() {
	body := `{"ref":"refs/heads/main"}`
	step("It keeps serving until Ctrl-C. The webhook's URL:")
	fmt.Printf("    %s\n", hookURL)
	step("Send it an event of your own (a second time it is a duplicate):")
	fmt.Printf(`    curl -i %s \
      -H 'Content-Type: application/json' \
      -H 'X-GitHub-Event: push' \
      -H 'X-GitHub-Delivery: %s' \
      -H 'X-Hub-Signature-256: %s' \
      -d '%s'
`, hookURL, newGUID(), sign([]byte(body)), body)
	step("Create another integration, without a reload, and call it:")
	fmt.Printf(`    curl -X PUT http://%s/webhooks/projects/demo/integrations/my-first \
      -H 'Content-Type: application/json' \
      -d '{"authentication":{"secure_header":{"name":"X-Secure-Header","value":"change-me"}},"resource":{"type":"demo","id":"reviewer"}}'

    curl -i http://%s/webhooks/my-first -H 'X-Secure-Header: change-me' -d 'anything'
`, adminAddress, edgeAddress)
	step("What has happened so far:")
	fmt.Printf("    curl http://%s/webhooks/projects/demo/integrations/github-pr-review/events\n", adminAddress)
}

// gateway is the running bin/hookgate.
type gateway struct {
	process *exec.Cmd
	log     string
	ended   chan error
}

func startGateway() (*gateway, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	home, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	g := &gateway{log: filepath.Join(folder, "hookgate.log"), ended: make(chan error, 1)}
	output, err := os.Create(g.log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	g.process = exec.Command(binary, "run", "--config", caddyfile)
	g.process.Stdout, g.process.Stderr = output, output
	g.process.Env = append(os.Environ(), "GITHUB_WEBHOOK_SECRET="+secret,
		"HOME="+home, "XDG_DATA_HOME="+filepath.Join(home, "data"), "XDG_CONFIG_HOME="+filepath.Join(home, "config"))
	// Outside of the terminal's process group: Ctrl-C reaches only this program,
	// which then stops the gateway.
	g.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.process.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	go func() {
		err := g.process.Wait()
		if err == nil {
			err = errors.New("without an error")
		}
		g.ended <- err
	}()
	return g, nil
}

func (g *gateway) waitReady(ctx context.Context) error {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if response, err := http.Get(statusURL); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-g.ended:
			g.ended <- err
			return fmt.Errorf("the gateway did not start: %w; see %s", err, g.log)
		case <-deadline:
			return fmt.Errorf("the gateway did not answer within %s; see %s", patience, g.log)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// stop stops the gateway and waits until it has ended.
func (g *gateway) stop() error {
	if err := g.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-g.ended
}
