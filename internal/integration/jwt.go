package integration

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/form"
)

// DefaultTokenHeader is where a JSON web token stands if nothing else is said.
// It follows the word Bearer there, and stands alone in any other header.
const DefaultTokenHeader = "Authorization"

// JWT is a JSON web token (RFC 7519) that an issuer of the configuration has
// signed. It holds no secret.
type JWT struct {
	// Issuer is the name that the configuration gives to the issuer.
	Issuer string
	// Audience is the one for which the token must have been made.
	Audience string
	// Claims must be in the token too. Each is a string or a bool.
	Claims map[string]any
	// Header carries the token.
	Header string
}

// The bounds of what is asked of a token.
const (
	maxAudience  = 1024 // characters
	maxClaims    = 10
	maxClaimName = 128 // characters
	maxClaimText = 1024
)

// ownClaims are checked always, each in its own way.
var ownClaims = []string{"iss", "aud", "exp", "nbf", "iat"}

// jwt reads what a token must be. An issuer that the configuration has no more
// may stay, so that the integration can still be changed or disabled.
func (p reading) jwt(f *form.Fields, kept *JWT) *JWT {
	if f == nil {
		return nil
	}
	token := &JWT{
		Issuer:   f.Text("issuer", ""),
		Audience: f.Text("audience", ""),
		Claims:   claims(f),
		Header:   f.Text("header", DefaultTokenHeader),
	}
	f.End()
	var facts IssuerFacts
	known := false
	if p.rules.Issuer != nil {
		facts, known = p.rules.Issuer(token.Issuer)
	}
	switch {
	case token.Issuer == "":
		f.Refuse("issuer", form.Required, "it must not be empty%s", form.Choose("", p.rules.Issuers))
	case !known && (kept == nil || kept.Issuer != token.Issuer):
		f.Refuse("issuer", form.NotFound, "the operator has configured no such issuer%s%s", f.Show(token.Issuer), form.Choose(token.Issuer, p.rules.Issuers))
	}
	switch {
	case token.Audience == "":
		f.Refuse("audience", form.Required, "it must not be empty: a token that was made for another receiver would do")
	case !readable(token.Audience, maxAudience):
		f.Refuse("audience", form.TooLong, "at most %d characters are allowed, and no control characters%s", maxAudience, f.Show(token.Audience))
	}
	if facts.SignsForAll && f.Sound("claims") && !token.saysWhose() {
		f.Refuse("claims", form.Required, "this issuer signs for everyone and for any audience, so that email, sub or azp is needed")
	}
	return token
}

// saysWhose says whether a claim names the caller.
func (t *JWT) saysWhose() bool {
	return slices.ContainsFunc([]string{"email", "sub", "azp"}, func(name string) bool {
		_, isText := t.Claims[name].(string)
		return isText
	})
}

func claims(f *form.Fields) map[string]any {
	object := f.Object("claims")
	if object == nil || len(object.Members()) == 0 {
		return nil
	}
	if len(object.Members()) > maxClaims {
		f.Refuse("claims", form.TooMany, "at most %d are allowed", maxClaims)
	}
	for _, name := range slices.Sorted(maps.Keys(object.Members())) {
		value := object.Members()[name]
		text, isText := value.(string)
		_, isFlag := value.(bool)
		switch {
		case !isText && !isFlag:
			object.Mistyped(name, "a string, true or false", value)
		case name == "" || !readable(name, maxClaimName):
			f.Refuse("claims", form.Invalid, "the name of a claim has from 1 to %d characters, and no control characters", maxClaimName)
		case slices.Contains(ownClaims, name):
			object.Refuse(name, form.NotAllowed, "this claim is checked always, and not here")
		case isText && (text == "" || !readable(text, maxClaimText)):
			object.Refuse(name, form.Invalid, "from 1 to %d characters are needed, and no control characters", maxClaimText)
		}
	}
	return object.Members()
}

func readable(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, unicode.IsControl)
}

// storedClaims returns the claims in one order, as names with their JSON.
func (t *JWT) storedClaims() ([]string, error) {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(t.Claims)) {
		value, err := json.Marshal(t.Claims[name])
		if err != nil {
			return nil, err
		}
		texts = append(texts, name, string(value))
	}
	return texts, nil
}

// jwt reads what appendJWT wrote.
func (r *storedReader) jwt() *JWT {
	t := &JWT{Issuer: r.text(), Audience: r.text(), Header: r.text()}
	texts := readList(r, r.text)
	if len(texts)%2 != 0 {
		r.fail()
		return t
	}
	for pair := range slices.Chunk(texts, 2) {
		var value any
		if err := json.Unmarshal([]byte(pair[1]), &value); err != nil {
			r.fail()
			return t
		}
		if t.Claims == nil {
			t.Claims = make(map[string]any)
		}
		t.Claims[pair[0]] = value
	}
	if again, err := t.storedClaims(); err != nil || !slices.Equal(again, texts) {
		r.fail()
	}
	return t
}

func appendJWT(raw []byte, t *JWT) ([]byte, error) {
	claims, err := t.storedClaims()
	if err != nil {
		return nil, err
	}
	return appendList(appendTexts(raw, t.Issuer, t.Audience, t.Header), claims), nil
}
