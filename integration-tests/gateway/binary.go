package gateway

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Binary returns the path of the binary under test: $HOOKGATE_BIN (relative to
// the top folder, unless absolute), or what `make build` builds, which is run
// once.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("building the gateway: %v", err)
	}
	return path
}

// ExampleBinary returns the path of the binary with the example trigger of docs/
// in it: $HOOKGATE_EXAMPLE_BIN, or what `make build-example` builds.
func ExampleBinary(t testing.TB) string {
	t.Helper()
	path, err := exampleBinary()
	if err != nil {
		t.Fatalf("building the gateway with the example trigger: %v", err)
	}
	return path
}

var (
	binary        = built("HOOKGATE_BIN", "build", "hookgate")
	exampleBinary = built("HOOKGATE_EXAMPLE_BIN", "build-example", "hookgate-example")
)

// built returns what finds a binary by its variable, or builds it once.
func built(variable, target, name string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		root, err := root()
		if err != nil {
			return "", err
		}
		if path := os.Getenv(variable); filepath.IsAbs(path) {
			return path, nil
		} else if path != "" {
			return filepath.Join(root, path), nil
		}
		if out, err := exec.Command("make", "-C", root, target).CombinedOutput(); err != nil {
			return "", fmt.Errorf("make %s: %w\n%s", target, err, out)
		}
		return filepath.Join(root, "bin", name), nil
	})
}

// Root returns the top folder of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// LeaveOut ends a test that this machine cannot run, with the reason. If every
// test must run (HOOKGATE_TEST_FULL=1), it is a failure instead.
func LeaveOut(t testing.TB, reason string) {
	t.Helper()
	if Full() {
		t.Fatalf("HOOKGATE_TEST_FULL is set, but: %s", reason)
	}
	t.Skipf("left out: %s", reason)
}

// Full reports whether every test must run, including the long ones.
func Full() bool { return os.Getenv("HOOKGATE_TEST_FULL") == "1" }

// Eventually waits until the condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	if !Within(Patience, condition) {
		t.Fatalf("waited %v in vain until %s", Patience, what)
	}
}

// Within polls a condition until it holds or the time is up.
func Within(limit time.Duration, condition func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(limit); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// The ports are below those that the system gives to outgoing connections, so
// that none is taken between choosing and using it.
const firstPort, ports = 20000, 12000

var nextPort atomic.Int64

func init() { nextPort.Store(int64(os.Getpid()*37%ports) + time.Now().UnixNano()%97) }

func freePort(t testing.TB) string {
	t.Helper()
	for range ports {
		port := strconv.FormatInt(firstPort+nextPort.Add(1)%ports, 10)
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		listener.Close()
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// FreeAddr returns a host and port where nothing listens.
func FreeAddr(t testing.TB) string {
	t.Helper()
	return "127.0.0.1:" + freePort(t)
}

// Listen listens on an address that was free. A process that was just forked
// may hold it until it executes another program.
func Listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	var listener net.Listener
	var err error
	Within(time.Second, func() bool {
		listener, err = net.Listen("tcp", addr)
		return err == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
