package codemie

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
)

// call is one request to the platform.
type call struct {
	method string
	path   string // below the base URL, escaped, with its query
	body   any    // nil for none
	want   []string

	// starts marks a call that must not happen twice.
	starts bool
}

// answer is a successful answer, with those of the wanted fields that it has.
type answer struct {
	status int
	header http.Header
	fields fields

	// problem is the error code if the answer could not be read completely.
	problem string
}

// readError reads the explanation of an error. A broken body does not matter.
// Errors that the platform did not expect may be plain text; HTML comes from a
// proxy in front of it.
func (a *answer) readError(body io.Reader, limit int64) {
	var text bytes.Buffer
	var err error
	a.fields, err = scan(io.TeeReader(io.LimitReader(body, maxPlain), &text), limit, errorPaths...)
	if err == nil || a.message() != "" || a.status != http.StatusInternalServerError || bytes.HasPrefix(bytes.TrimSpace(text.Bytes()), []byte("<")) {
		return
	}
	_, _ = io.CopyN(&text, body, maxPlain-int64(text.Len()))
	a.fields["detail"] = field{text: strings.ToValidUTF8(text.String(), "\uFFFD")}
}

// maxPlain bounds what is read of an error, in bytes.
const maxPlain = 64 << 10

func (a *answer) text(path string) string { return a.fields[path].text }

// fault is a call that did not succeed.
type fault struct {
	trigger.Result

	// unclear means that what the call starts may have been started.
	unclear bool

	// broken means that the platform failed at what the call starts: nothing runs,
	// but there may be traces.
	broken bool

	// missing means that the platform itself does not find the requested object.
	missing bool
}

// unusable returns the fault of an answer that lacks a field.
func (a *answer) unusable() *fault {
	code := a.problem
	if code == "" {
		code = trigger.ErrAnswerInvalid
	}
	return &fault{
		Result:  trigger.Result{Verdict: trigger.Retry, StatusCode: a.status, Error: code},
		unclear: true,
	}
}

// do makes the call. If the token is refused, it is reread and tried once more.
func (s *session) do(ctx context.Context, c call) (*answer, *fault) {
	var body []byte
	if c.body != nil {
		var err error
		if body, err = json.Marshal(c.body); err != nil {
			return nil, &fault{Result: trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRequestInvalid}}
		}
	}
	token, err := s.token.current()
	if err != nil {
		return nil, &fault{Result: trigger.Result{
			Verdict: trigger.RefusedCredential, Error: trigger.ErrRequestInvalid, Detail: "the token cannot be read",
		}}
	}
	a, failure := s.send(ctx, c, body, token)
	if failure == nil && s.refusesToken(a) && s.token.renew(token) {
		if token, err = s.token.current(); err == nil {
			a, failure = s.send(ctx, c, body, token)
		}
	}
	if failure != nil {
		return nil, &fault{
			Result:  failure.Result(),
			unclear: failure.Sent,
		}
	}
	if f := s.judge(c, a, token); f != nil {
		return nil, f
	}
	s.proven = true
	return a, nil
}

// errorPaths are where the platform explains a refusal.
var errorPaths = []string{"error.message", "error.details", "detail"}

// send makes one request. Once the status has arrived there is an answer, even
// if the rest of it is cut off.
func (s *session) send(ctx context.Context, c call, body []byte, token string) (*answer, *httpcall.Failure) {
	request, err := http.NewRequestWithContext(ctx, c.method, s.platform.base+c.path, bytes.NewReader(body))
	if err != nil {
		return nil, &httpcall.Failure{Code: trigger.ErrRequestInvalid}
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Hookgate")
	request.Header.Set("X-Request-ID", newUUID())
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}

	// The platform may close a kept-alive connection at any time, even because of
	// something that an earlier request on it has begun. A call that changes
	// something uses its own connection: otherwise it would not be known whether
	// it arrived.
	transport := s.platform.transport
	if c.method != http.MethodGet {
		transport = s.platform.fresh
	}
	var a *answer
	failure := httpcall.Do(transport, request, s.platform.timeout, func(response *http.Response) error {
		a = &answer{status: response.StatusCode, header: response.Header}
		body := &counter{ReadCloser: response.Body}
		defer func() { s.received += body.n }()
		response.Body = body
		return a.read(response, s.maxAnswer, c.want)
	})
	if a == nil {
		return nil, failure
	}
	if failure != nil {
		a.problem = failure.Code
	}
	return a, nil
}

