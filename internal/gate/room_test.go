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
		pause             time.Duration // after each MiB
		trickle           int64         // bytes, each quarter of a second
		again             bool          // as soon as they are ended
	}{
		{name: "7 of 20 MiB to the webhook", uploads: 7, size: 20 * mib, clients: 1, webhooks: 1},
		{name: "7 of 20 MiB from as many addresses", uploads: 7, size: 20 * mib, clients: 7, webhooks: 1},
		{name: "14 of 20 MiB from 4 addresses to 4 webhooks", uploads: 14, size: 20 * mib, clients: 4, webhooks: 4},
		{name: "40 of 20 MiB from as many addresses", uploads: 40, size: 20 * mib, clients: 40, webhooks: 40},
		{name: "300 of 1 MiB from as many addresses", uploads: 300, size: 1 * mib, clients: 300, webhooks: 300},
		{name: "3000 of 60 KiB from 250 addresses", uploads: 3000, size: 60 << 10, clients: 250, webhooks: 250},
		{name: "of 20 MiB, one byte after the other", uploads: 14, size: 20 * mib, clients: 4, webhooks: 4, trickle: 1},
		{name: "of 20 MiB, and then slowly", uploads: 14, size: 20 * mib, clients: 4, webhooks: 4, trickle: 15 << 10},
		{name: "14 of 20 MiB, side by side", uploads: 14, size: 20 * mib, clients: 4, webhooks: 4, pause: 50 * time.Millisecond},
		{name: "40 of 20 MiB, side by side", uploads: 40, size: 20 * mib, clients: 40, webhooks: 40, pause: 50 * time.Millisecond},
		{name: "14 of 20 MiB, again and again", uploads: 14, size: 20 * mib, clients: 14, webhooks: 4, again: true},
		{name: "40 of 20 MiB, side by side, again and again", uploads: 40, size: 20 * mib, clients: 40, webhooks: 40, pause: 50 * time.Millisecond, again: true},
		{name: "100 of 2 MiB, again and again", uploads: 100, size: 2 * mib, clients: 100, webhooks: 20, again: true},
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
							var over *overflow
							for left := strangers.size - 1; left > 0 && over == nil; left -= mib {
								over = u.send(min(left, mib))
								time.Sleep(strangers.pause)
							}
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
		{"the most behind", 1500 * time.Millisecond, false, false, 1 * mib, "[0 1]", 0},
		{"the most behind, for a tiny one", 1500 * time.Millisecond, false, false, 60 << 10, "[0]", 0},
		{"who falls behind", 0, false, false, 1 * mib, "[0 1]", 280 * time.Millisecond},
		{"who is behind a little, for a tiny one", 0, false, false, 60 << 10, "[0]", 0},
		{"who took most, for a tiny one", 0, true, false, 60 << 10, "[1]", 0},
		{"who took most", 0, true, true, 600 << 10, "[1]", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFlight(16 * mib) // 4 MiB for an integration
				var others []*upload
				done := make(chan struct{})
				var group sync.WaitGroup
				// 4 MiB less 16 KiB, and, while the others keep up, what they send more.
				for _, size := range []int64{800 << 10, 900 << 10, 800 << 10, 800 << 10, 780 << 10} {
					other := someone(f, 1, "", 1*mib)
					others = append(others, other)
					if over := other.send(size); over != nil {
						t.Fatal(over)
					}
					group.Go(func() {
						for test.keep && other.send(7<<10) == nil {
							select {
							case <-done:
								return
							case <-time.After(100 * time.Millisecond):
							}
						}
					})
					time.Sleep(180 * time.Millisecond)
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

// A large body takes its room at once, and gives back what it did not need. Those
// that wait for theirs come in turn, and after all others those whose network has
// held others up.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFlight(16 * mib) // 3.75 MiB for large bodies of an integration
		staller := someone(f, 1, "198.51.100.1", 3*mib)
		if over := staller.send(1 * mib); over != nil || f.Used() != mib || f.all.bytes.Load() != 3*mib {
			t.Fatalf("%v; %d bytes are counted, %d taken", over, f.Used(), f.all.bytes.Load())
		}
		time.Sleep(2 * time.Second)
		var order []string
		var group sync.WaitGroup
		for _, client := range []string{"198.51.100.2", "192.0.2.1", "192.0.2.2"} {
			u := someone(f, 1, client, 3*mib)
			group.Go(func() {
				if over := u.send(3*mib, true); over != nil {
					t.Errorf("%s: %s", client, over.reason)
				}
				order = append(order, client)
				time.Sleep(100 * time.Millisecond)
				u.release()
			})
			time.Sleep(time.Microsecond)
			if staller.wasEnded() == nil {
				t.Fatal("who stands still is not ended")
			}
			if client == "198.51.100.2" { // it has the room now
				continue
			}
		}
		again := someone(f, 1, "198.51.100.1", 3*mib)
		again.start = again.start.Add(-time.Hour) // it may say that it came first
		group.Go(func() {
			if over := again.send(3*mib, true); over != nil {
				t.Error(over.reason)
			}
			order = append(order, "again")
			again.release()
		})
		group.Wait()
		if got := fmt.Sprint(order); got != "[198.51.100.2 192.0.2.1 192.0.2.2 again]" {
			t.Errorf("in the order %s", got)
		}

		unknown := someone(f, 1, "192.0.2.1", -1)
		unknown.most = 3*mib - 1
		if over := unknown.send(1*mib + 1); over != nil || f.all.bytes.Load() != 3*mib {
			t.Errorf("%v; of an unknown length it takes %d", over, f.all.bytes.Load())
		}
		if over := unknown.complete(); over != nil || f.all.bytes.Load() != mib+1 || f.all.large.Load() != mib+1 {
			t.Errorf("%v; it keeps %d", over, f.all.bytes.Load())
		}
		for _, u := range []*upload{staller, unknown} {
			u.release()
		}
		checkEmpty(t, f)
	})
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
		other := someone(f, 1, "", 15*mib/4)
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
