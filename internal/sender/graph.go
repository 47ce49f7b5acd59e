package sender

import (
	"errors"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
)

// graph checks the clientState that Microsoft Graph repeats in every entry of a
// body: the text given when the subscription was created.
type graph struct {
	states Digests
}

// maxClientState is the longest text that Graph accepts, in characters.
const maxClientState = 128

var errSecretState = errors.New("a secret of this provider is a clientState, at most 128 characters of printable ASCII")

func newGraph(secrets []string) (provider.Verifier, error) {
	var g graph
	for _, secret := range secrets {
		if secret == "" || len(secret) > maxClientState || !syntax.IsPrintable(secret) {
			return nil, errSecretState
		}
		g.states.Add(secret)
	}
	return g, nil
}

// The members read from a body, and from each of its entries.
var (
	graphBody  = []string{"value"}
	graphNames = []string{"clientState"}
)

func (g graph) Verify(r *provider.Request) Reason { return g.verifyBody(r, jsondoc.New(r.Body)) }

func (g graph) verifyBody(_ *provider.Request, body *jsondoc.Document) Reason {
	var value [1]jsondoc.Value
	if !signedMembers(body, graphBody, value[:]) || !value[0].Exists() {
		return Missing
	}
	return eachEntry(value[0], func(entry jsondoc.Value) Reason {
		var state [1]jsondoc.Value
		switch {
		case !members(entry, graphNames, state[:]) || !isText(state[0]):
			return Malformed
		case !g.states.Match(state[0].Text()):
			return Mismatch
		}
		return ""
	})
}

// signGraph sets the clientState of a test event.
func signGraph(secret string, r *provider.Request) error {
	return changeBody(r, func(body map[string]any) error {
		entries, _ := body["value"].([]any)
		for _, entry := range entries {
			if entry, ok := entry.(map[string]any); ok {
				entry["clientState"] = secret
			}
		}
		if len(entries) == 0 {
			return errors.New("the body has no entry")
		}
		return nil
	})
}
