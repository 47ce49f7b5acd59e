package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"

	public "github.com/hookgate/hookgate/module/provider"
)

// mailgun checks what Mailgun signs: a time and a random token. They stand in
// the body, the signature beside them, and the rest of it is not signed.
type mailgun struct {
	secrets []string
}

var mailgunClock = &clock{format: public.UnixSeconds, tolerance: public.DefaultTolerance}

func newMailgun(secrets []string) (public.Verifier, error) { return mailgun{secrets}, nil }

func (m mailgun) Verify(r *public.Request) Reason {
	body, ok := readSignedObject(r.Body)
	if !ok || !body.get("signature").Exists() {
		return Missing
	}
	signature, ok := body.object("signature")
	if !ok {
		return Malformed
	}
	time, timed := signature.text("timestamp")
	if !timed { // it may be written as a number
		time, timed = signature.get("timestamp").Raw, true
	}
	token, named := signature.text("token")
	own, signed := signature.text("signature")
	// Of a subaccount's events the account signs too, with its own key.
	parent, inherited := signature.text("parent-signature")
	if !timed || !named || !signed || !inherited || !isName(token) || own == "" {
		return Malformed
	}
	if reason := mailgunClock.check(time, r.Now); reason != "" {
		return reason
	}
	match := 0
	for _, secret := range m.secrets {
		expected := mailgunSign(secret, time+token)
		match |= subtle.ConstantTimeCompare([]byte(own), expected) | subtle.ConstantTimeCompare([]byte(parent), expected)
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

func mailgunSign(secret, content string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(content))
	return hex.AppendEncode(nil, mac.Sum(nil))
}

// signMailgun signs a test event, whose token is there already.
func signMailgun(secret string, r *public.Request) error {
	return changeBody(r, func(body map[string]any) error {
		signature, ok := body["signature"].(map[string]any)
		token, named := signature["token"].(string)
		if !ok || !named {
			return fmt.Errorf("the body has no signature.token")
		}
		time := mailgunClock.write(r.Now)
		signature["timestamp"] = time
		signature["signature"] = string(mailgunSign(secret, time+token))
		return nil
	})
}

// changeBody changes the JSON of a test event.
func changeBody(r *public.Request, change func(body map[string]any) error) error {
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
