package integrationtests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// octokit is GitHub's example payloads with the signatures that GitHub's own
// library creates with one secret.
type octokit struct {
	Secret     string
	Deliveries []struct{ Event, Signature, Body string }
}

// TestOctokit sends one real payload of each of GitHub's event types.
func TestOctokit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/octokit/deliveries.json")
	if err != nil {
		t.Fatal(err)
	}
	testOctokit(t, text, 58)
}

// TestOctokitSignedAnew sends every example payload, signed by GitHub's own
// library while the test runs.
func TestOctokitSignedAnew(t *testing.T) {
	t.Parallel()
	needLibraries(t, "octokit")
	command := exec.Command("node", filepath.Join("octokit", "generate.mjs"), "all")
	command.Env = append(os.Environ(), "SECRET="+t.Name()+strconv.Itoa(os.Getpid()))
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	testOctokit(t, text, 300)
}

// testOctokit checks that each delivery is accepted and arrives byte for byte,
// and that a flipped bit in body, signature or secret is refused.
func testOctokit(t *testing.T, text []byte, least int) {
	var examples octokit
	if err := json.Unmarshal(text, &examples); err != nil {
		t.Fatal(err)
	}
	if len(examples.Deliveries) < least {
		t.Fatalf("%d deliveries, want at least %d", len(examples.Deliveries), least)
	}
	otherSecret := flip([]byte(examples.Secret), 3)
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config(fmt.Sprintf(`
		integration octokit {
			project demo
			signature github {env.SECRET}
			event_filter * ping
			resource ticket octokit
		}
		integration other-secret {
			project demo
			signature github {env.OTHER_SECRET}
			event_filter * ping
			resource ticket octokit
		}
		%s`, gateway.Ticket(sink)), gateway.Edge), "SECRET="+examples.Secret, "OTHER_SECRET="+string(otherSecret))

	const senders = 8
	var (
		mu       sync.Mutex
		accepted = map[string][]byte{}
		sending  sync.WaitGroup
		types    = map[string]bool{}
	)
	for sender := range senders {
		sending.Go(func() {
			for i := sender; i < len(examples.Deliveries); i += senders {
				d, payload := examples.Deliveries[i], []byte(examples.Deliveries[i].Body)
				send := func(id, delivery, signature string, body []byte) (int, string) {
					header := gateway.GitHub("", d.Event, delivery, nil)
					header.Set("X-Hub-Signature-256", signature)
					answer, err := g.Try("POST", "http://"+g.Addr+"/webhooks/"+id, header, bytes.NewReader(body))
					if err != nil {
						t.Errorf("%s %d: %v", d.Event, i, err)
						return 0, ""
					}
					var object struct{ ID string }
					json.Unmarshal(answer.Body, &object)
					return answer.Status, object.ID
				}
				status, id := send("octokit", fmt.Sprint("good-", i), d.Signature, payload)
				if status != 202 {
					t.Errorf("%s %d: status %d, want 202", d.Event, i, status)
				}
				mu.Lock()
				accepted[id], types[d.Event] = payload, true
				mu.Unlock()

				for what, status := range map[string]int{
					"body":      first(send("octokit", fmt.Sprint("body-", i), d.Signature, flip(payload, i*31))),
					"signature": first(send("octokit", fmt.Sprint("signature-", i), string(flip([]byte(d.Signature), len("sha256=")*8+i*7)), payload)),
					"secret":    first(send("other-secret", fmt.Sprint("secret-", i), d.Signature, payload)),
				} {
					if status != 401 {
						t.Errorf("%s %d with another %s: status %d, want 401", d.Event, i, what, status)
					}
				}
			}
		})
	}
	sending.Wait()
	gateway.Eventually(t, "all have arrived", func() bool { return len(sink.Events()) >= len(accepted) })
	for _, d := range sink.Deliveries() {
		payload, known := accepted[d.Event()]
		if !known || !bytes.Equal(d.Body, payload) {
			t.Errorf("event %s (%s) did not arrive as it was sent", d.Event(), d.Header.Get("X-GitHub-Event"))
		}
	}
	if len(accepted) != len(examples.Deliveries) {
		t.Errorf("%d of %d were accepted", len(accepted), len(examples.Deliveries))
	}
	t.Logf("%d deliveries of %d event types", len(examples.Deliveries), len(types))
}

// flip returns a copy with one bit changed. It changes only low bits, so that a
// header stays a header.
func flip(text []byte, bit int) []byte {
	changed := bytes.Clone(text)
	changed[bit/8%len(changed)] ^= 1 << (bit % 3)
	return changed
}

func first(status int, _ string) int { return status }
