package integration

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strings"
)

// generatedID writes webhook IDs: lower case, since people read them aloud.
var generatedID = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newWebhookID draws a webhook ID of 128 random bits.
func newWebhookID() string {
	var raw [16]byte
	rand.Read(raw[:]) // never fails, says crypto/rand
	return generatedID.EncodeToString(raw[:])
}

// ValidWebhookID reports whether the text is `[A-Za-z0-9][A-Za-z0-9_-]{0,127}`.
func ValidWebhookID(text string) bool { return valid(text, 128, "_-") }

// ValidProject reports whether the text is `[A-Za-z0-9][A-Za-z0-9._@-]{0,127}`.
func ValidProject(text string) bool { return valid(text, 128, "._@-") }

// ValidResourceID reports whether the text is `[A-Za-z0-9][A-Za-z0-9._@:/-]{0,255}`
// without a segment `.` or `..`.
func ValidResourceID(text string) bool {
	if !valid(text, 256, "._@:/-") {
		return false
	}
	segments := strings.Split(text, "/")
	return !slices.Contains(segments, ".") && !slices.Contains(segments, "..")
}

// valid reports whether the text begins with a letter or digit of ASCII and goes
// on with those and the marks.
func valid(text string, longest int, marks string) bool {
	if text == "" || len(text) > longest || !alphanumeric(text[0]) {
		return false
	}
	for i := range len(text) {
		if !alphanumeric(text[i]) && strings.IndexByte(marks, text[i]) < 0 {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
