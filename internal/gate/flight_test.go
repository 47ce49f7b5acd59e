package gate

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// someone begins an upload to a Flight.
func someone(f *Flight, integration byte, client string, announced int64) *upload {
	u := new(upload)
	control := http.NewResponseController(&deadlines{ResponseRecorder: httptest.NewRecorder()})
	u.begin(f, storage.Identity{integration}, client, announced, DefaultMaxBody, false, control, time.Now())
	return u
}

// send sends n bytes of a body of which more is to come, unless they are the last.
func (u *upload) send(n int64, last ...bool) *overflow {
	const piece = maxRead
	for ; n > piece; n -= piece {
		if over := u.take(piece, time.Now(), false); over != nil {
			return over
		}
	}
	return u.take(n, time.Now(), len(last) > 0 && last[0])
}

const mib = 1 << 20

// Each share is in force whatever else there is, and each is refused under its
// own name where nobody can make room: what is complete is never ended.
func TestShares(t *testing.T) {
	complete := func(f *Flight, integration byte, client string, bytes int64, proven bool) {
		u := someone(f, integration, client, bytes)
		if u.take(bytes, time.Now(), true) != nil || u.complete() != nil {
			t.Fatal("there is room")
		}
		if proven {
			u.prove()
		}
	}
	for _, test := range []struct {
		name string
		held func(f *Flight)
		n    int64
		want *overflow
	}{
		{"nothing", func(*Flight) {}, 15 * mib, nil},
		{"an integration's quarter", func(f *Flight) { complete(f, 1, "192.0.2.9", 15*mib, true) }, 1*mib + 1, &ofIntegration.full},
		{"the last of it", func(f *Flight) { complete(f, 1, "192.0.2.9", 15*mib, true) }, 1 * mib, nil},
		{"a client's quarter", func(f *Flight) { complete(f, 9, "192.0.2.1", 15*mib, true) }, 1*mib + 1, &ofClient.full},
		{"of the same network", func(f *Flight) { complete(f, 9, "192.0.2.2", 15*mib, true) }, 1*mib + 1, nil},
		{"half for the unknown", func(f *Flight) {
			for i := range byte(2) {
				complete(f, 10+i, fmt.Sprint("192.0.2.", 10+i), 15*mib, false)
			}
		}, 2*mib + 1, &ofUnproven.full},
		{"and not for the known", func(f *Flight) {
			for i := range byte(2) {
				complete(f, 10+i, fmt.Sprint("192.0.2.", 10+i), 15*mib, true)
			}
		}, 2*mib + 1, nil},
		{"all of it", func(f *Flight) {
			for i := range byte(4) {
				complete(f, 10+i, fmt.Sprint("192.0.2.", 10+i), 15*mib, true)
			}
			for i := range byte(3) {
				complete(f, 20+i, fmt.Sprint("192.0.2.", 20+i), 1*mib, true)
			}
		}, 1*mib + 1, &ofAll.full},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFlight(64 * mib)
				test.held(f)
				u := someone(f, 1, "192.0.2.1", test.n)
				if got := u.take(test.n, time.Now(), true); got != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		})
	}
}

// Of every share a sixteenth is for bodies of up to 1 MiB.
func TestSmallShare(t *testing.T) {
	for _, test := range []struct {
		name      string
		announced int64
		took      int64
		want      *overflow
	}{
		{"small", 1 * mib, 1 * mib, nil},
		{"small, not announced", -1, 1 * mib, nil},
		{"large", 1*mib + 1, 1 * mib, &ofIntegration.full},
		{"large, not announced", -1, 1*mib + 1, &ofIntegration.full},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFlight(64 * mib)
				large := someone(f, 1, "192.0.2.1", 15*mib)
				if large.take(15*mib, time.Now(), true) != nil {
					t.Fatal("there is room")
				}
				u := someone(f, 1, "192.0.2.2", test.announced)
				if got := u.take(test.took, time.Now(), true); got != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		})
	}
	for limit, want := range map[int64]int64{256 * mib: 60 * mib, 64 * mib: 15 * mib, 4 * mib: 1 * mib, 1 * mib: 256 << 10} {
		f := NewFlight(limit)
		largest := LargestBody(limit)
		if largest != want {
			t.Errorf("of %d the largest body is %d, want %d", limit, largest, want)
		}
		for n, refused := range map[int64]bool{largest: false, largest + 1: true} {
			u := someone(f, 1, "192.0.2.1", n)
			if got := u.take(n, time.Now(), true); (got != nil) != refused {
				t.Errorf("of %d a body of %d bytes: %+v", limit, n, got)
			}
			u.release()
		}
	}
}

