package provider

import (
	"cmp"
	"encoding/json"
)

// Description is a sender's scheme as plain data. Header names may be written
// in any case. JSON paths are names and array indexes separated by dots:
// `object_attributes.action`, `events.0.type`.
//
// For a sender that puts several events into one request, `#` stands for each
// entry of a list in the paths of Event, Delivery, Kinds and Action:
// `events.#.type`, or `#.type` if the body itself is the list. The lists of all
// paths must be nested in one another. A filter wants the request if it wants
// any of its events, and the first of those becomes the request's event.
type Description struct {
	// Name is the name that integrations use for the provider: lowercase letters,
	// digits and hyphens, at most 64.
	Name string `json:"name,omitempty"`

	// Schemes are the ways in which the sender authenticates, the strongest first.
	// The first scheme whose header a request carries counts.
	Schemes []Scheme `json:"schemes,omitempty"`

	// Event and Delivery are the places of the event type and of the delivery ID:
	// the first that has a value counts.
	Event    []Place `json:"event,omitempty"`
	Delivery []Place `json:"delivery,omitempty"`

	// Kinds are JSON paths of other names for the event, which a filter may use as
	// well.
	Kinds []string `json:"kinds,omitempty"`

	// Action are the JSON paths of what happened to the subject, the first of
	// which that has a value counts: a filter may ask for `type.action`.
	Action Paths `json:"action,omitempty"`

	// JSONLines means that the body may be JSON Lines: each line is then an entry
	// of the list that a leading `#` in a path means.
	JSONLines bool `json:"json_lines,omitempty"`

	// DeliveryRepeats means that events may share a delivery ID. A copy must then
	// also have the same body, even if a signed ID would otherwise decide alone.
	DeliveryRepeats bool `json:"delivery_repeats,omitempty"`

	// PerAttempt are the JSON paths of what changes when the sender retries, such
	// as a counter or a time: bodies that differ in nothing else are the same. `#`
	// stands for each entry of a list.
	PerAttempt []string `json:"per_attempt,omitempty"`

	// Pings are event types with which the sender only tests the connection, or
	// which concern the subscription itself. They are answered with a pong, unless
	// the integration's filter names them.
	Pings []string `json:"pings,omitempty"`

	// SHA256Optional means that the sender may sign with SHA-1, although it could
	// sign with SHA-256. An integration then requires SHA-256 only if it says so.
	SHA256Optional bool `json:"sha256_optional,omitempty"`

	// FormField is the field that holds the JSON if the sender uses form encoding.
	// Default: the sender never does.
	FormField string `json:"form_field,omitempty"`

	// Pass are further headers that are kept with an event. They must not contain
	// secrets.
	Pass []string `json:"pass,omitempty"`

	// Status is the status that the sender insists on for an accepted event, from
	// 200 to 299. Default: 202. A sender that gets 204 expects no body: filtered
	// events, duplicates and pings are then answered with 204, too.
	Status int `json:"status,omitempty"`

	// Handshakes are the requests about the subscription itself, with their
	// answers: those with which the sender verifies the address, tests the
	// connection, or announces its end. They start nothing.
	Handshakes []Handshake `json:"handshakes,omitempty"`

	// Sample is the event type of a test event. Default: `test`.
	Sample string `json:"sample,omitempty"`
}

// Paths are JSON paths. In JSON a single one may be written without a list.
type Paths []string

// MarshalJSON implements json.Marshaler.
func (p Paths) MarshalJSON() ([]byte, error) {
	if len(p) == 1 {
		return json.Marshal(p[0])
	}
	return json.Marshal([]string(p))
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Paths) UnmarshalJSON(text []byte) error {
	var single string
	if json.Unmarshal(text, &single) == nil {
		*p = nil
		if single != "" {
			*p = Paths{single}
		}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(p))
}

