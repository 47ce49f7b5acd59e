package sender

//go:generate go run ./senderdocs ../../docs/senders

import (
	"slices"
	"strings"

	"github.com/hookgate/hookgate/module/provider"
)

// Sender is a row of the table: a description, and the text of its page.
type Sender struct {
	provider.Description

	// Title is the sender's own name.
	Title string
	// Docs is the address of the sender's own documentation of its webhooks.
	Docs string
	// Setup describes where to click at the sender.
	Setup string
	// Delivers describes how it delivers.
	Delivers Facts
	// Proof describes the credential, and Secret how the secret is written, if the
	// schemes do not show it.
	Proof, Secret string
	// Notes are further remarks.
	Notes []string
}

// Facts describe how a sender delivers, according to its own documentation or
// code. All are given: what these do not say is NotKnown.
type Facts struct {
	// Batch describes whether a request contains several events.
	Batch string
	// Deadline is how long the sender waits for an answer.
	Deadline string
	// Success are the answers that it accepts.
	Success string
	// Retries describes when and how often it retries.
	Retries string
	// Signs describes whether each retry is signed separately.
	Signs string
	// GivesUp describes when the sender stops sending to the address.
	GivesUp string
	// Test describes what its test button, or something else, sends, and Seen the
	// answer to that.
	Test, Seen string
	// From are the pages with these facts.
	From []string
}

// Facts that many senders share.
const (
	NotKnown = "not known"

	oneEvent      = "no"
	nothingSigned = "nothing is signed"
	untimed       = "no time is signed: one signature is valid for all tries"
	none          = "none"

	asOldAsTheLastTry = "not known; so a signature may be as old as the last try"

	asEvent     = "as for any event: `accepted`, or `filtered` if `event_filter` does not want it"
	pong        = "200 `pong`"
	asHandshake = "the answer of the handshake below"
)

// Shorter names for the rows.
type (
	place     = provider.Place
	condition = provider.Condition
)

// Senders returns the rows of the table, sorted by name.
func Senders() []Sender {
	rows := slices.Concat(codeHosts, pipelines, desks, planning, chats, commerce, monitoring, identity, content, clouds, standards)
	slices.SortFunc(rows, func(a, b Sender) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

var (
	table  = compileTable()
	byName = indexTable()
	// eventHeaders are the event headers of all providers, in order.
	eventHeaders = indexEvents()
)

func compileTable() []*Provider {
	rows := Senders()
	compiled := make([]*Provider, len(rows))
	for i := range rows {
		p, err := Compile(&rows[i].Description)
		if err != nil {
			panic(err) // an invalid row: no test passes
		}
		compiled[i] = p
	}
	return compiled
}

func indexTable() map[string]*Provider {
	index := make(map[string]*Provider, len(table))
	for _, p := range table {
		index[p.name] = p
	}
	return index
}

type eventHeader struct {
	name     string
	provider *Provider
}

func indexEvents() []eventHeader {
	var headers []eventHeader
	for _, p := range table {
		for _, at := range p.event {
			if at.header != "" {
				headers = append(headers, eventHeader{at.header, p})
			}
		}
	}
	return headers
}

// hour is in seconds, like a tolerance. If it is not known whether a sender
// signs each retry separately, the tolerance covers its last one.
const hour = 60 * 60

// header and field are places.
func header(name string) place { return place{Header: name} }
func field(path string) place  { return place{JSON: path} }

// bodySHA256 is the most common scheme: the HMAC-SHA256 of the body in hex.
func bodySHA256(header, prefix string) provider.Scheme {
	return provider.Scheme{Header: header, Algorithm: provider.HMACSHA256, Prefix: prefix, Signed: "{body}"}
}

// authorization is for a sender that signs nothing, but sends a configured
// Authorization header.
var authorization = []provider.Scheme{
	{Header: "Authorization", Algorithm: provider.Token, Prefix: "Bearer "},
	{Header: "Authorization", Algorithm: provider.Token, Prefix: "Basic ", Secret: provider.BasicPair},
}
