package credential

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// defaultTokenHeader is where a JSON web token stands unless told otherwise. It
// follows the word Bearer there, and stands alone in any other header.
const defaultTokenHeader = "Authorization"

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

// ownClaims are always checked, each in its own way.
var ownClaims = []string{"iss", "aud", "exp", "nbf", "iat"}

// Kind implements Credential.
func (*JWT) Kind() string { return "jwt" }

type jwtForm struct {
	Issuer   string         `json:"issuer"`
	Audience string         `json:"audience,omitempty"`
	Claims   map[string]any `json:"claims,omitempty"`
	Header   string         `json:"header,omitempty"`
}

// read keeps an issuer that the configuration no longer has, so that the integration
// can still be changed or disabled.
func (t *JWT) read(f *form.Fields, in *Reading) bool {
	o := f.Object(t.Kind())
	t.Issuer = o.Text("issuer", "")
	t.Audience = o.Text("audience", "")
	t.Claims = readClaims(o)
	t.Header = o.Text("header", defaultTokenHeader)
	o.End()
	var facts IssuerFacts
	known := false
	if in.Rules.Issuer != nil {
		facts, known = in.Rules.Issuer(t.Issuer)
	}
	kept := Of[*JWT](in.Stored)
	switch {
	case t.Issuer == "":
		o.Refuse("issuer", form.Required, "it must not be empty%s", form.Choose("", in.Rules.Issuers))
	case !known && (kept == nil || kept.Issuer != t.Issuer):
		o.Refuse("issuer", form.NotFound, "unknown issuer%s%s", o.Show(t.Issuer), form.Choose(t.Issuer, in.Rules.Issuers))
	}
	switch {
	case t.Audience == "":
		o.Refuse("audience", form.Required, "it must not be empty: a token issued for another receiver would be accepted")
	case !readable(t.Audience, maxAudience):
		o.Refuse("audience", form.TooLong, "at most %d characters are allowed, and no control characters%s", maxAudience, o.Show(t.Audience))
	}
	if facts.SignsForAll && o.Sound("claims") && !t.saysWhose() {
		o.Refuse("claims", form.Required, "this issuer signs for everyone and for any audience, so email, sub or azp is required")
	}
	return true
}

// saysWhose reports whether a claim names the caller.
func (t *JWT) saysWhose() bool {
	return slices.ContainsFunc([]string{"email", "sub", "azp"}, func(name string) bool {
		_, isText := t.Claims[name].(string)
		return isText
	})
}

func readClaims(f *form.Fields) map[string]any {
	object := f.Object("claims")
	if object == nil || len(object.Members()) == 0 {
		return nil
	}
	claims := object.Members()
	if len(claims) > maxClaims {
		f.Refuse("claims", form.TooMany, "at most %d are allowed", maxClaims)
	}
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		text, isText := claims[name].(string)
		_, isFlag := claims[name].(bool)
		switch {
		case !isText && !isFlag:
			object.Mistyped(name, "a string, true or false", claims[name])
		case name == "" || !readable(name, maxClaimName):
			f.Refuse("claims", form.Invalid, "the name of a claim must have from 1 to %d characters, and no control characters", maxClaimName)
		case slices.Contains(ownClaims, name):
			object.Refuse(name, form.NotAllowed, "this claim is always checked, and cannot be set here")
		case isText && (text == "" || !readable(text, maxClaimText)):
			object.Refuse(name, form.Invalid, "must have from 1 to %d characters, and no control characters", maxClaimText)
		}
	}
	return claims
}

func readable(text string, most int) bool {
	return utf8.RuneCountInString(text) <= most && !strings.ContainsFunc(text, unicode.IsControl)
}

// readOption reads
//
//	jwt <issuer> {
//		audience <text>
//		claim    <name> <value>
//		header   <name>
//	}
//
// where a value true or false is a boolean.
func (*JWT) readOption(o Options) (any, error) {
	formed := jwtForm{Claims: make(map[string]any)}
	words, err := o.Words(1, 1)
	if err != nil {
		return nil, err
	}
	formed.Issuer = words[0]
	return &formed, o.Block(func(name string) error {
		switch name {
		case "audience":
			return o.Text(&formed.Audience)
		case "claim":
			var claim, value string
			if err := o.Pair(&claim, &value); err != nil {
				return err
			}
			if _, twice := formed.Claims[claim]; twice {
				return o.Errf("the claim '%s' is repeated", claim)
			}
			formed.Claims[claim] = value
			if value == "true" || value == "false" {
				formed.Claims[claim] = value == "true"
			}
			return nil
		case "header":
			return o.Text(&formed.Header)
		}
		return o.Unknown(&formed)
	}, "claim")
}

