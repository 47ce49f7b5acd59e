// Package sender is the engine behind every sender's scheme: it checks what
// a request proves, and reads what it says. A sender is a description, see
// module/provider; those that are built in are the rows of one table.
package sender

import (
	"net/http"
	"slices"
)

// Provider is one sender's scheme, ready for use. It is never changed.
type Provider struct {
	name    string
	schemes []scheme

	// The first place that holds something counts.
	event    []eventPlace
	delivery []eventPlace

	kinds   []eventPath
	actions []eventPath
	// perAttempt are the steps of each path of what differs from attempt to attempt.
	perAttempt [][]string
	// lists are those through which the paths lead, the outer one first.
	lists []string
	// lines says that the body may be JSON Lines.
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

// always are the headers that are kept with every event.
var always = []string{"Content-Type", "User-Agent", "Traceparent"}

// KeptHeaders returns the canonical names of all headers that are kept with an
// event: they say what it is and hold no secret. The list must not be changed.
func (p *Provider) KeptHeaders() []string { return p.kept }

// Name is what an integration calls the provider.
func (p *Provider) Name() string { return p.name }

// SHA256 says whether the sender signs with SHA-256 or stronger.
func (p *Provider) SHA256() bool {
	return slices.ContainsFunc(p.schemes, func(s scheme) bool { return s.method.strong })
}

// SHA256Optional says that the sender may sign with SHA-1 all the same.
func (p *Provider) SHA256Optional() bool { return p.sha256Optional }

// CredentialHeaders returns the canonical names of the headers that prove who
// sent a request.
func (p *Provider) CredentialHeaders() []string { return slices.Clone(p.credentials) }

// ReservedHeaders returns the canonical names of the headers that say what a
// request is: event type, delivery ID and time of signing.
func (p *Provider) ReservedHeaders() []string { return slices.Clone(p.reserved) }

// NamesEvents says whether the sender tells what an event is.
func (p *Provider) NamesEvents() bool { return len(p.event) > 0 }

// NumbersDeliveries says whether the sender's deliveries can have an ID.
func (p *Provider) NumbersDeliveries() bool { return len(p.delivery) > 0 }

// FormField returns the form field that holds the sender's JSON, or "" when
// the sender never uses form encoding.
func (p *Provider) FormField() string { return p.formField }

// Timed says whether the sender signs a time.
func (p *Provider) Timed() bool {
	return slices.ContainsFunc(p.schemes, func(s scheme) bool { return s.clock != nil })
}

// Within returns the provider with another bound on how old a signature may be, in
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

// Numbers says whether what the sender signs holds the delivery ID, in whichever
// way it signs, so that the ID alone tells which event it is.
func (p *Provider) Numbers() bool {
	return !slices.ContainsFunc(p.schemes, func(s scheme) bool { return !slices.Contains(s.numbers, true) })
}

// Batches says whether a request of the sender's may hold several events.
func (p *Provider) Batches() bool { return len(p.lists) > 0 }

// Status is the answer to an accepted event on which the sender insists, or 0.
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

// Names returns the names of all providers, in order.
func Names() []string {
	var names []string
	for _, p := range slices.Concat(table, installed()) {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

// nobody is the sender of which nothing is known.
var nobody = &Provider{kept: always}

// Guess returns the provider whose event header the request carries, for an
// integration that names none. It tells what the event is, never who sent it.
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

// EventHeaders returns the canonical names of the headers in which any
// provider names its event or delivery.
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
