package sender

//go:generate go run ./senderdocs ../../docs/senders

import (
	"slices"
	"strings"

	"github.com/hookgate/hookgate/module/provider"
)

// Sender is a row of the table: a description, and what its page says.
type Sender struct {
	provider.Description

	// Title is the sender's own name.
	Title string
	// Docs is the sender's own page on its webhooks.
	Docs string
	// Setup says where to click at the sender.
	Setup string
	// Delivers says how it delivers.
	Delivers Facts
	// Proof says what the credential is, and Secret how the secret is written,
	// where the schemes do not tell.
	Proof, Secret string
	// Notes say what one should know besides.
	Notes []string
}

// Facts say how a sender delivers, as far as its own documents, or its code, do.
// None is left out: of what they do not say the row says so.
type Facts struct {
	// Batch says whether a request holds several events.
	Batch string
	// Deadline is how long the sender waits for an answer.
	Deadline string
	// Success are the answers that it takes.
	Success string
	// Retries say when it sends again, and how often.
	Retries string
	// Signs says whether a retry is signed anew.
	Signs string
	// GivesUp says when the sender stops sending to the address.
	GivesUp string
	// Test is what its button for a test sends, or else what does, and Seen the
	// answer that it gets.
	Test, Seen string
	// From are the pages that say so.
	From []string
}

// What many facts say.
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

// The rows use these shorter names.
type (
	place     = provider.Place
	condition = provider.Condition
)

// Senders returns the rows of the table, by name.
func Senders() []Sender {
	rows := slices.Concat(codeHosts, pipelines, desks, planning, chats, commerce, monitoring, identity, content, clouds, standards)
	slices.SortFunc(rows, func(a, b Sender) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

var (
	table  = compileTable()
	byName = indexTable()
	// eventHeaders are the event headers of all providers, in their order.
	eventHeaders = indexEvents()
)

func compileTable() []*Provider {
	rows := Senders()
	compiled := make([]*Provider, len(rows))
	for i := range rows {
		p, err := Compile(&rows[i].Description)
		if err != nil {
			panic(err) // a row is wrong: no test passes
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

// hour is in seconds, as a tolerance is. Of a sender of which it is not known whether it
// signs a retry anew, the tolerance covers its last one.
const hour = 60 * 60

// header and field are places.
func header(name string) place { return place{Header: name} }
func field(path string) place  { return place{JSON: path} }

// bodySHA256 is what most senders do: the HMAC-SHA256 of the body in hex.
func bodySHA256(header, prefix string) provider.Scheme {
	return provider.Scheme{Header: header, Algorithm: provider.HMACSHA256, Prefix: prefix, Signed: "{body}"}
}

// authorization is for a sender that signs nothing, but sends the
// Authorization header that one gives it.
var authorization = []provider.Scheme{
	{Header: "Authorization", Algorithm: provider.Token, Prefix: "Bearer "},
	{Header: "Authorization", Algorithm: provider.Token, Prefix: "Basic ", Secret: provider.BasicPair},
}
