// Package provider knows each sender's scheme: how it signs, names its events
// and numbers its deliveries. A sender is a row of one table; one engine reads
// the rows.
package provider

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Provider is one sender's scheme. It is never changed.
type Provider struct {
	name string
	// schemes are the ways in which the sender signs, the strongest first.
	// The first whose header a request carries is the one that counts.
	schemes []scheme

	// event and delivery are the places of the event type and of the delivery
	// ID: the first that holds something counts.
	event    []place
	delivery []place
	// kinds are JSON paths of other names of the event, which a filter may use.
	kinds []string
	// action is the JSON path of what happened to the thing.
	action string
	// ping is the type of the sender's test request, which no one must act on.
	ping string
	// formField is the field that holds the JSON when the sender uses form
	// encoding; "" when it never does.
	formField string
	// pass are further headers worth keeping for whoever handles the event.
	pass []string
}

// place is where a sender writes something: a header, or a JSON path of the
// body.
type place struct {
	header string
	json   string
}

// scheme is one way to sign. A request is signed by it when it carries header.
type scheme struct {
	header    string
	algorithm algorithm
	encoding  encoding
	// prefix stands before each signature.
	prefix string
	// separator stands between several signatures, any of which may be the
	// right one; "" when there is only one.
	separator string
	// signed is what the signature covers, piece by piece.
	signed []piece
	// secret is how the configured text becomes the key.
	secret secretFormat
	// stamp is the header with the time of signing in seconds since 1970; ""
	// when the sender has none.
	stamp string
	// tolerance is how far that time may be away, to either side.
	tolerance time.Duration
}

// piece is a part of what is signed: fixed text, a header's value or, when
// both are empty, the body.
type piece struct {
	text   string
	header string
}

var theBody = []piece{{}}

type algorithm int

const (
	token algorithm = iota // the secret itself, in the header
	hmacSHA1
	hmacSHA256
)

// strong says whether the algorithm counts where SHA-256 or stronger is
// required. A token signs nothing.
func (a algorithm) strong() bool { return a >= hmacSHA256 }

type encoding int

const (
	lowerHex encoding = iota
	base64Std
)

// Lookup returns the provider of that name.
func Lookup(name string) (*Provider, bool) {
	at, found := slices.BinarySearchFunc(table, name, func(p *Provider, name string) int {
		return strings.Compare(p.name, name)
	})
	if !found {
		return nil, false
	}
	return table[at], true
}

// Names returns the names of all providers, in order.
func Names() []string {
	names := make([]string, len(table))
	for i, p := range table {
		names[i] = p.name
	}
	return names
}

// nobody is the sender of which nothing is known.
var nobody = &Provider{}

// Guess returns the provider whose event header the request carries, for an
// integration that names none. It tells what the event is, never who sent it.
// Without such a header it returns a provider that finds nothing.
func Guess(header http.Header) *Provider {
	for _, p := range table {
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
	for _, p := range table {
		for _, name := range p.eventHeaders() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Name is what an integration calls the provider.
func (p *Provider) Name() string { return p.name }

// SHA256 says whether the sender signs with SHA-256 or stronger.
func (p *Provider) SHA256() bool {
	return slices.ContainsFunc(p.schemes, func(s scheme) bool { return s.algorithm.strong() })
}

// CredentialHeaders returns the canonical names of the headers that prove who
// sent a request.
func (p *Provider) CredentialHeaders() []string {
	var names []string
	for i := range p.schemes {
		names = append(names, p.schemes[i].header)
	}
	return names
}

// ReservedHeaders returns the canonical names of the headers that say what a
// request is: event type, delivery ID and time of signing.
func (p *Provider) ReservedHeaders() []string {
	names := p.eventHeaders()
	for i := range p.schemes {
		if stamp := p.schemes[i].stamp; stamp != "" && !slices.Contains(names, stamp) {
			names = append(names, stamp)
		}
	}
	return names
}

// PassHeaders returns the canonical names of the headers that are kept with
// an event: they say what it is and hold no secret.
func (p *Provider) PassHeaders() []string {
	return append(p.eventHeaders(), p.pass...)
}

// FormField returns the form field that holds the sender's JSON, or "" when
// the sender never uses form encoding.
func (p *Provider) FormField() string { return p.formField }

func (p *Provider) eventHeaders() []string {
	var names []string
	for _, at := range slices.Concat(p.event, p.delivery) {
		if at.header != "" {
			names = append(names, at.header)
		}
	}
	return names
}