// A body for which there can be no room is refused for that, and not as one that
// came too slowly.
func TestBodyThatNeverFits(t *testing.T) {
	for name, announced := range map[string]int64{"announced": 1*mib + 1, "not announced": -1} {
		t.Run(name, func(t *testing.T) {
			u := someone(NewFlight(4*mib), 1, "192.0.2.1", announced)
			var got *overflow
			for got == nil && u.bytes <= 1*mib {
				got = u.take(16<<10, time.Now(), false)
			}
			if got != &ofIntegration.full {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Uploads are counted to the byte, whatever becomes of them and in which order.
func FuzzFlight(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		steps := make([]byte, 600)
		for i := range steps {
			steps[i] = byte(random.IntN(256))
		}
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		synctest.Test(t, func(t *testing.T) { fly(t, steps) })
	})
}

// fly takes three bytes a step: which upload, what of it, how much.
func fly(t *testing.T, steps []byte) {
	const limit = 16 * mib
	f := NewFlight(limit)
	uploads := make([]*upload, 16)
	complete := make([]bool, len(uploads)) // or refused
	begin := func(i int) {
		clients := []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", ""}
		uploads[i] = someone(f, byte(i%3), clients[i%len(clients)], []int64{-1, 60 << 10, 3 * mib}[i%3])
		uploads[i].proven, complete[i] = i%5 == 0, false
	}
	for i := range uploads {
		begin(i)
	}
	for ; len(steps) >= 3; steps = steps[3:] {
		i := int(steps[0]) % len(uploads)
		u := uploads[i]
		switch size := int64(steps[2]); steps[1] % 8 {
		case 0:
			u.release()
			u.release()
			u.reset()
			begin(i)
		case 1:
			time.Sleep(time.Duration(size) * 10 * time.Millisecond)
		case 2:
			if !complete[i] && u.complete() == nil {
				u.prove()
			}
			complete[i] = true
		case 3:
			if !complete[i] {
				u.take(size, time.Now(), true)
				complete[i] = true
			}
		default:
			if !complete[i] {
				complete[i] = u.send(size*size*16) != nil
			}
		}
		checkSums(t, f, uploads)
	}
	for _, u := range uploads {
		u.release()
	}
	checkEmpty(t, f)
}

// checkSums holds the shares against what the uploads hold.
func checkSums(t *testing.T, f *Flight, uploads []*upload) {
	t.Helper()
	var all, unproven held
	var received int64
	integrations, clients := map[any]held{}, map[any]held{}
	plus := func(a, b held) held { return held{a.bytes + b.bytes, a.large + b.large} }
	for _, u := range uploads {
		if u.received < 0 || u.bytes < u.received || u.large != 0 && u.large != u.bytes || u.large == 0 && u.bytes != u.received || u.ended != nil && u.bytes != 0 {
			t.Fatalf("an upload of %d bytes holds %+v", u.received, u.held)
		}
		received += u.received
		all = plus(all, u.held)
		if !u.proven {
			unproven = plus(unproven, u.held)
		}
		if u.bytes > 0 {
			integrations[u.identity] = plus(integrations[u.identity], u.held)
			if u.client.IsValid() {
				clients[u.client] = plus(clients[u.client], u.held)
			}
		}
	}
	if f.Used() != received || f.waiting.Load() != 0 {
		t.Fatalf("%d bytes are counted, %d are there; %d wait", f.Used(), received, f.waiting.Load())
	}
	limit := f.Limit()
	within := func(what string, got, want held, share int64) {
		if got != want || got.bytes > share || got.large > share-share/smallShare {
			t.Fatalf("%s: %+v counted, %+v held, of %d", what, got, want, share)
		}
	}
	within("all", held{f.all.bytes.Load(), f.all.large.Load()}, all, limit)
	within("unproven", held{f.unproven.bytes.Load(), f.unproven.large.Load()}, unproven, limit/unprovenShare)
	entries := 0
	for i := range f.integrations.shards {
		for identity, got := range f.integrations.shards[i].held {
			within("an integration", got, integrations[identity], limit/holderShare)
			entries++
		}
		for client, got := range f.clients.shards[i].held {
			within("a client", got, clients[client], limit/holderShare)
			entries++
		}
	}
	if want := len(integrations) + len(clients); entries != want {
		t.Fatalf("%d holders are counted, %d hold something", entries, want)
	}
}

// Many at once, and some of them end others.
func TestFlightAtOnce(t *testing.T) {
	f := NewFlight(4 * mib)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			u := new(upload)
			for range 2000 {
				control := http.NewResponseController(&deadlines{ResponseRecorder: httptest.NewRecorder()})
				u.begin(f, storage.Identity{byte(random.IntN(3))}, fmt.Sprint("192.0.2.", random.IntN(3)), 1, DefaultMaxBody, false, control, time.Now())
				for range random.IntN(4) {
					if u.take(int64(random.IntN(60<<10)), time.Now(), false) != nil {
						break
					}
				}
				if random.IntN(2) == 0 && u.complete() == nil {
					u.prove()
				}
				u.release()
				u.reset()
			}
		})
	}
	group.Wait()
	checkEmpty(t, f)
}