// Scheme is one way in which a sender authenticates. A request uses it if it
// carries Header.
type Scheme struct {
	// Header carries the credential.
	Header string `json:"header,omitempty"`

	// More are headers with further signatures of the same kind, for a sender that
	// signs with several keys. Any of them may be valid.
	More []string `json:"more,omitempty"`

	// Algorithm is how the credential is computed.
	Algorithm Algorithm `json:"algorithm,omitempty"`

	// Encoding is how a signature is written. Default: Hex.
	Encoding Encoding `json:"encoding,omitempty"`

	// Prefix precedes each signature or token: `sha256=`, `v1=`, `Bearer `. In
	// Authorization its case does not matter (RFC 9110, 11.1).
	Prefix string `json:"prefix,omitempty"`

	// Separator separates the parts of a header that holds several: signatures,
	// any of which may be valid, or others such as `t=1764000000`. Default: the
	// header is one part.
	Separator string `json:"separator,omitempty"`

	// Signed is what the signature covers, as text with places in it:
	//
	//	{body}         the raw body
	//	{payload}      the JSON: that of a form in FormField, otherwise the body
	//	{url}          the address that the sender was told to send to
	//	{header.NAME}  a header's value
	//	{part.NAME}    the part of Header that begins with NAME=, without that
	//
	// A token signs nothing, and has none.
	Signed string `json:"signed,omitempty"`

	// Secret is how the configured text becomes the key. Default: Text.
	Secret SecretFormat `json:"secret,omitempty"`

	// Time is the signing time. Default: the sender sends none.
	Time *Time `json:"time,omitempty"`

	// BodyUnsigned must be set if the signature does not cover the body at all:
	// anyone who has seen one request can send any body with its signature.
	BodyUnsigned bool `json:"body_unsigned,omitempty"`

	// InBody means that the credential is in the body: every request is assumed to
	// use the scheme, unless it carries another one's header. Only a scheme that
	// needs code can be like that, and it has no Header. For a body without the
	// credential, Verify returns Missing.
	InBody bool `json:"-"`

	// SignsDelivery means that a scheme that needs code covers the delivery ID.
	// For all others this is known.
	SignsDelivery bool `json:"-"`

	// NewVerifier creates the verifier of a scheme that needs code. Signed,
	// Prefix, Separator, Encoding and Secret are then ignored, and the code itself
	// checks Time. There is at least one secret, and none is empty; an error must
	// not repeat one.
	NewVerifier func(secrets []string) (Verifier, error) `json:"-"`

	// Sign sets the credential of a scheme that needs code, for test events.
	// Default: only the sender can sign.
	Sign func(secret string, r *Request) error `json:"-"`
}

// SetDefaults fills in the most common choices: an HMAC-SHA256, and a signature
// of the body. An integration that describes its sender may omit them.
func (s *Scheme) SetDefaults() {
	s.Algorithm = cmp.Or(s.Algorithm, HMACSHA256)
	if s.Signed == "" && s.Algorithm != Token {
		s.Signed = "{body}"
	}
}

// Algorithm is how a credential is computed.
type Algorithm string

// The algorithms. All but Token and HMACSHA1 count if SHA-256 or stronger is
// required.
const (
	Token      Algorithm = "token"        // the secret itself, which covers nothing
	HMACSHA1   Algorithm = "hmac-sha1"    // RFC 2104
	HMACSHA256 Algorithm = "hmac-sha256"  // RFC 2104
	HMACSHA384 Algorithm = "hmac-sha384"  // RFC 2104
	HMACSHA512 Algorithm = "hmac-sha512"  // RFC 2104
	Ed25519    Algorithm = "ed25519"      // RFC 8032; the secret is the public key
	ECDSA      Algorithm = "ecdsa-sha256" // P-256, signature in DER; the secret is the public key
)

// Encoding is how a signature is written.
type Encoding string

// The encodings.
const (
	Hex       Encoding = "hex"       // lowercase only
	Base64    Encoding = "base64"    // with padding
	Base64URL Encoding = "base64url" // without padding
)

// SecretFormat is how the configured text becomes the key.
type SecretFormat string

