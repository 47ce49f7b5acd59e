package sender

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/module/provider"
)

// adyenPayments checks Adyen's signature on its standard webhooks: eight fields
// of each item of the body, joined by colons.
type adyenPayments struct {
	keys []*macs
}

func newAdyenPayments(secrets []string) (provider.Verifier, error) {
	var a adyenPayments
	for _, secret := range secrets {
		key, err := hex.DecodeString(secret)
		if err != nil || len(key) == 0 {
			return nil, errSecretHex
		}
		a.keys = append(a.keys, newMACs(sha256.New, provider.Base64, key))
	}
	return a, nil
}

// The members read from a body, from each wrapped item, from the item, and from
// its parts.
var (
	adyenBody    = []string{"notificationItems"}
	adyenWrapped = []string{"NotificationRequestItem"}
	adyenItem    = []string{
		"pspReference", "originalReference", "merchantAccountCode", "merchantReference", "eventCode", "success",
		"amount", "additionalData",
	}
	adyenAmount     = []string{"value", "currency"}
	adyenAdditional = []string{"hmacSignature"}
)

func (a adyenPayments) Verify(r *provider.Request) Reason {
	return a.verifyBody(r, jsondoc.New(r.Body))
}

func (a adyenPayments) verifyBody(_ *provider.Request, body *jsondoc.Document) Reason {
	var items [1]jsondoc.Value
	if !signedMembers(body, adyenBody, items[:]) || !items[0].Exists() {
		return Missing
	}
	return eachEntry(items[0], a.verify)
}

// verify checks one item.
func (a adyenPayments) verify(entry jsondoc.Value) Reason {
	var wrapped, signature [1]jsondoc.Value
	var item [8]jsondoc.Value
	if !members(entry, adyenWrapped, wrapped[:]) || !members(wrapped[0], adyenItem, item[:]) {
		return Malformed
	}
	content, ok := adyenContent(&item)
	if !ok || !members(item[7], adyenAdditional, signature[:]) || signature[0].Text() == "" {
		return Malformed
	}
	sent, match := signature[0].Text(), 0
	for _, key := range a.keys {
		match |= key.compare(sent, content)
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// adyenContent returns the signed text of an item. Only the merchant's
// reference may contain a colon: in two fields it could be moved from one to
// the other.
func adyenContent(item *[8]jsondoc.Value) ([]byte, bool) {
	var amount [2]jsondoc.Value
	if !members(item[6], adyenAmount, amount[:]) {
		return nil, false
	}
	if _, whole := digits(strings.TrimPrefix(string(amount[0].Raw()), "-"), maxDigits); !whole {
		return nil, false
	}
	content := make([]byte, 0, 128)
	for i, field := range [...]*jsondoc.Value{
		&item[0], &item[1], &item[2], &item[3], &amount[0], &amount[1], &item[4], &item[5],
	} {
		if i > 0 {
			content = append(content, ':')
		}
		begin := len(content)
		if field == &amount[0] {
			content = append(content, field.Raw()...)
			continue
		}
		content = field.AppendText(content)
		if !isText(*field) || field != &item[3] && bytes.IndexByte(content[begin:], ':') >= 0 {
			return nil, false
		}
	}
	return content, true
}

// signAdyenPayments completes and signs the single item of a test event.
func signAdyenPayments(secret string, r *provider.Request) error {
	key, err := hex.DecodeString(secret)
	if err != nil {
		return errSecretHex
	}
	return changeBody(r, func(body map[string]any) error {
		items, _ := body["notificationItems"].([]any)
		if len(items) != 1 {
			return errors.New("the body does not have exactly one item")
		}
		wrapped, _ := items[0].(map[string]any)
		item, ok := wrapped["NotificationRequestItem"].(map[string]any)
		if !ok {
			return errors.New("the item is empty")
		}
		item["amount"] = map[string]any{"value": 0, "currency": "EUR"}
		item["success"] = "true"
		text, err := json.Marshal(item)
		if err != nil {
			return err
		}
		var found [8]jsondoc.Value
		members(jsondoc.New(text).Value(), adyenItem, found[:])
		content, ok := adyenContent(&found)
		if !ok {
			return errors.New("the item lacks the required fields")
		}
		item["additionalData"] = map[string]any{"hmacSignature": newMACs(sha256.New, provider.Base64, key).text(content)}
		return nil
	})
}
