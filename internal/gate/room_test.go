package gate

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// Strangers send all but the last byte, and wait. A sender's upload goes on,
// whether it has begun before them, at the same time or after, and strangers
// that come later end each other.
func TestStrangersMakeRoom(t *testing.T) {
	for _, strangers := range []struct {
		name              string
		uploads           int
		size              int64
		clients, webhooks int
		trickle           int64 // bytes, each quarter of a second
		again             bool  // as soon as they are ended
	}{
		{"7 of 20 MiB to the webhook", 7, 20 * mib, 1, 1, 0, false},
		{"7 of 20 MiB from as many addresses", 7, 20 * mib, 7, 1, 0, false},
		{"14 of 20 MiB from 4 addresses to 4 webhooks", 14, 20 * mib, 4, 4, 0, false},
		{"40 of 20 MiB from as many addresses", 40, 20 * mib, 40, 40, 0, false},
		{"300 of 1 MiB from as many addresses", 300, 1 * mib, 300, 300, 0, false},
		{"3000 of 60 KiB from 250 addresses", 3000, 60 << 10, 250, 250, 0, false},
		{"of 20 MiB, one byte after the other", 14, 20 * mib, 4, 4, 1, false},
		{"of 20 MiB, and then slowly", 14, 20 * mib, 4, 4, 15 << 10, false},
		{"14 of 20 MiB, again and again", 14, 20 * mib, 14, 4, 0, true},
		{"100 of 2 MiB, again and again", 100, 2 * mib, 100, 20, 0, true},
	} {
		t.Run(strangers.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFlight(0)
				done := make(chan struct{})
				var group sync.WaitGroup
				// genuine sends a body at so many bytes in each 50 ms.
				genuine := func(name string, client string, size, rate int64) {
					defer group.Done()
					u := someone(f, 1, client, size)
					defer u.release()
					for sent := int64(0); sent < size; sent += rate {
						if over := u.send(min(rate, size-sent), sent+rate >= size); over != nil {
							t.Errorf("%s: %s after %d KiB", name, over.reason, sent>>10)
							return
						}
						time.Sleep(50 * time.Millisecond)
					}
					if over := u.complete(); over != nil {
						t.Errorf("%s: %s", name, over.reason)
					}
				}
				group.Add(1)
				go genuine("before", "192.0.2.1", 2*mib, 16<<10)
				time.Sleep(3 * time.Second)

				var ended sync.WaitGroup
				for i := range strangers.uploads {
					time.Sleep(time.Millisecond)
					ended.Go(func() {
						client := fmt.Sprintf("198.51.%d.%d", i%strangers.clients/250, i%strangers.clients%250)
						for again := true; again; again = strangers.again {
							u := someone(f, byte(1+i%strangers.webhooks%250), client, strangers.size)
							over := u.send(strangers.size - 1)
							for ; over == nil; over = u.wasEnded() {
								select {
								case <-done:
									u.release()
									return
								case <-time.After(250 * time.Millisecond):
								}
								if strangers.trickle > 0 && u.send(strangers.trickle) != nil {
									break
								}
							}
							u.release()
							time.Sleep(5 * time.Millisecond)
						}
					})
				}
				group.Add(2)
				go genuine("at the same time", "192.0.2.2", 2*mib, 16<<10)
				go genuine("at the same time, tiny", "192.0.2.2", 8<<10, 8<<10)
				time.Sleep(2 * time.Second)
				group.Add(3)
				go genuine("after", "192.0.2.3", 20*mib, 4*mib)
				go genuine("after, small", "192.0.2.4", 500<<10, 250<<10)
				go genuine("after, tiny", "192.0.2.5", 8<<10, 8<<10)
				group.Wait()
				close(done)
				ended.Wait()
				checkEmpty(t, f)
			})
		})
	}
}

// The order in which uploads go: the most behind, and while all keep up who took
// most in the shortest time, for which a larger one waits.
func TestWhoGoes(t *testing.T) {
	for _, test := range []struct {
		name   string
		wait   time.Duration // before the upload finds no room
		keep   bool          // the others keep up
		waited bool
		size   int64
		ended  string // 3 is the upload itself
		spent  time.Duration
	}{
		{"the most behind", 1500 * time.Millisecond, false, false, 1 * mib, "[0]", 0},
		{"the most behind, for a tiny one", 1500 * time.Millisecond, false, false, 60 << 10, "[0]", 0},
		{"who falls behind", 0, false, false, 1 * mib, "[0]", 100 * time.Millisecond},
		{"who is behind a little, for a tiny one", 0, false, false, 60 << 10, "[0]", 0},
		{"who took most, for a tiny one", 0, true, false, 60 << 10, "[1]", 0},
		{"who took most", 0, true, true, 1 * mib, "[1]", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFlight(16 * mib) // 4 MiB for an integration
				var others []*upload
				done := make(chan struct{})
				var group sync.WaitGroup
				third := int64(1*mib - 32<<10)
				if test.keep {
					third -= 144 << 10
				}
				for _, size := range []int64{1 * mib, 2 * mib, third} {
					other := someone(f, 1, "", 1*mib)
					others = append(others, other)
					if over := other.send(size); over != nil {
						t.Fatal(over)
					}
					group.Go(func() {
						for test.keep && other.send(8<<10) == nil {
							select {
							case <-done:
								return
							case <-time.After(100 * time.Millisecond):
							}
						}
					})
					time.Sleep(300 * time.Millisecond)
				}
				time.Sleep(test.wait)
				start := time.Now()
				u := someone(f, 1, "", test.size)
				if test.waited {
					u.waited = maxWait
				}
				if over := u.send(test.size); over != nil {
					t.Error(over)
				}
				if spent := time.Since(start); spent < test.spent || spent > test.spent+50*time.Millisecond {
					t.Errorf("it waited for %v", spent)
				}
				var ended []int
				for i, other := range others {
					if over := other.wasEnded(); over == &ofIntegration.ended {
						ended = append(ended, i)
					}
				}
				if fmt.Sprint(ended) != test.ended {
					t.Errorf("ended %v, want %s", ended, test.ended)
				}
				close(done)
				group.Wait()
				for _, u := range append(others, u) {
					u.release()
				}
				checkEmpty(t, f)
			})
		})
	}
}

