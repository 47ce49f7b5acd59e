package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/hookgate/hookgate/internal/adminapi"
)

// call is one run of a command.
type call struct {
	*cobra.Command
	ctx context.Context
	out io.Writer
}

func (c *call) text(flag string) string {
	text, _ := c.Flags().GetString(flag) // the command has defined the flag
	return text
}

func (c *call) is(flag string) bool {
	value, _ := c.Flags().GetBool(flag)
	return value
}

func (c *call) number(flag string) int {
	value, _ := c.Flags().GetInt(flag)
	return value
}

// endpoint is where the admin API is.
type endpoint struct {
	network, address string
	origin           string
}

func (c *call) endpoint() (endpoint, error) {
	if _, err := quiet(); err != nil {
		return endpoint{}, fmt.Errorf("finding the admin endpoint: %w", err)
	}
	text, err := caddycmd.DetermineAdminAPIAddress(c.text("address"), nil, c.text("config"), c.text("adapter"))
	if err != nil {
		return endpoint{}, fmt.Errorf("finding the admin endpoint: %w", err)
	}
	return parseEndpoint(text)
}

func parseEndpoint(text string) (endpoint, error) {
	parsed, err := caddy.ParseNetworkAddress(text)
	if err != nil || parsed.PortRangeSize() > 1 {
		return endpoint{}, fmt.Errorf("finding the admin endpoint: %q is not an address", text)
	}
	if parsed.IsUnixNetwork() {
		path, _, _ := strings.Cut(parsed.Host, "|") // may be followed by its permissions
		return endpoint{network: parsed.Network, address: path, origin: "http://127.0.0.1"}, nil
	}
	address := parsed.JoinHostPort(0)
	return endpoint{network: parsed.Network, address: address, origin: "http://" + address}, nil
}

// request is a call to the admin API.
type request struct {
	method, path string
	query        url.Values
	kind         string // the body's content type
	body         []byte
}

// path joins segments, each escaped.
func path(segments ...string) string {
	var text strings.Builder
	text.WriteString("/webhooks")
	for _, segment := range segments {
		text.WriteString("/" + url.PathEscape(segment))
	}
	return text.String()
}

// do sends a request. The answer's body must be closed; a refusal is an error.
func (c *call) do(r request) (*http.Response, error) {
	at, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	target := at.origin + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	out, err := http.NewRequestWithContext(c.ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("asking the admin endpoint: %w", err)
	}
	if at.network != "unix" {
		out.Header.Set("Origin", at.origin)
	}
	if r.kind != "" {
		out.Header.Set("Content-Type", r.kind)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, at.network, at.address)
		},
	}}
	response, err := client.Do(out)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("asking the admin endpoint %s: %w; is the server running, and is this its --address?", at.address, err)
	}
	if response.StatusCode >= 400 {
		return nil, refused(response)
	}
	return response, nil
}

// maxAnswer bounds an answer that is read whole, in bytes: an event's body is
// at most 1 GiB, plus a third in base64.
const maxAnswer = 2 << 30

// remark is an answer's message about a field of a form.
type remark struct{ Field, Message string }

func (r remark) String() string {
	if r.Field == "" {
		return r.Message
	}
	return r.Field + ": " + r.Message
}

// refusal is the error for an answer that refuses.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// refused returns the error for an answer.
func refused(response *http.Response) error {
	defer response.Body.Close()
	var answer adminapi.Failure
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil || json.Unmarshal(text, &answer) != nil || answer.Error == "" {
		return fmt.Errorf("the admin endpoint answered %s; does its configuration use webhooks?", response.Status)
	}
	r := &refusal{status: response.StatusCode}
	if len(answer.Errors) < 2 {
		r.text = fmt.Sprintf("%s (%d)", printable(answer.Error), response.StatusCode)
		return r
	}
	var list strings.Builder
	for _, wrong := range answer.Errors {
		list.WriteString("\n  " + printable(wrong.String()))
	}
	r.text = fmt.Sprintf("%d errors (%d):%s", len(answer.Errors), response.StatusCode, &list)
	return r
}

// read sends a request and returns the answer's text.
func (c *call) read(r request) (json.RawMessage, error) {
	response, err := c.do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return text, nil
}

// ask sends a request and returns the answer, after printing it if JSON is
// wanted.
func ask[T any](c *call, r request) (answer T, printed bool, err error) {
	text, err := c.read(r)
	if err != nil {
		return answer, false, err
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, false, fmt.Errorf("reading the answer: %w", err)
	}
	if c.is("json") {
		return answer, true, c.print(text)
	}
	return answer, false, nil
}

// list reads the pages of a list until there are enough items; 0 means all.
func (c *call) list(path string, query url.Values, enough int) ([]json.RawMessage, error) {
	const perPage = 500
	items := []json.RawMessage{}
	for {
		limit := perPage
		if enough > 0 {
			limit = min(limit, enough-len(items))
		}
		query.Set("limit", strconv.Itoa(limit))
		text, err := c.read(request{method: http.MethodGet, path: path, query: query})
		if err != nil {
			return nil, err
		}
		var page struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor string            `json:"next_cursor"`
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		items = append(items, page.Items...)
		if page.NextCursor == "" || enough > 0 && len(items) >= enough {
			return items, nil
		}
		query.Set("cursor", page.NextCursor)
	}
}
