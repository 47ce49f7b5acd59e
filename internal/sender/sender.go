// Package sender is the engine behind every sender's scheme: it authenticates
// requests and reads their events. A sender is a description, see
// module/provider; the built-in ones are rows of a table.
package sender

import (
	"net/http"
	"slices"
)

// Provider is one sender's scheme, ready for use. It is immutable.
type Provider struct {
	name    string
	schemes []scheme

	// The first place that has a value counts.
	event    []eventPlace
	delivery []eventPlace

	kinds   []eventPath
	actions []eventPath
	// perAttempt are the steps of each path whose value differs between attempts.
	perAttempt [][]string
	// lists are the lists that the paths lead through, the outermost first.
	lists []string
	// lines means that the body may be JSON Lines.
	lines bool

	pings     []string
	formField string
	sample    string
	status    int

	sha256Optional bool

	handshakes []handshake

	credentials []string // canonical header names
	reserved    []string
	events      []string
	kept        []string
}

// always are the headers kept with every event.
var always = []string{"Content-Type", "User-Agent", "Traceparent"}

// KeptHeaders returns the canonical names of all headers kept with an event:
// they describe it and contain no secret. The list must not be modified.
func (p *Provider) KeptHeaders() []string { return p.kept }

// Name returns the name that integrations use for the provider.
func (p *Provider) Name() string { return p.name }

// SHA256 reports whether the sender signs with SHA-256 or stronger.
func (p *Provider) SHA256() bool {
	return slices.ContainsFunc(p.schemes, func(s scheme) bool { return s.method.strong })
}

// SHA256Optional reports whether the sender may sign with SHA-1 nevertheless.
func (p *Provider) SHA256Optional() bool { return p.sha256Optional }

// CredentialHeaders returns the canonical names of the headers that
// authenticate a request.
func (p *Provider) CredentialHeaders() []string { return slices.Clone(p.credentials) }

// ReservedHeaders returns the canonical names of the headers that describe a
// request: event type, delivery ID and signing time.
func (p *Provider) ReservedHeaders() []string { return slices.Clone(p.reserved) }

// NamesEvents reports whether the sender's events have a type.
func (p *Provider) NamesEvents() bool { return len(p.event) > 0 }

// NumbersDeliveries reports whether the sender's deliveries can have an ID.
func (p *Provider) NumbersDeliveries() bool { return len(p.delivery) > 0 }

// FormField returns the form field that holds the sender's JSON, or "" if the
// sender never uses form encoding.
func (p *Provider) FormField() string { return p.formField }

// Timed reports whether the sender signs a time.
func (p *Provider) Timed() bool {
	return slices.ContainsFunc(p.schemes, func(s scheme) bool { return s.clock != nil })
}

// Within returns the provider with another limit on a signature's age, in
// seconds.
func (p *Provider) Within(seconds int) *Provider {
	other := *p
	other.schemes = slices.Clone(p.schemes)
	for i := range other.schemes {
		if c := other.schemes[i].clock; c != nil {
			other.schemes[i].clock = c.within(seconds)
		}
	}
	return &other
}

// Numbers reports whether the sender always signs the delivery ID, whichever
// scheme it uses, so that the ID alone identifies the event.
func (p *Provider) Numbers() bool {
	return !slices.ContainsFunc(p.schemes, func(s scheme) bool { return !slices.Contains(s.numbers, true) })
}

// Batches reports whether a request from the sender may contain several events.
func (p *Provider) Batches() bool { return len(p.lists) > 0 }

// Status returns the status that the sender insists on for an accepted event,
// or 0.
func (p *Provider) Status() int { return p.status }

// Lookup returns the provider of that name, built in or installed.
func Lookup(name string) (*Provider, bool) {
	if p, found := byName[name]; found {
		return p, true
	}
	for _, p := range installed() {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

// Names returns the names of all providers, sorted.
func Names() []string {
	var names []string
	for _, p := range slices.Concat(table, installed()) {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

// nobody is an unknown sender.
var nobody = &Provider{kept: always}

// Guess returns the provider whose event header the request carries, for an
// integration that names none. It identifies the event, never its sender.
// Without such a header it returns a provider that finds nothing.
func Guess(header http.Header) *Provider {
	for _, known := range eventHeaders {
		if len(header[known.name]) > 0 {
			return known.provider
		}
	}
	for _, p := range installed() {
		for _, at := range p.event {
			if at.header != "" && len(header[at.header]) > 0 {
				return p
			}
		}
	}
	return nobody
}

// EventHeaders returns the canonical names of the headers that any provider
// uses for its event or delivery.
func EventHeaders() []string {
	var names []string
	for _, p := range slices.Concat(table, installed()) {
		for _, name := range p.events {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
