package placeholder

import (
	"errors"
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/module/trigger"
	"github.com/hookgate/hookgate/module/trigger/httpcall"
)

// URL is an operator's http or https URL whose path and query may have
// placeholders; its scheme, host and port are fixed. A value in the path is the
// text of one segment, a value in the query that of one parameter.
//
// Its errors quote no part of the URL, which may hold a secret.
type URL struct {
	base  string // scheme://host:port
	path  template
	query template
	// hasQuery keeps a bare `?` as it was written.
	hasQuery bool
}

var (
	errAddress     = errors.New("the URL must be an absolute http or https URL")
	errAuthority   = errors.New("a {webhook.*} placeholder may stand in the URL's path and query only")
	errCredentials = errors.New("the URL holds a user name or password: set `header Authorization` instead")
	errFragment    = errors.New("the URL has a fragment, which is never sent")
)

// ParseURL prepares a URL.
func ParseURL(text string, expand Expand) (*URL, error) {
	parts, err := parse(text, expand)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 || parts[0].value != nil {
		return nil, errAuthority
	}
	for _, p := range parts {
		if strings.Contains(p.text, "#") {
			return nil, errFragment
		}
	}

	head := parts[0].text
	scheme, rest, found := strings.Cut(head, "://")
	if !found || (scheme != "http" && scheme != "https") {
		return nil, errAddress
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		if len(parts) > 1 {
			return nil, errAuthority
		}
		end = len(rest)
	}
	u := &URL{base: scheme + "://" + rest[:end]}
	u.path, u.query, u.hasQuery = splitQuery(append(template{{text: rest[end:]}}, parts[1:]...))

	parsed, err := url.Parse(u.base)
	if err != nil || parsed.Hostname() == "" || strings.ContainsAny(parsed.Host, " \\") {
		return nil, errAddress
	}
	if parsed.User != nil {
		return nil, errCredentials
	}
	if err := httpcall.CheckPort(parsed); err != nil {
		return nil, err
	}
	// A sample shows whether the literal parts are well-formed.
	sample, err := u.For(sampleEvent)
	if err != nil {
		return nil, errAddress
	}
	if sample.Host != parsed.Host || sample.Scheme != scheme {
		return nil, errAddress
	}
	return u, nil
}

// splitQuery cuts the template at the first question mark of its literals.
func splitQuery(parts template) (path, query template, found bool) {
	for i, p := range parts {
		before, after, cut := strings.Cut(p.text, "?")
		if p.value != nil || !cut {
			continue
		}
		path = append(path, parts[:i]...)
		path = append(path, part{text: before})
		query = append(query, part{text: after})
		return path, append(query, parts[i+1:]...), true
	}
	return parts, nil, false
}

var sampleEvent = &trigger.Event{
	ID: "x", WebhookID: "x", Project: "x", Alias: "x", Provider: "x", Type: "x", DeliveryID: "x",
	Resource: trigger.Resource{Type: "x", ID: "x"},
}

// Secure reports whether the scheme is https.
func (u *URL) Secure() bool { return strings.HasPrefix(u.base, "https:") }

// For returns the URL for an event. The error means that a value cannot stand in
// the path; it names no value.
func (u *URL) For(event *trigger.Event) (*url.URL, error) {
	path, err := u.path.render(event, escapeSegment)
	if err != nil {
		return nil, err
	}
	query, err := u.query.render(event, escapeQuery)
	if err != nil {
		return nil, err
	}
	text := u.base + path
	if u.hasQuery {
		text += "?" + query
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errAddress
	}
	return parsed, nil
}