func (t *JWT) check(f *form.Fields, facts ProviderFacts) {
	if t.Header != defaultTokenHeader {
		checkHeader(f, "jwt.header", t.Header, facts)
	}
}

func (t *JWT) warn(warn Warn) {
	if t.Claims["email"] != nil && t.Claims["email_verified"] != true {
		warn("claims", "anyone may claim an email address: also require email_verified to be true")
	}
}

func (*JWT) keySize(Secret, ProviderFacts) (int, bool) { return 0, false }

func (t *JWT) masked() any { return &jwtForm{t.Issuer, t.Audience, t.Claims, t.Header} }

func (*JWT) shownAbsent() bool { return false }

func (t *JWT) mapSecrets(func(string, Secret) Secret) Credential { return t }

func (*JWT) flags() (set, all uint16) { return 1 << 8, 1 << 8 }

func (t *JWT) appendTo(raw []byte) ([]byte, error) {
	claims, err := t.claimTexts()
	if err != nil {
		return nil, err
	}
	return wire.AppendList(wire.AppendStrings(raw, t.Issuer, t.Audience, t.Header), claims), nil
}

// claimTexts returns the claims in one order, as names with their JSON.
func (t *JWT) claimTexts() ([]string, error) {
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

func (t *JWT) readStored(r *wire.StringDecoder, _ uint16) {
	t.Issuer, t.Audience, t.Header = r.String(), r.String(), r.String()
	texts := r.List()
	if len(texts)%2 != 0 {
		r.Fail()
		return
	}
	for pair := range slices.Chunk(texts, 2) {
		var value any
		if err := json.Unmarshal([]byte(pair[1]), &value); err != nil {
			r.Fail()
			return
		}
		if t.Claims == nil {
			t.Claims = make(map[string]any)
		}
		t.Claims[pair[0]] = value
	}
	if again, err := t.claimTexts(); err != nil || !slices.Equal(again, texts) {
		r.Fail()
	}
}

func (t *JWT) size() (entries, texts int) {
	texts = len(t.Issuer) + len(t.Audience) + len(t.Header)
	for name, value := range t.Claims {
		text, _ := value.(string)
		texts += len(name) + len(text)
	}
	return len(t.Claims), texts
}

func (t *JWT) uses([]string) []use { return []use{{"header", t.Header}} }

func (t *JWT) judge(*Checker) (judge, error) {
	j := &jwtJudge{
		header: http.CanonicalHeaderKey(t.Header),
		issuer: t.Issuer,
		want:   jwt.Want{Audience: t.Audience, Claims: t.Claims},
	}
	if j.header == defaultTokenHeader {
		j.scheme = "Bearer"
	}
	return j, nil
}

// issuerUnknown is the reason for a token of an issuer that the configuration has
// no longer.
const issuerUnknown provider.Reason = "issuer_unknown"

func (*JWT) reasons() []provider.Reason {
	return append([]provider.Reason{sender.Stale, sender.Unavailable, issuerUnknown, jwt.WrongIssuer, jwt.WrongAudience, jwt.WrongClaim}, commonReasons...)
}

func (t *JWT) logged() (key, value string) { return "jwt_issuer", t.Issuer }

// jwtJudge is what a JSON web token must be.
type jwtJudge struct {
	header, scheme string
	issuer         string
	want           jwt.Want
}

func (*jwtJudge) stage() stage { return byIssuer }

func (j *jwtJudge) look(q *Request) (present bool, reason provider.Reason) {
	_, present, reason = headerText(q.Header, j.header, j.scheme)
	return present, reason
}

// verify may have to wait for the issuer's keys.
func (j *jwtJudge) verify(ctx context.Context, q *Request, gateway Gateway) provider.Reason {
	text, present, reason := headerText(q.Header, j.header, j.scheme)
	if !present || reason != "" {
		return reason
	}
	issuer := gateway.Issuer(j.issuer)
	if issuer == nil {
		return issuerUnknown // the operator may have to name it again
	}
	return issuer.Verify(ctx, text, j.want, q.Now)
}

func (*jwtJudge) verifyBody(context.Context, *Request, Gateway) provider.Reason { return "" }

func (*jwtJudge) sample(*Sample) error { return sender.ErrSenderSigns }