// The formats.
const (
	Text         SecretFormat = "text"   // the text's bytes are the key
	BasicPair    SecretFormat = "basic"  // `user:password`, sent in base64 (RFC 7617)
	Base64Secret SecretFormat = "base64" // the bytes that the text encodes
	HexSecret    SecretFormat = "hex"    // the bytes that the text encodes
	Whsec        SecretFormat = "whsec"  // base64, with or without a leading `whsec_`
	Whpk         SecretFormat = "whpk"   // an Ed25519 public key in base64, with or without `whpk_`
	SPKI         SecretFormat = "spki"   // a public key as base64 of its DER, or as PEM (RFC 5280)
)

// Time is the signing time, which the signature must cover. It may be older
// than now by Tolerance, and ahead of it by as much, but by no more than
// DefaultTolerance.
type Time struct {
	Place

	// Format is how it is written. Default: UnixSeconds.
	Format TimeFormat `json:"format,omitempty"`

	// Tolerance is in seconds, at most a day. It covers the retries of a sender
	// that does not sign them separately. Default: 300.
	Tolerance int `json:"tolerance,omitempty"`
}

// MaxTolerance is the maximum that an integration, or a scheme without code,
// may allow, in seconds.
const MaxTolerance = 24 * 60 * 60

// DefaultTolerance is how far a signing time may be off, in seconds.
const DefaultTolerance = 300

// TimeFormat is how a time is written.
type TimeFormat string

// The formats.
const (
	UnixSeconds TimeFormat = "unix"
	UnixMillis  TimeFormat = "unix-ms"
	RFC3339     TimeFormat = "rfc3339"
)

// Place is where a sender writes something. Exactly one field is set.
type Place struct {
	// Header is a header's name.
	Header string `json:"header,omitempty"`

	// JSON is a path in the body.
	JSON string `json:"json,omitempty"`

	// Query is a parameter of the URL. Only for handshakes.
	Query string `json:"query,omitempty"`

	// Form is a field of a form. Only for handshakes.
	Form string `json:"form,omitempty"`

	// Part is the name of a part of the credential header: `t` for `t=…`. Only for
	// Time.
	Part string `json:"part,omitempty"`
}

// Handshake is a request about the subscription itself, and its answer. At most
// 256 characters of printable ASCII are echoed.
type Handshake struct {
	// Method is the request's. Default: POST.
	Method string `json:"method,omitempty"`

	// When distinguishes the request from an event: all conditions must hold.
	When []Condition `json:"when,omitempty"`

	// Open answers without a valid credential, because the sender does not sign
	// this request. The answer can then not be computed with a secret.
	Open bool `json:"open,omitempty"`

	// Token is where the request repeats the verify token that the sender was
	// given. The integration's secrets hold it as `verify:WORD`.
	Token *Place `json:"token,omitempty"`

	// Status of the answer. Default: 200.
	Status int `json:"status,omitempty"`

	// Echo is what the answer repeats: as text, or as Member and EchoHeaders say.
	// Default: nothing.
	Echo *Place `json:"echo,omitempty"`

	// Member is the member of a JSON object that holds the echo.
	Member string `json:"member,omitempty"`

	// MACMember is another member, with the echo's HMAC-SHA256 under the secret in
	// hex. The echo must then consist of letters, digits, `-` and `_`.
	MACMember string `json:"mac_member,omitempty"`

	// EchoHeaders repeat the value at a place in the header with the name; a
	// header whose place has no value is omitted.
	EchoHeaders map[string]Place `json:"echo_headers,omitempty"`

	// JSON is a fixed answer.
	JSON string `json:"json,omitempty"`

	// Pong means that the request is not a handshake, but a test or a message: it
	// is answered like a ping.
	Pong bool `json:"pong,omitempty"`

	// Learn is where to find a secret that the sender chooses itself. It is
	// answered only while an admin has opened the window for it.
	Learn *Place `json:"learn,omitempty"`
}

// Condition holds if the place has the value Equals, or any value if that is
// empty, or no value if it must be absent, or a list without entries.
type Condition struct {
	Place
	Equals string `json:"equals,omitempty"`
	Absent bool   `json:"absent,omitempty"`
	Empty  bool   `json:"empty,omitempty"`
}