func checkEmpty(t *testing.T, f *Flight) {
	t.Helper()
	entries := 0
	for i := range f.integrations.shards {
		entries += len(f.integrations.shards[i].held) + len(f.clients.shards[i].held)
		if f.integrations.shards[i].unfinished.first != nil {
			t.Error("an upload is left")
		}
	}
	if f.Used() != 0 || f.waiting.Load() != 0 || f.all.bytes.Load() != 0 || f.all.large.Load() != 0 || f.unproven.bytes.Load() != 0 || f.unproven.large.Load() != 0 || entries != 0 {
		t.Errorf("%d bytes and %d holders are left", f.Used(), entries)
	}
}

// A body that is handed on is held until the next handler is done with it, in
// however many pieces it came.
func TestPassedHolds(t *testing.T) {
	for _, size := range []int{100, 100 << 10, 3 * mib} {
		b := newBackend(t, github())
		s := serve(t, b, New(Settings{Inline: true}))
		s.next = func(w http.ResponseWriter, _ *http.Request) {
			if used := b.flight.Used(); used != int64(size) || b.flight.unproven.bytes.Load() != 0 {
				t.Errorf("%d bytes in flight of %d", used, size)
			}
			w.WriteHeader(http.StatusNoContent)
		}
		body := strings.Repeat("x", size)
		for range 2 {
			if got := s.post(t, "/webhooks/hook", signed("push", "1", body), body); got.status != http.StatusNoContent {
				t.Errorf("status %d", got.status)
			}
		}
	}
}

// BenchmarkFlight is what the counting costs a request, beside strangers that
// hold uploads.
func BenchmarkFlight(b *testing.B) {
	for _, strangers := range []int{0, 1000, 20000} {
		b.Run(fmt.Sprint(strangers), func(b *testing.B) {
			f := NewFlight(0)
			for i := range strangers {
				someone(f, byte(i), fmt.Sprintf("198.51.%d.%d", i/250, i%250), 20*mib).take(1<<10, time.Now(), false)
			}
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				u := new(upload)
				for p.Next() {
					u.begin(f, storage.Identity{1}, "192.0.2.1", 1<<10, DefaultMaxBody, false, nil, time.Now())
					if u.take(1<<10, time.Now(), true) != nil || u.complete() != nil {
						b.Fatal("no room")
					}
					u.prove()
					u.release()
					u.reset()
				}
			})
		})
	}
}

// A sender that goes on after it was refused holds no bytes in flight.
func TestRefusedHoldsNothing(t *testing.T) {
	b := newBackend(t, github())
	conn := serve(t, b, New(Settings{MaxBody: 10})).dial(t)
	fmt.Fprintf(conn, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: %s\r\n\r\n14\r\n%s\r\n",
		signature(push), strings.Repeat("x", 20))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, res); got.status != 413 {
		t.Errorf("status %d", got.status)
	}
	for deadline := time.Now().Add(2 * time.Second); b.flight.Used() != 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes in flight after the answer", b.flight.Used())
		}
	}
	conn.Close()
}
