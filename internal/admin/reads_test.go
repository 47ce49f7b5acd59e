package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// pipes is a listener whose connections buffer nothing: each write waits for
// its reader.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) Close() error {
	close(p)
	return nil
}

// get asks for a path over a connection of its own, and reads the answer's head.
func (p pipes) get(t *testing.T, path string) (net.Conn, *http.Response) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	p <- server
	if _, err := fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(client, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	return client, response
}

// fixedEvents has one event with a body of a size, and as many as are asked for of
// a list.
type fixedEvents struct {
	storage.Events
	size  int64
	fails error // behind the first half of the body, or the first list
	lists int
}

type fixedBody struct {
	io.Reader
	size int64
}

func (b fixedBody) Size() int64  { return b.size }
func (b fixedBody) Close() error { return nil }

type zeros struct{}

func (zeros) Read(buf []byte) (int, error) {
	clear(buf)
	return len(buf), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (f *fixedEvents) Open(context.Context, storage.Identity, storage.ID) (*storage.Record, storage.Body, error) {
	body := io.LimitReader(zeros{}, f.size)
	if f.fails != nil {
		body = io.MultiReader(io.LimitReader(zeros{}, f.size/2), failing{f.fails})
	}
	return &storage.Record{}, fixedBody{body, f.size}, nil
}

func (f *fixedEvents) List(_ context.Context, _ storage.Identity, query storage.Query) ([]storage.Record, storage.ID, bool, error) {
	if f.lists++; f.fails != nil && f.lists > 1 {
		return nil, storage.ID{}, false, f.fails
	}
	records := make([]storage.Record, min(query.Limit, 100))
	for i := range records {
		records[i].DeliveryID = strings.Repeat("x", 1<<10)
	}
	return records, storage.ID{1}, true, nil
}

// fixed is an API with such events.
func fixed(t *testing.T, events *fixedEvents) *api {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	b := a.Storage.(backend)
	events.Events = b.events
	a.Storage = backend{b.integrations, events}
	return a
}

var anEvent = hook + "/events/" + storage.ID{1}.String()

func TestWholeEvent(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	in, err := a.Service.Get(t.Context(), a.View, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 2, 3, bodyChunk - 1, bodyChunk, bodyChunk + 1, 1 << 20} {
		body := bytes.Repeat([]byte("0123456789abcdefg"), size/17+1)[:size]
		event := &storage.Event{Integration: in.Identity, WebhookID: "hook", Project: "demo", Header: http.Header{"X-A": {"<b>"}}, Body: body}
		if _, _, err := a.Storage.Events().Append(t.Context(), event, storage.Dedupe{}); err != nil {
			t.Fatal(err)
		}
		got := a.want(a.do("GET", hook+"/events/"+event.ID.String(), ""), 200, `"headers":{"X-A":["<b>"]},"body_base64":"`)
		if text := got.json["body_base64"].(string); text != base64.StdEncoding.EncodeToString(body) {
			t.Errorf("%d bytes: another body of %d", size, len(text))
		}
		if got.header.Get("Content-Length") != fmt.Sprint(len(got.text)) || !strings.HasSuffix(got.text, "\"}\n") {
			t.Errorf("%d bytes: %s announced of %d", size, got.header.Get("Content-Length"), len(got.text))
		}
	}
}

// A reader that reads nothing is disconnected, and so is one that reads next to
// nothing; one that is slow, but not that slow, gets everything.
func TestReadersThatStall(t *testing.T) {
	for name, c := range map[string]struct {
		rate  int // bytes a second
		whole bool
		most  time.Duration
	}{
		"takes nothing": {rate: 0, most: stallTime},
		"trickles":      {rate: 4 << 10, most: 2 * stallTime},
		"slow":          {rate: 64 << 10, whole: true, most: time.Hour},
	} {
		for path, query := range map[string]string{anEvent: "", hook + "/events": "?limit=500"} {
			t.Run(name+query, func(t *testing.T) {
				events := &fixedEvents{size: 8 << 20}
				a := fixed(t, events)
				synctest.Test(t, func(t *testing.T) {
					conns := make(pipes)
					ended := make(chan time.Time, 1)
					a.Reads = NewReads()
					server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						defer func() {
							ended <- time.Now()
							if cause := recover(); cause != nil {
								panic(cause)
							}
						}()
						Serve(w, r, a.Backend)
					})}
					go server.Serve(conns)
					began := time.Now()
					conn, response := conns.get(t, path+query)
					var wait sync.WaitGroup
					wait.Go(func() {
						buf := make([]byte, 4<<10)
						for c.rate > 0 {
							n, err := response.Body.Read(buf)
							if err != nil {
								return
							}
							time.Sleep(time.Duration(n) * time.Second / time.Duration(c.rate))
						}
					})
					took := (<-ended).Sub(began)
					if took > c.most+time.Second || !c.whole && took < stallTime {
						t.Errorf("it ended after %v; the answer is %s", took, response.Status)
					}
					if a.Reads.reads.underWay != 0 {
						t.Errorf("%d reads are counted still", a.Reads.reads.underWay)
					}
					conn.Close()
					server.Close()
					wait.Wait()
				})
				given := a.logs.FilterMessage("an administrator's answer was not read and is aborted").Len()
				if c.whole == (given == 1) {
					t.Errorf("%d lines in the log say that it was given up", given)
				}
			})
		}
	}
}

