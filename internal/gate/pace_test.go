package gate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// A body may take ten seconds and a second for each 64 KiB that has come, however
// much is announced; the connection is good for another request after that.
func TestPace(t *testing.T) {
	for _, test := range []struct {
		name   string
		pieces int // of 64 KiB
		pause  time.Duration
		chunks int
		status int
	}{
		{"at once", 1, 0, 0, 202},
		{"just in time", 4, 3200 * time.Millisecond, 0, 202},          // 12.8 s of 13 for what has come
		{"too late", 4, 3600 * time.Millisecond, 0, 408},              // 14.4 s of 13
		{"chunked, just in time", 4, 3200 * time.Millisecond, 4, 202}, // 12.8 s of 13 for what has come
		{"chunked, too late", 4, 5100 * time.Millisecond, 4, 408},     // 10.2 s of 11 for two, 15.3 s of 12
		{"one chunk", 32, 900 * time.Millisecond, 1, 202},             // 28.8 s of 41
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBackend(t, github())
				// A store may take longer than the body had: that cancels nothing.
				b.log.during = func() { time.Sleep(time.Minute) }
				client, server := net.Pipe()
				var senders sync.WaitGroup
				defer senders.Wait()
				defer client.Close()
				gate := New(Settings{})
				srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					gate.Serve(w, r, "", b.Acquire)
				})}
				listener := &oneConn{conn: server, done: make(chan struct{})}
				go srv.Serve(listener)
				defer srv.Close()
				defer close(listener.done)

				piece := strings.Repeat("x", 64<<10)
				body := strings.Repeat(piece, test.pieces)
				send := func() {
					fmt.Fprintf(client, "POST /webhooks/hook HTTP/1.1\r\nHost: test\r\nX-Hub-Signature-256: %s\r\n", signature(body))
					if test.chunks > 0 {
						io.WriteString(client, "Transfer-Encoding: chunked\r\n\r\n")
					} else {
						fmt.Fprintf(client, "Content-Length: %d\r\n\r\n", len(body))
					}
					for i := range test.pieces {
						time.Sleep(test.pause)
						if test.chunks > 0 && i%(test.pieces/test.chunks) == 0 {
							fmt.Fprintf(client, "%x\r\n", len(body)/test.chunks)
						}
						io.WriteString(client, piece)
						if test.chunks > 0 && (i+1)%(test.pieces/test.chunks) == 0 {
							io.WriteString(client, "\r\n")
						}
					}
					if test.chunks > 0 {
						io.WriteString(client, "0\r\n\r\n")
					}
				}
				senders.Go(send)
				answers := bufio.NewReader(client)
				res, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := read(t, res); got.status != test.status {
					t.Fatalf("status %d, want %d", got.status, test.status)
				}
				if test.status != 202 {
					return
				}
				time.Sleep(time.Minute) // far beyond the first deadline
				senders.Go(send)
				if res, err = http.ReadResponse(answers, nil); err != nil {
					t.Fatal(err)
				}
				if got := read(t, res); got.status != 202 {
					t.Errorf("again: status %d", got.status)
				}
			})
		})
	}
}

// Where no deadline can be set, the clock is looked at after each piece.
func TestPaceWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, github())
		r := httptest.NewRequest("POST", "/webhooks/hook", nil)
		r.Header, r.ContentLength = signed("push", "1", push), int64(len(push))
		r.Body = io.NopCloser(iotest.OneByteReader(slow{strings.NewReader(push), time.Second}))
		w := httptest.NewRecorder()
		start := time.Now()
		if New(Settings{}).Serve(w, r, "", b.Acquire); w.Code != 408 {
			t.Errorf("status %d", w.Code)
		}
		if spent := time.Since(start); spent > 12*time.Second {
			t.Errorf("gave up after %v", spent)
		}
	})
}

// What time a body was made to wait for room is no time that it took.
func TestWaitIsNotItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, github())
		b.flight.SetLimit(16 << 20)
		body := strings.Repeat("x", 3<<20)
		full := someone(b.flight, 1, "192.0.2.9", 3<<20)
		if full.take(3<<20, time.Now(), true) != nil {
			t.Fatal("there is room")
		}
		time.AfterFunc(8*time.Second, full.release)
		r := httptest.NewRequest("POST", "/webhooks/hook", nil)
		r.Header, r.ContentLength = signed("push", "1", body), int64(len(body))
		// 32 KiB every 150 ms: 14.4 s, and 10 s and a second for each 64 KiB would do.
		r.Body = io.NopCloser(slow{strings.NewReader(body), 150 * time.Millisecond})
		w := httptest.NewRecorder()
		start := time.Now()
		if New(Settings{}).Serve(w, r, "192.0.2.1", b.Acquire); w.Code != 202 {
			t.Errorf("status %d", w.Code)
		}
		if spent := time.Since(start); spent < 22*time.Second {
			t.Errorf("it took %v", spent)
		}
	})
}

// slow is a reader that takes its time.
type slow struct {
	io.Reader
	pause time.Duration
}

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(s.pause)
	return s.Reader.Read(b)
}

// The deadline of the body is taken away with the body's end, for a next handler
// that may take its time. What is left of a refused body has one of its own, and
// a late one is not waited for again.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackend(t, github())
		start := time.Now()
		serve := func(settings Settings, header http.Header, body io.Reader) []time.Time {
			r := httptest.NewRequest("POST", "/webhooks/hook", body)
			r.Header, r.ContentLength = header.Clone(), int64(len(push))
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			New(settings).Serve(w, r, "", b.Acquire)
			return w.set
		}
		allowance := 10 * time.Second // nothing has come before the first piece
		good := signed("push", "1", push)
		for name, test := range map[string]struct{ got, want []time.Time }{
			"accepted": {serve(Settings{}, good, strings.NewReader(push)), []time.Time{start.Add(allowance)}},
			"passed":   {serve(Settings{Inline: true}, good, strings.NewReader(push)), []time.Time{start.Add(allowance), {}}},
			"refused":  {serve(Settings{}, nil, strings.NewReader(push)), []time.Time{start.Add(5 * time.Second)}},
			"too late": {serve(Settings{}, good, iotest.ErrReader(os.ErrDeadlineExceeded)), []time.Time{start.Add(allowance)}},
		} {
			if !slices.EqualFunc(test.got, test.want, func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Microsecond }) {
				t.Errorf("%s: deadlines %v, want %v", name, test.got, test.want)
			}
		}
	})
}

// deadlines is an answer that notes the read deadlines that are set.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(deadline time.Time) error {
	d.set = append(d.set, deadline)
	return nil
}

// oneConn is a listener of one connection.
type oneConn struct {
	conn net.Conn
	once sync.Once
	done chan struct{}
}

func (l *oneConn) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn == nil {
		<-l.done
		err = net.ErrClosed
	}
	return conn, err
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
