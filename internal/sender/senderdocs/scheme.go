package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

var algorithmText = map[provider.Algorithm]string{
	provider.Token:      "the secret itself",
	provider.HMACSHA1:   "HMAC-SHA1",
	provider.HMACSHA256: "HMAC-SHA256",
	provider.HMACSHA384: "HMAC-SHA384",
	provider.HMACSHA512: "HMAC-SHA512",
	provider.Ed25519:    "Ed25519",
	provider.ECDSA:      "ECDSA (P-256, SHA-256)",
}

// proof summarises how a scheme authenticates the sender.
func proof(of *sender.Sender, s *provider.Scheme) string {
	text := cmp.Or(of.Proof, algorithmText[s.Algorithm])
	if s.InBody {
		return text
	}
	return fmt.Sprintf("`%s`: %s", s.Header, text)
}

var secretTexts = map[provider.SecretFormat]string{
	provider.Text:         "plain text, the same here and at the sender",
	provider.BasicPair:    "`user:password`",
	provider.Base64Secret: "base64, as the sender shows it",
	provider.HexSecret:    "hexadecimal, as the sender shows it",
	provider.Whsec:        "base64, with or without a leading `whsec_`",
	provider.Whpk:         "the sender's public key, with or without a leading `whpk_`",
	provider.SPKI:         "the sender's public key, in base64 or PEM",
}

// secretText describes how the secret is written.
func secretText(s *sender.Sender) string {
	if s.Secret != "" {
		return s.Secret
	}
	var ways []string
	for _, scheme := range s.Schemes {
		if text := secretTexts[scheme.Secret.OrDefault(scheme.Algorithm)]; !slices.Contains(ways, text) {
			ways = append(ways, text)
		}
	}
	return strings.Join(ways, ", or ")
}

// arrives lists where type, action and delivery ID are.
func arrives(s *sender.Sender) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- Event type: %s", places(s.Event, "none; a filter would let nothing through"))
	if s.Sample != "" && len(s.Event) > 0 {
		fmt.Fprintf(&b, ", for example `%s`", s.Sample)
	}
	b.WriteString("\n")
	for _, path := range s.Kinds {
		fmt.Fprintf(&b, "- A filter may also ask for the body's `%s`\n", path)
	}
	if len(s.Action) > 0 {
		fmt.Fprintf(&b, "- Action: the body's `%s`; a filter may ask for `type.action`\n", strings.Join(s.Action, "`, else its `"))
	}
	fmt.Fprintf(&b, "- Delivery ID: %s\n", places(s.Delivery, "none; set `dedupe` to `body` to detect duplicates"))
	if len(s.Delivery) > 0 {
		fmt.Fprintf(&b, "- A copy has %s\n", copyText(s))
	}
	if lists, _ := s.Lists(); len(lists) > 0 {
		b.WriteString("- A request may contain several events: `#` stands for each entry of a list. It is wanted if the filter wants any of them, and the first of those becomes its event\n")
	}
	if len(s.Pings) > 0 {
		fmt.Fprintf(&b, "- Answered with a pong, unless the filter names it: `%s`\n", strings.Join(s.Pings, "`, `"))
	}
	if s.FormField != "" {
		fmt.Fprintf(&b, "- Form encoding is supported: the trigger receives the JSON in the field `%s`\n", s.FormField)
	}
	switch s.Status {
	case 0:
	case 204:
		b.WriteString("- The sender expects no body: accepted and filtered events, duplicates and pings are answered with 204\n")
	default:
		fmt.Fprintf(&b, "- The sender insists on a %d for an accepted event\n", s.Status)
	}
	return b.String()
}

// copyText returns what a copy of an event has in common with it.
func copyText(s *sender.Sender) string {
	text := "the same delivery ID and event type, and the same body"
	if p, found := sender.Lookup(s.Name); found && p.Numbers() {
		const signed = "the same delivery ID and event type: the ID is signed, so the body is ignored"
		if lists, _ := s.Lists(); len(lists) > 0 {
			return signed + ", unless the request contains several events"
		}
		return signed
	}
	if len(s.PerAttempt) > 0 {
		text += ", ignoring `" + strings.Join(s.PerAttempt, "`, `") + "`"
	}
	return text
}

func places(all []provider.Place, none string) string {
	if len(all) == 0 {
		return none
	}
	texts := make([]string, len(all))
	for i, at := range all {
		texts[i] = placeText(at)
	}
	return strings.Join(texts, ", else ")
}

func placeText(at provider.Place) string {
	switch {
	case at.Header != "":
		return "the header `" + at.Header + "`"
	case at.Query != "":
		return "the parameter `" + at.Query + "`"
	case at.Form != "":
		return "the form field `" + at.Form + "`"
	case at.Part != "":
		return "the part `" + at.Part + "=`"
	}
	return "the body's `" + at.JSON + "`"
}

