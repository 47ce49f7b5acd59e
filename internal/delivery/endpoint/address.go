package endpoint

import (
	"errors"
	"net/url"
	"strings"

	"github.com/hookgate/hookgate/internal/httpcall"
	"github.com/hookgate/hookgate/module/trigger"
)

// address is the operator's URL: its scheme, host and port are fixed, values
// of the event may stand in its path and its query.
//
// Its errors name no part of the URL, which may hold a secret.
type address struct {
	base  string // scheme://host:port
	path  template
	query template
	// hasQuery keeps a bare `?` as it was written.
	hasQuery bool
}

var (
	errAddress     = errors.New("the URL is no absolute http or https URL")
	errAuthority   = errors.New("a {webhook.*} placeholder may stand in the URL's path and query only")
	errCredentials = errors.New("the URL holds a user name or password: set `header Authorization` instead")
	errFragment    = errors.New("the URL has a fragment, which is never sent")
)

func parseAddress(text string, expand expander) (*address, error) {
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
	a := &address{base: scheme + "://" + rest[:end]}
	a.path, a.query, a.hasQuery = splitQuery(append(template{{text: rest[end:]}}, parts[1:]...))

	parsed, err := url.Parse(a.base)
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
	sample, err := a.url(sampleEvent)
	if err != nil {
		return nil, errAddress
	}
	if sample.Host != parsed.Host || sample.Scheme != scheme {
		return nil, errAddress
	}
	return a, nil
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

// url returns the address for the event.
func (a *address) url(event *trigger.Event) (*url.URL, error) {
	path, err := a.path.render(event, escapeSegment)
	if err != nil {
		return nil, err
	}
	query, err := a.query.render(event, escapeQuery)
	if err != nil {
		return nil, err
	}
	text := a.base + path
	if a.hasQuery {
		text += "?" + query
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errAddress
	}
	return parsed, nil
}
