package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// M is a JSON object.
type M = map[string]any

// client follows no redirects, and tests that restart their server share no
// connections through it.
var client = &http.Client{
	Timeout:       60 * time.Second,
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Answer is a complete HTTP answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Headers builds a header from alternating names and values.
func Headers(pairs ...string) http.Header {
	header := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return header
}

// Post sends a webhook to the site.
func (g *Gateway) Post(path string, header http.Header, body []byte) *Answer {
	g.t.Helper()
	return g.Request(http.MethodPost, path, header, bytes.NewReader(body))
}

// Request sends a request to the site. A body that is not a *bytes.Reader is
// sent in chunks.
func (g *Gateway) Request(method, path string, header http.Header, body io.Reader) *Answer {
	g.t.Helper()
	answer, err := g.Try(method, "http://"+g.Addr+path, header, body)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

// Try sends a request to a URL and may fail; it can be called from any
// goroutine.
func (g *Gateway) Try(method, url string, header http.Header, body io.Reader) (*Answer, error) {
	return Do(client, method, url, header, body)
}

// Do sends a request with the caller's client.
func Do(client *http.Client, method, url string, header http.Header, body io.Reader) (*Answer, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header.Clone()
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return readAll(response)
}

func readAll(response *http.Response) (*Answer, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &Answer{response.StatusCode, response.Header, body}, nil
}

// API sends a request to the admin API. A body that is not a string is sent as
// JSON, for a PATCH as a merge patch.
func (g *Gateway) API(method, path string, body any, header ...string) *Answer {
	g.t.Helper()
	all := Headers(header...)
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			g.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	if reader != nil && all.Get("Content-Type") == "" {
		all.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			all.Set("Content-Type", "application/merge-patch+json")
		}
	}
	answer, err := g.Try(method, "http://"+g.Admin+path, all, reader)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

// Want fails the test unless the answer has the status.
func (a *Answer) Want(t testing.TB, status int) *Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// JSON returns the answer's object.
func (a *Answer) JSON(t testing.TB) M {
	t.Helper()
	var object M
	if err := json.Unmarshal(a.Body, &object); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	return object
}

// Text returns a string field of the answer's object.
func (a *Answer) Text(t testing.TB, field string) string {
	t.Helper()
	text, ok := a.JSON(t)[field].(string)
	if !ok {
		t.Fatalf("no text %q in %s", field, a.Body)
	}
	return text
}

// Conn is a plain connection, for requests that no HTTP client would send or
// send at once.
type Conn struct {
	t testing.TB
	net.Conn
}

// Dial opens a plain connection to the site or the admin endpoint.
func Dial(t testing.TB, addr string) *Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Conn{t, conn}
}

// Send writes bytes unchanged.
func (c *Conn) Send(text string) {
	c.t.Helper()
	c.SetWriteDeadline(time.Now().Add(Patience))
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// Answer reads the next answer.
func (c *Conn) Answer() *Answer {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(2 * Patience))
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		c.t.Fatalf("reading the answer: %v", err)
	}
	answer, err := readAll(response)
	if err != nil {
		c.t.Fatalf("reading the answer: %v", err)
	}
	return answer
}

// Raw sends one request as it is written, except that bare \n line ends are
// corrected and Host and Connection: close are added.
func (g *Gateway) Raw(addr, head, body string) *Answer {
	g.t.Helper()
	line, rest, _ := strings.Cut(strings.TrimSpace(head), "\n")
	lines := []string{line, "Host: " + addr, "Connection: close"}
	if rest != "" {
		lines = append(lines, strings.Split(rest, "\n")...)
	}
	conn := Dial(g.t, addr)
	conn.Send(strings.Join(lines, "\r\n") + "\r\n\r\n" + body)
	return conn.Answer()
}