// checked lists what each scheme checks.
func checked(s *sender.Sender) string {
	var b strings.Builder
	for i := range s.Schemes {
		scheme := &s.Schemes[i]
		b.WriteString("- ")
		if !scheme.InBody {
			headers := append([]string{scheme.Header}, scheme.More...)
			fmt.Fprintf(&b, "`%s`: ", strings.Join(headers, "`, `"))
		}
		b.WriteString(cmp.Or(s.Proof, algorithmText[scheme.Algorithm]))
		switch {
		case scheme.NewVerifier != nil && s.Proof != "":
		case scheme.NewVerifier != nil:
			b.WriteString(", as the sender documents it")
		case scheme.Signed == "{body}":
			fmt.Fprintf(&b, " of the body, in %s", encodingText(scheme.Encoding))
		case scheme.Signed == "{payload}":
			fmt.Fprintf(&b, " of the JSON (the body, or the field of a form), in %s", encodingText(scheme.Encoding))
		case scheme.Signed != "":
			fmt.Fprintf(&b, " of `%s`, in %s", scheme.Signed, encodingText(scheme.Encoding))
		}
		if scheme.Prefix != "" {
			fmt.Fprintf(&b, ", after `%s`", scheme.Prefix)
		}
		if scheme.Separator != "" {
			b.WriteString("; the header may hold several, any of which may be right")
		}
		b.WriteString("\n")
		if scheme.Time != nil {
			old := tolerance(scheme.Time)
			fmt.Fprintf(&b, "- Signing time: %s, at most %s old, and at most %s ahead\n",
				placeText(scheme.Time.Place), span(old), span(min(old, provider.DefaultTolerance)))
		}
	}
	if len(s.Schemes) > 1 {
		b.WriteString("\nThe first of these that a request carries counts.\n")
	}
	return b.String()
}

func encodingText(e provider.Encoding) string {
	if e == "" {
		return string(provider.Hex)
	}
	return string(e)
}

// span formats seconds in the largest whole unit.
func span(seconds int) string {
	switch {
	case seconds == 60*60:
		return "an hour"
	case seconds%(60*60) == 0:
		return fmt.Sprintf("%d hours", seconds/(60*60))
	case seconds%60 == 0 && seconds > 60:
		return fmt.Sprintf("%d minutes", seconds/60)
	}
	return fmt.Sprintf("%d seconds", seconds)
}

func tolerance(t *provider.Time) int {
	if t.Tolerance == 0 {
		return provider.DefaultTolerance
	}
	return t.Tolerance
}

// handshakes lists the requests that are answered at the edge.
func handshakes(s *sender.Sender) string {
	var b strings.Builder
	for i := range s.Handshakes {
		h := &s.Handshakes[i]
		method := h.Method
		if method == "" {
			method = "POST"
		}
		fmt.Fprintf(&b, "- `%s`", method)
		for _, c := range h.When {
			switch {
			case c.Empty:
				fmt.Fprintf(&b, ", if %s is an empty list", placeText(c.Place))
			case c.Absent:
				fmt.Fprintf(&b, ", without %s", placeText(c.Place))
			case c.Equals != "":
				fmt.Fprintf(&b, ", if %s is `%s`", placeText(c.Place), c.Equals)
			default:
				fmt.Fprintf(&b, ", with %s", placeText(c.Place))
			}
		}
		fmt.Fprintf(&b, ": %s\n", strings.Join(handshakeAnswer(h), "; "))
	}
	return b.String()
}

func handshakeAnswer(h *provider.Handshake) []string {
	var parts []string
	switch {
	case h.Pong:
		parts = append(parts, "answered with a pong; nothing starts")
	case h.Learn != nil:
		parts = append(parts, "while the window that an admin opened is open, the secret is kept until the admin confirms it")
	case h.Member != "":
		parts = append(parts, fmt.Sprintf("answered with %s, in the JSON member `%s`", placeText(*h.Echo), h.Member))
	case h.Echo != nil:
		parts = append(parts, "answered with "+placeText(*h.Echo)+", as text")
	case h.JSON != "":
		parts = append(parts, "answered with `"+h.JSON+"`")
	default:
		parts = append(parts, "answered without a body")
	}
	for _, name := range slices.Sorted(maps.Keys(h.EchoHeaders)) {
		parts = append(parts, fmt.Sprintf("`%s` repeats %s", name, placeText(h.EchoHeaders[name])))
	}
	switch {
	case h.Token != nil:
		parts = append(parts, placeText(*h.Token)+" must be the token in the secret `verify:WORD`")
	case !h.Open:
		parts = append(parts, "only with a valid credential")
	}
	return parts
}

// signsDelivery reports whether the signature covers a delivery ID.
func signsDelivery(s *sender.Sender) bool {
	return slices.ContainsFunc(s.Delivery, func(at provider.Place) bool {
		return at.JSON != "" || strings.Contains(s.Schemes[0].Signed, "{header."+at.Header+"}")
	})
}

// limits lists what the scheme leaves open to abuse, and the row's own notes.
func limits(s *sender.Sender) []string {
	var lines []string
	first := &s.Schemes[0]
	if first.Algorithm == provider.Token && first.NewVerifier == nil {
		lines = append(lines, "The credential does not cover the body: use https, and keep it secret.")
	}
	if first.InBody {
		lines = append(lines, "Because the credential is in the body, the whole body is read first, and no other credential can replace it, even with `match` `any`.")
	}
	if first.Algorithm != provider.Token && first.Time == nil && first.NewVerifier == nil {
		lines = append(lines, "No time is signed: anyone who has seen a request can send it again, and only `dedupe` keeps a copy from starting something twice.")
	}
	if first.Time != nil && tolerance(first.Time) > provider.DefaultTolerance && !signsDelivery(s) {
		lines = append(lines, "While a signature is valid, anyone who has seen a request can send it again: set `dedupe` to `body`, so that a copy starts nothing.")
	}
	if first.Algorithm == provider.HMACSHA1 {
		lines = append(lines, "The signature uses HMAC-SHA1: `require_sha256_signature` cannot be set.")
	}
	if strings.Contains(first.Signed, "{url}") {
		lines = append(lines, "The signature covers the URL that the sender was given: set `public_url` if the gateway is behind a proxy.")
	}
	if strings.Contains(first.Signed, "{url}{") {
		lines = append(lines, "What is signed does not mark where the URL ends, so it must not have a query: bytes of the body could be moved there.")
	}
	return append(lines, s.Notes...)
}
