package sender

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// mailgun checks Mailgun's signature of a time and a random token. They are in
// the body next to the signature; the rest of the body is not signed.
type mailgun struct {
	keys []*macs
}

// mailgunTime is the signing time. Mailgun retries for eight hours, and does
// not say whether it signs each retry separately.
var mailgunTime = &provider.Time{Place: field("signature.timestamp"), Tolerance: 9 * hour}

var mailgunClock = compileTime(mailgunTime)

func newMailgun(secrets []string) (provider.Verifier, error) {
	return mailgun{sha256MACs(secrets, provider.Hex)}, nil
}

// The members read from a body, and from its signature.
var (
	mailgunBody = []string{"signature"}
	// A subaccount's events are also signed by the parent account, with its own
	// key.
	mailgunNames = []string{"timestamp", "token", "signature", "parent-signature"}
)

func (m mailgun) Verify(r *provider.Request) Reason { return m.verifyBody(r, jsondoc.New(r.Body)) }

func (m mailgun) verifyBody(r *provider.Request, body *jsondoc.Document) Reason {
	var signature [1]jsondoc.Value
	if !signedMembers(body, mailgunBody, signature[:]) || !signature[0].Exists() {
		return Missing
	}
	var found [4]jsondoc.Value
	if !members(signature[0], mailgunNames, found[:]) {
		return Malformed
	}
	time := found[0].Text()
	if found[0].IsNumber() { // the time may be written as a number
		time = string(found[0].Raw())
	}
	token, own, parent := found[1].Text(), found[2].Text(), found[3].Text()
	if !isText(found[1]) || !isText(found[2]) || !isText(found[3]) || !isName(token) || own == "" {
		return Malformed
	}
	if reason := mailgunClock.checkOf(time, r); reason != "" {
		return reason
	}
	match := 0
	for _, key := range m.keys {
		match |= key.compare(own, nil, time, token)
		if parent != "" {
			match |= key.compare(parent, nil, time, token)
		}
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// signMailgun signs a test event, which already has its token.
func signMailgun(secret string, r *provider.Request) error {
	return changeBody(r, func(body map[string]any) error {
		signature, ok := body["signature"].(map[string]any)
		token, named := signature["token"].(string)
		if !ok || !named {
			return fmt.Errorf("the body has no signature.token")
		}
		time := mailgunClock.write(r.Now)
		signature["timestamp"] = time
		signature["signature"] = newMACs(sha256.New, provider.Hex, []byte(secret)).text(nil, time, token)
		return nil
	})
}

// changeBody modifies the JSON of a test event.
func changeBody(r *provider.Request, change func(body map[string]any) error) error {
	var body map[string]any
	err := json.Unmarshal(r.Body, &body)
	if err == nil {
		err = change(body)
	}
	if err == nil {
		r.Body, err = json.Marshal(body)
	}
	if err != nil {
		return fmt.Errorf("signing the body: %w", err)
	}
	return nil
}
