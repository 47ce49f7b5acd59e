package integrationtests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// Soft Serve does not send to loopback or private addresses. So the test runs
// in its own network namespace, where an address that it considers public is
// ours.
const (
	softServeHost    = "192.88.99.1"
	softServeNetwork = "HOOKGATE_TEST_NETWORK"
)

// TestSoftServe makes a real Git server sign the webhooks of a push: one in
// JSON, one as a form, one with another secret, and one that shows what was
// sent.
func TestSoftServe(t *testing.T) {
	t.Parallel()
	program := builtSender(t, "soft")
	if os.Getenv(softServeNetwork) == "" {
		runInOwnNetwork(t, "unshare", "ip", "ssh", "ssh-keygen", "git")
		return
	}
	sink := gateway.NewSink(t)
	config := gateway.Config(fmt.Sprintf(`
		integration json {
			project demo
			signature soft-serve %[1]q
			event_filter push
			resource ticket json
		}
		integration form {
			project demo
			signature soft-serve %[1]q
			resource ticket form
		}
		integration other {
			project demo
			signature soft-serve "another secret"
			resource ticket other
		}
		%[2]s`, secret, gateway.Ticket(sink)), gateway.Edge)
	g := gateway.Start(t, strings.Replace(config, "bind 127.0.0.1", "bind 127.0.0.1 "+softServeHost, 1))
	_, port, err := net.SplitHostPort(g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	shown := listenForWebhooks(t, softServeHost)

	s := startSoftServe(t, program)
	s.ssh(t, "repo", "create", "demo")
	base := "http://" + net.JoinHostPort(softServeHost, port) + "/webhooks/"
	for _, hook := range [][2]string{{base + "json", "json"}, {base + "form", "form"}, {base + "other", "json"}, {shown.url, "json"}} {
		s.ssh(t, "repo", "webhook", "create", "demo", hook[0], "--events", "push", "--secret", "'"+strings.ReplaceAll(secret, "'", `'\''`)+"'", "--content-type", hook[1])
	}
	s.push(t, "demo", "Grüße — 🚀")

	sent := shown.next(t)
	gateway.Eventually(t, "both events have arrived", func() bool { return len(sink.Deliveries()) >= 2 })
	arrived := map[string]gateway.Delivery{}
	for _, d := range sink.Deliveries() {
		arrived[d.Header.Get("X-Webhook-Id")] = d
		if d.Header.Get("X-Webhook-Event") != "push" || d.Header.Get("X-Webhook-Delivery") == "" || d.Header.Get("X-Softserve-Signature") != "" {
			t.Errorf("the sink got the headers %v", d.Header)
		}
	}
	if !bytes.Equal(arrived["json"].Body, sent.Body) || !json.Valid(sent.Body) {
		t.Errorf("the sink got %q, sent was %q", arrived["json"].Body, sent.Body)
	}
	if kind := arrived["form"].Header.Get("Content-Type"); kind != "application/x-www-form-urlencoded" {
		t.Errorf("the form arrived as %q", kind)
	}

	// Soft Serve records the answers.
	var said string
	gateway.Eventually(t, "Soft Serve knows the answers", func() bool {
		said = s.ssh(t, "repo", "webhook", "deliver", "list", "demo", "3")
		return strings.Contains(said, "❌")
	})
	if strings.Contains(said, "✅") {
		t.Errorf("the delivery under another secret: %s", said)
	}
	problem(t, g.Post("/webhooks/json", sent.Header, flip(sent.Body, 1)), http.StatusUnauthorized)
	problem(t, g.Post("/webhooks/other", sent.Header, sent.Body), http.StatusUnauthorized)
	g.Post("/webhooks/json", sent.Header, sent.Body).Want(t, http.StatusAccepted)
}

// runInOwnNetwork runs the test again, in a new network namespace with that one
// address.
func runInOwnNetwork(t *testing.T, programs ...string) {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			gateway.LeaveOut(t, program+" is not installed")
		}
	}
	if out, err := exec.Command("unshare", "-rn", "true").CombinedOutput(); err != nil {
		gateway.LeaveOut(t, "no network of its own can be made: "+string(out))
	}
	again := exec.CommandContext(t.Context(), "unshare", "-rn", "sh", "-c",
		`ip link set lo up && ip address add `+softServeHost+`/32 dev lo && exec "$0" "$@"`,
		os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=3m")
	again.Env = append(os.Environ(), softServeNetwork+"=1", "HOOKGATE_BIN="+gateway.Binary(t))
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// listener records what a sender sends.
type listener struct {
	url      string
	requests chan gateway.Delivery
}

func listenForWebhooks(t *testing.T, host string) *listener {
	t.Helper()
	socket := gateway.Listen(t, host+":0")
	l := &listener{"http://" + socket.Addr().String() + "/", make(chan gateway.Delivery, 8)}
	go http.Serve(socket, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			l.requests <- gateway.Delivery{Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone(), Body: body}
		}
	}))
	return l
}

// next waits for the next request.
func (l *listener) next(t *testing.T) gateway.Delivery {
	t.Helper()
	select {
	case d := <-l.requests:
		return d
	case <-time.After(gateway.Patience):
		t.Fatal("nothing was sent")
		return gateway.Delivery{}
	}
}

// softServe is a running Git server, and how its administrator talks to it.
type softServe struct {
	dir, port string
	options   []string // of ssh
}

func startSoftServe(t *testing.T, program string) *softServe {
	t.Helper()
	s := &softServe{dir: t.TempDir()}
	key := filepath.Join(s.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	addr := gateway.FreeAddr(t)
	if _, s.port, err = net.SplitHostPort(addr); err != nil {
		t.Fatal(err)
	}
	s.options = []string{
		"-i", key, "-F", "none", "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
	}
	process := exec.Command(program, "serve")
	process.Env = append(os.Environ(),
		"SOFT_SERVE_DATA_PATH="+filepath.Join(s.dir, "data"), "SOFT_SERVE_INITIAL_ADMIN_KEYS="+string(public),
		"SOFT_SERVE_SSH_LISTEN_ADDR="+addr,
		"SOFT_SERVE_HTTP_ENABLED=false", "SOFT_SERVE_GIT_ENABLED=false", "SOFT_SERVE_STATS_ENABLED=false",
	)
	startSender(t, "Soft Serve", process, os.Kill)
	gateway.Eventually(t, "Soft Serve answers", func() bool { return s.command("info").Run() == nil })
	return s
}

// ssh runs a command of the server and returns its output.
func (s *softServe) ssh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("soft %v: %v\n%s", args[:min(3, len(args))], err, out)
	}
	return string(out)
}

func (s *softServe) command(args ...string) *exec.Cmd {
	return exec.Command("ssh", slices.Concat([]string{"-p", s.port}, s.options, []string{"127.0.0.1"}, args)...)
}

// push pushes one empty commit.
func (s *softServe) push(t *testing.T, repository, message string) {
	t.Helper()
	work := filepath.Join(s.dir, "work")
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main", work},
		{"-C", work, "-c", "user.name=tests", "-c", "user.email=tests@example.com", "commit", "--quiet", "--allow-empty", "--message", message},
		{"-C", work, "push", "--quiet", "ssh://127.0.0.1:" + s.port + "/" + repository, "main"},
	} {
		git := exec.Command("git", args...)
		git.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_SSH_COMMAND=ssh "+strings.Join(s.options, " "))
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}
