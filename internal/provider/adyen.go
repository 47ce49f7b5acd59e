package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tidwall/gjson"

	public "github.com/hookgate/hookgate/module/provider"
)

// adyenPayments checks what Adyen signs of its standard webhooks: eight fields
// of each item of the body, with colons between them.
type adyenPayments struct {
	keys [][]byte
}

func newAdyenPayments(secrets []string) (public.Verifier, error) {
	var a adyenPayments
	for _, secret := range secrets {
		key, err := hex.DecodeString(secret)
		if err != nil || len(key) == 0 {
			return nil, errSecretHex
		}
		a.keys = append(a.keys, key)
	}
	return a, nil
}

func (a adyenPayments) Verify(r *public.Request) Reason {
	body, ok := readSignedObject(r.Body)
	if !ok || !body.get("notificationItems").Exists() {
		return Missing
	}
	return body.each("notificationItems", a.verify)
}

// verify checks one item.
func (a adyenPayments) verify(entry gjson.Result) Reason {
	wrapped, ok := signedMembers(entry)
	if !ok {
		return Malformed
	}
	item, ok := wrapped.object("NotificationRequestItem")
	if !ok {
		return Malformed
	}
	content, ok := adyenContent(item)
	if !ok {
		return Malformed
	}
	additional, ok := item.object("additionalData")
	if !ok {
		return Malformed
	}
	signature, ok := additional.text("hmacSignature")
	if !ok || signature == "" {
		return Malformed
	}
	match := 0
	for _, key := range a.keys {
		match |= subtle.ConstantTimeCompare([]byte(signature), adyenSign(key, content))
	}
	if match != 1 {
		return Mismatch
	}
	return ""
}

// adyenContent is what is signed of an item. A colon may stand in the merchant's
// reference alone: in two fields it could be moved from one to the other.
func adyenContent(item signedObject) (string, bool) {
	amount, ok := item.object("amount")
	if !ok {
		return "", false
	}
	value := amount.get("value").Raw
	if _, whole := digits(strings.TrimPrefix(value, "-"), maxDigits); !whole {
		return "", false
	}
	var content strings.Builder
	for i, field := range [...]struct {
		object signedObject
		name   string
	}{
		{item, "pspReference"}, {item, "originalReference"}, {item, "merchantAccountCode"}, {item, "merchantReference"},
		{nil, ""}, {amount, "currency"}, {item, "eventCode"}, {item, "success"},
	} {
		text, ok := value, true
		if field.object != nil {
			text, ok = field.object.text(field.name)
		}
		if !ok || field.name != "merchantReference" && strings.Contains(text, ":") {
			return "", false
		}
		if i > 0 {
			content.WriteByte(':')
		}
		content.WriteString(text)
	}
	return content.String(), true
}

func adyenSign(key []byte, content string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(content))
	return base64.StdEncoding.AppendEncode(nil, mac.Sum(nil))
}

// signAdyenPayments completes and signs the one item of a test event.
func signAdyenPayments(secret string, r *public.Request) error {
	key, err := hex.DecodeString(secret)
	if err != nil {
		return errSecretHex
	}
	return changeBody(r, func(body map[string]any) error {
		items, _ := body["notificationItems"].([]any)
		if len(items) != 1 {
			return errors.New("the body has not one item")
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
		object, _ := readSignedObject(text)
		content, ok := adyenContent(object)
		if !ok {
			return errors.New("the item has no such fields")
		}
		item["additionalData"] = map[string]any{"hmacSignature": string(adyenSign(key, content))}
		return nil
	})
}