// An answer that fails half way is cut off, so that nobody takes a part for the
// whole.
func TestAnswersThatFail(t *testing.T) {
	for _, path := range []string{anEvent, hook + "/events?limit=500"} {
		a := fixed(t, &fixedEvents{size: 1 << 20, fails: fmt.Errorf("CANARY: %w", storage.ErrUnavailable)})
		response, err := http.Get(a.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || err == nil || strings.Contains(string(text), "CANARY") {
			t.Errorf("%s: %d, %d bytes, %v", path, response.StatusCode, len(text), err)
		}
		if n := a.logs.FilterMessage("answering an admin request").Len(); n != 1 {
			t.Errorf("%s: %d lines in the log", path, n)
		}
	}
}

// A list has as many items as are asked for, also when they are large.
func TestLongList(t *testing.T) {
	a := fixed(t, &fixedEvents{})
	got := a.want(a.do("GET", hook+"/events?limit=350", ""), 200)
	if n := len(got.json["items"].([]any)); n != 350 || got.json["next_cursor"] == "" {
		t.Errorf("%d items, next %q", n, got.json["next_cursor"])
	}
	if !json.Valid([]byte(got.text)) {
		t.Error("it is no JSON")
	}
}

// A project whose readers stall has a share of what can be read at once, and
// waits; the others do not.
func TestSharesOfReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := newSeats(256, 32, 4, "full")
		begin := func(project string) (func(), error) { return reads.begin(t.Context(), project) }
		var ends []func()
		fill := func(project string, n int) {
			t.Helper()
			for range n {
				end, err := begin(project)
				if err != nil {
					t.Fatalf("%s: %v", project, err)
				}
				ends = append(ends, end)
			}
		}
		refused := func(project string) {
			t.Helper()
			began := time.Now()
			_, err := begin(project)
			var own *refusal
			if !errors.As(err, &own) || own.status != http.StatusServiceUnavailable || time.Since(began) != seatWait {
				t.Errorf("%s: after %v: %v", project, time.Since(began), err)
			}
		}
		for i := range 4 { // half of all
			project := fmt.Sprint("greedy-", i)
			fill(project, reads.manyOfProject)
			refused(project)
		}
		for i := range 32 {
			fill(fmt.Sprint("modest-", i), reads.fewOfProject)
		}
		refused("late")
		time.AfterFunc(time.Second, ends[0])
		fill("late", 1)
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if _, err := reads.begin(ctx, "greedy-1"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		for _, end := range ends[1:] {
			end()
		}
		if reads.underWay != 0 || len(reads.ofProject) != 0 {
			t.Errorf("%d are left, %v", reads.underWay, reads.ofProject)
		}
	})
}

// A slow body occupies what has arrived of it. A project may have a few of
// these.
func TestSlowBodies(t *testing.T) {
	a := newAPI(t)
	synctest.Test(t, func(t *testing.T) {
		a.Reads = NewReads()
		conns := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Serve(w, r, a.Backend) })}
		go server.Serve(conns)
		send := func(project, body string, length int) net.Conn {
			client, served := net.Pipe()
			t.Cleanup(func() { client.Close() })
			conns <- served
			head := "POST /webhooks/projects/" + project + "/integrations HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: "
			if _, err := fmt.Fprintf(client, "%s%d\r\n\r\n%s", head, length, body); err != nil {
				t.Error(err)
			}
			return client
		}
		status := func(conn net.Conn) int {
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Error(err)
				return 0
			}
			return response.StatusCode
		}
		for range 16 {
			send("slow", "{", 2)
		}
		synctest.Wait()
		began := time.Now()
		if got := status(send("slow", "{", 2)); got != http.StatusServiceUnavailable || time.Since(began) != seatWait {
			t.Errorf("one more is answered %d after %v", got, time.Since(began))
		}
		began = time.Now()
		if got := status(send("demo", "{}", 2)); got != http.StatusBadRequest || time.Since(began) > 0 {
			t.Errorf("another project is answered %d after %v", got, time.Since(began))
		}
		time.Sleep(bodyTime)
		synctest.Wait()
		if a.Reads.bodies.underWay != 0 {
			t.Errorf("%d bodies are waited for still", a.Reads.bodies.underWay)
		}
		server.Close()
	})
}