// One that asks for room after all others have gone on ends itself.
func TestSlowEndsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFlight(16 * mib)
		slow := someone(f, 1, "", 1*mib)
		if over := slow.send(1); over != nil {
			t.Fatal(over)
		}
		time.Sleep(9 * time.Second)
		other := someone(f, 1, "", 4*mib)
		if over := other.send(15 * mib / 4); over != nil {
			t.Fatal(over)
		}
		if over := slow.send(1 * mib); over != &ofIntegration.ended || other.wasEnded() != nil {
			t.Error(over)
		}
	})
}

// What the headers authenticate needs no room among the unknown, and is not
// ended for their sake.
func TestProvenUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFlight(16 * mib)
		proven := someone(f, 1, "192.0.2.1", 3*mib)
		proven.proven = true
		if over := proven.send(3 * mib); over != nil {
			t.Fatal(over)
		}
		time.Sleep(2 * time.Second)
		var unknown []*upload
		for i := range byte(4) {
			u := someone(f, 2+i, fmt.Sprint("192.0.2.", 2+i), 3*mib)
			if over := u.send(3 * mib); over != nil {
				t.Fatal(over)
			}
			unknown = append(unknown, u)
			time.Sleep(2 * time.Second)
		}
		if proven.wasEnded() != nil || unknown[0].wasEnded() != &ofUnproven.ended || unknown[3].wasEnded() != nil {
			t.Error("the wrong one was ended")
		}
		if over := someone(f, 1, "192.0.2.9", 1*mib).send(1*mib + 1); over != nil || proven.wasEnded() != &ofIntegration.ended {
			t.Errorf("%v; for its own integration it is", over)
		}
	})
}

// An upload that is ended is told so at once, whatever it was waiting for, and
// the one that needed its room is taken.
func TestEndedUpload(t *testing.T) {
	other := github(func(it *integration.Integration) { it.WebhookID, it.Identity = "other", storage.Identity{2} })
	for _, framing := range []string{"length", "chunks", "HTTP/2", "HTTP/2 with a length"} {
		for path, reason := range map[string]string{"/webhooks/hook": ofIntegration.ended.reason, "/webhooks/other": ofClient.ended.reason} {
			t.Run(framing+" at "+path, func(t *testing.T) {
				b := newBackend(t, github(), other)
				b.flight.SetLimit(4000)
				g := New(Settings{})
				seen := make(chan Seen, 2)
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					seen <- g.Serve(w, r, "192.0.2.1", b.Acquire)
				}))
				s.EnableHTTP2 = framing[:4] == "HTTP"
				s.StartTLS()
				defer s.Close()
				send := func(path string, body io.Reader, length int64) *http.Response {
					r, err := http.NewRequest(http.MethodPost, s.URL+path, body)
					if err != nil {
						t.Error(err)
						return nil
					}
					r.Header, r.ContentLength = signed("push", "1", push), length
					res, err := s.Client().Do(r)
					if err != nil {
						t.Error(err)
						return nil
					}
					res.Body.Close()
					return res
				}
				body, feed := io.Pipe()
				defer feed.Close()
				var stranger sync.WaitGroup
				stranger.Go(func() {
					length := int64(-1)
					if framing == "length" || framing == "HTTP/2 with a length" {
						length = 1000
					}
					if res := send("/webhooks/hook", body, length); res != nil && res.StatusCode != http.StatusRequestTimeout {
						t.Errorf("the stranger gets %d", res.StatusCode)
					}
				})
				feed.Write(make([]byte, 990))
				for deadline := time.Now().Add(5 * time.Second); b.flight.Used() != 990 && time.Now().Before(deadline); {
					<-time.After(time.Millisecond)
				}
				start := time.Now()
				if res := send(path, strings.NewReader(push), int64(len(push))); res != nil && res.StatusCode != http.StatusAccepted {
					t.Errorf("the sender gets %d", res.StatusCode)
				}
				stranger.Wait()
				if spent := time.Since(start); spent > 4*time.Second {
					t.Errorf("it took %v", spent)
				}
				for range 2 {
					if one := <-seen; one.StatusCode == http.StatusRequestTimeout && (one.Reason != reason || one.Outcome != TooSlow) {
						t.Errorf("seen %s, %s", one.Outcome, one.Reason)
					}
				}
			})
		}
	}
}