// counter counts what is read.
type counter struct {
	io.ReadCloser
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

// read extracts the wanted fields from the body. It returns an error only if
// the connection failed.
func (a *answer) read(response *http.Response, limit int64, want []string) error {
	if a.status >= 300 {
		a.readError(response.Body, limit)
		return nil
	}
	if strings.Contains(response.Header.Get("Content-Type"), "ndjson") {
		// A remote agent streams its answer and keeps it only if the client listens
		// to the end. The conversation then has it.
		_, err := io.CopyN(io.Discard, response.Body, limit)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	}
	var err error
	a.fields, err = scan(response.Body, limit, want...)
	switch {
	case errors.Is(err, errTooLarge):
		a.problem = trigger.ErrAnswerTooLarge
	case errors.Is(err, errSyntax):
		a.problem = trigger.ErrAnswerInvalid
	default:
		return err
	}
	return nil
}

// judge returns the fault of an unsuccessful answer.
func (s *session) judge(c call, a *answer, token string) *fault {
	result := httpcall.Judge(a.status, a.header)
	if result.Verdict == trigger.Delivered {
		return nil
	}
	result.Detail = s.explain(a, token)
	f := &fault{Result: result}
	switch a.status {
	case http.StatusUnauthorized:
		// The platform also answers 401 for what the token's user may not do.
		if !s.refusesToken(a) {
			f.Verdict, f.Error, f.Fault = trigger.Fail, trigger.ErrResourceNotAllowed, trigger.FaultResource
		}
	case http.StatusForbidden:
		// Without the platform's explanation, it comes from a proxy in front of it.
		if a.message() != "" {
			f.Verdict, f.Error = trigger.Fail, trigger.ErrResourceNotAllowed
		}
	case http.StatusNotFound:
		// The proxy does not find the platform.
		if f.missing = a.text("error.message") != ""; !f.missing {
			f.Verdict = trigger.Retry
		}
	case http.StatusInternalServerError:
		f.broken = c.starts && a.message() != ""
		f.unclear = c.starts && !f.broken
	}
	f.unclear = f.unclear || c.starts && a.fromProxy()
	return f
}

// fromProxy reports whether a proxy in front of the platform lost the request:
// it is unknown what the platform did with it.
func (a *answer) fromProxy() bool {
	return a.status == http.StatusBadGateway || a.status == http.StatusGatewayTimeout ||
		(a.status >= 520 && a.status <= 527)
}

func (a *answer) message() string {
	if message := a.text("error.message"); message != "" {
		return message
	}
	return a.text("detail")
}

// tokenMessages are how the platform's messages about a token begin, in
// lowercase.
var tokenMessages = []string{
	"authentication failed", "authentication required", "token ", "jwt", "invalid jwt", "invalid token",
	"ambiguous authentication",
}

// refusesToken reports whether a 401 is about the token. Another message is
// not, if the platform has just accepted the same token.
func (s *session) refusesToken(a *answer) bool {
	if a.status != http.StatusUnauthorized || a.header.Get("X-User-Mcp-Auth-Location") != "" {
		return false
	}
	message := strings.ToLower(a.message())
	if message == "access denied" {
		return false
	}
	known := message == "" || slices.ContainsFunc(tokenMessages, func(begin string) bool {
		return strings.HasPrefix(message, begin)
	})
	return known || !s.proven
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
