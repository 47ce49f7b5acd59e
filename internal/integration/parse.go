package integration

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/internal/stray"
	"github.com/hookgate/hookgate/module/provider"
)

// The bounds of an integration.
const (
	maxAlias       = 200  // characters
	maxSecrets     = 5    // in a list
	maxSecretSize  = 4096 // bytes
	maxUsername    = 256  // characters
	maxFilter      = 200  // entries
	maxFilterEntry = 128  // characters
	maxFilterStars = 4    // in one entry
	maxResources   = 8
)

// form is how the JSON form of an integration is read.
type form struct {
	rules Rules

	// project and webhookID are those of the path, "" when it names none.
	project, webhookID string

	// stored is what the form changes: a mask keeps a secret of it. It is nil
	// when there is nothing stored.
	stored *Integration

	// cleared are the fields that a patch has set to null, by the path of their
	// object.
	cleared map[string][]string

	// declared says that it is the configuration's: nobody else gives it a
	// webhook ID and the sender's secret.
	declared bool

	// expand is nil where a secret's text is taken literally.
	expand func(field, text string) (string, error)
}

// read returns the integration that a decoded document describes, complete
// but for what the service adds, or a Refusal.
func (p form) read(document any) (*Integration, error) {
	f := newFields(document)
	f.faults.cleared, f.faults.private = p.cleared, make(private)
	f.faults.private.note(f.left[credentials])
	in := &Integration{
		WebhookID: name(f, "webhook_id", p.webhookID, p.declared, ValidWebhookID, "_ -"),
		Project:   name(f, "project", p.project, true, ValidProject, ". _ @ -"),
		Alias:     p.alias(f),
		IsEnabled: orElse(f.flag("is_enabled"), true),
	}
	in.Authentication = p.authentication(f)
	in.EventFilter = eventFilter(f)
	in.Match = expression(f)
	in.Dedupe = oneOf(f, "dedupe", DedupeDelivery, DedupeBody, DedupeNone)
	in.Resources = p.resources(f, in)
	in.Payload = shape(f)
	f.skip("webhook_url", "managed_by", "created_at", "updated_at", "warnings")
	f.end()
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	return in, nil
}

// name reads a field that the path may name too. Only a webhook ID that is not
// required may be missing in both: "" then.
func name(f *fields, field, path string, required bool, valid func(string) bool, marks string) string {
	present := f.has(field)
	text := f.text(field, path)
	switch {
	case path != "" && text != path:
		f.refuse(field, codeConflict, "it must be the one in the path%s", f.show(text))
	case !present && text == "" && required:
		f.refuse(field, codeRequired, "it is needed")
	case !valid(text) && (present || required):
		f.refuse(field, codeInvalid, "up to 128 letters and digits of ASCII and %s are needed, a letter or digit first%s", marks, f.show(text))
	}
	return text
}

func (p form) alias(f *fields) string {
	alias := f.text("alias", "")
	switch {
	case utf8.RuneCountInString(alias) > maxAlias:
		f.refuse("alias", codeTooLong, "at most %d characters are allowed%s", maxAlias, f.show(alias))
	case strings.ContainsFunc(alias, unicode.IsControl):
		f.refuse("alias", codeInvalid, "control characters are not allowed%s", f.show(alias))
	}
	return alias
}

// credentials is the field of the ways in. What stands below it may be a secret.
const credentials = "authentication"

func (p form) authentication(f *fields) (auth Authentication) {
	a := f.object(credentials)
	if a == nil {
		a = &fields{path: credentials, faults: f.faults}
	}
	var kept Authentication
	if p.stored != nil {
		kept = p.stored.Authentication
	}
	auth.SecureHeader = p.secureHeader(a.object("secure_header"), kept.SecureHeader)
	auth.Signature = p.signature(a.object("signature"), kept.Signature)
	auth.Basic = p.basic(a.object("basic"), kept.Basic)
	auth.Bearer = p.bearer(a.object("bearer"), kept.Bearer)
	auth.JWT = p.jwt(a.object("jwt"), kept.JWT)
	auth.ClientCertificate = certificate(a.object("client_certificate"))
	auth.SourceIPs = sources(a)
	auth.RequireSHA256Signature = orElse(a.flag("require_sha256_signature"), p.rules.facts(&auth).requiresSHA256())
	auth.Match = oneOf(a, "match", MatchAny, MatchAll)
	auth.AllowUnauthenticated = orElse(a.flag("allow_unauthenticated"), false)
	a.end()
	p.rules.checkCredentials(a, &auth)
	return auth
}

func (p form) secureHeader(f *fields, kept *SecureHeader) *SecureHeader {
	if f == nil {
		return nil
	}
	header := &SecureHeader{Name: f.text("name", "")}
	var stored []Secret
	if kept != nil && strings.EqualFold(kept.Name, header.Name) {
		stored = []Secret{kept.Value}
	}
	if header.Name == "" {
		f.refuse("name", codeRequired, "it must not be empty")
	}
	header.Value = p.secret(f, "value", f.text("value", ""), stored)
	if !visible(header.Value.value) {
		f.refuse("value", codeInvalid, "only printable ASCII is allowed")
	}
	f.end()
	return header
}

func (p form) signature(f *fields, kept *Signature) *Signature {
	if f == nil {
		return nil
	}
	signature := &Signature{Provider: f.text("provider", "")}
	facts := p.provider(f, signature)
	var stored []Secret
	if kept != nil && kept.sameSender(signature) {
		stored = kept.Secrets
	}
	least := 1
	if facts.Learns {
		least = 0
	}
	signature.Secrets = p.secrets(f, "secrets", least, stored)
	if p.declared && len(signature.Secrets) == 0 {
		f.refuse("secrets", codeRequired, "a declared integration needs one: only those of the admin API learn what the sender brings")
	}
	for i, secret := range signature.Secrets {
		if facts.CheckSecret == nil || !f.sound(item("secrets", i)) {
			continue
		}
		if err := facts.CheckSecret(secret.value); err != nil {
			f.refuse(item("secrets", i), codeInvalid, "%v", err)
		}
	}
	signature.Tolerance = tolerance(f, facts)
	f.end()
	return signature
}

// tolerance reads how old a signature may be. The provider custom says that where it
// says where the time of signing stands.
func tolerance(f *fields, facts ProviderFacts) int {
	const name = "tolerance"
	if !f.has(name) {
		return 0
	}
	seconds := f.number(name, 0)
	switch {
	case !f.sound("provider"):
	case !facts.Timed:
		f.refuse(name, codeConflict, "this provider's signature has no time of signing, or its description tells how old it may be")
	case seconds > provider.MaxTolerance:
		f.refuse(name, codeInvalid, "at most %d seconds are allowed%s", provider.MaxTolerance, f.show(strconv.Itoa(seconds)))
	}
	return seconds
}

func (p form) basic(f *fields, kept *Basic) *Basic {
	if f == nil {
		return nil
	}
	if !f.has("username") {
		f.refuse("username", codeRequired, "it is needed, and may be empty")
	}
	basic := &Basic{Username: f.text("username", "")}
	var stored []Secret
	if kept != nil && kept.Username == basic.Username {
		stored = []Secret{kept.Password}
	}
	switch {
	case utf8.RuneCountInString(basic.Username) > maxUsername:
		f.refuse("username", codeTooLong, "at most %d characters are allowed", maxUsername)
	case strings.Contains(basic.Username, ":") || strings.ContainsFunc(basic.Username, unicode.IsControl):
		f.refuse("username", codeInvalid, "a colon and control characters are not allowed")
	}
	basic.Password = p.secret(f, "password", f.text("password", ""), stored)
	if strings.ContainsFunc(basic.Password.value, unicode.IsControl) {
		f.refuse("password", codeInvalid, "control characters are not allowed")
	}
	f.end()
	return basic
}

func (p form) bearer(f *fields, kept *Bearer) *Bearer {
	if f == nil {
		return nil
	}
	var stored []Secret
	if kept != nil {
		stored = kept.Tokens
	}
	bearer := &Bearer{Tokens: p.secrets(f, "tokens", 1, stored)}
	for i, token := range bearer.Tokens {
		if !visible(token.value) || strings.Contains(token.value, " ") {
			f.refuse(item("tokens", i), codeInvalid, "only printable ASCII without blanks is allowed")
		}
	}
	f.end()
	return bearer
}

// secrets reads a list of at least so many secrets.
func (p form) secrets(f *fields, name string, least int, stored []Secret) []Secret {
	texts := f.list(name)
	if len(texts) < least {
		f.refuse(name, codeRequired, "from %d to %d are needed", least, maxSecrets)
	}
	if len(texts) > maxSecrets {
		f.refuse(name, codeTooMany, "from %d to %d are needed", least, maxSecrets)
		return nil
	}
	if len(texts) == 0 {
		return nil
	}
	secrets := make([]Secret, len(texts))
	for i, text := range texts {
		secrets[i] = p.secret(f, item(name, i), text, stored)
	}
	return secrets
}

// secret reads one secret. A mask keeps the stored secret that it stands for.
func (p form) secret(f *fields, name, text string, stored []Secret) Secret {
	if p.expand != nil && f.sound(name) {
		var err error
		if text, err = p.expand(f.at(name), text); err != nil {
			f.refuse(name, codeInvalid, "%v", err)
		}
	}
	text = stray.TrimPEM(text)
	switch found := stray.End(text); {
	case text == "":
		f.refuse(name, codeRequired, "it must not be empty")
	case len(text) > maxSecretSize:
		f.refuse(name, codeTooLong, "at most %d bytes are allowed", maxSecretSize)
	case found != "":
		f.refuse(name, codeInvalid, "it %s; no sender sends that with it, so take it away", found)
	case isMask(text):
		for _, secret := range stored {
			if secret.Masked() == text {
				return secret
			}
		}
		f.refuse(name, codeInvalid, "this mask stands for no secret that is stored here; send the secret itself")
	}
	return NewSecret(text)
}

// eventFilter reads a list of names, or one string with commas between them.
func eventFilter(f *fields) []string {
	const name = "event_filter"
	value, present := f.take(name)
	if !present || value == "" {
		return nil
	}
	var entries []string
	if text, ok := value.(string); ok {
		entries = strings.Split(text, ",")
	} else {
		entries = f.texts(name, value)
	}
	if len(entries) > maxFilter {
		f.refuse(name, codeTooMany, "at most %d entries are allowed", maxFilter)
		return nil
	}
	for i, entry := range entries {
		entries[i] = strings.TrimSpace(entry)
		switch {
		case entries[i] == "":
			f.refuse(item(name, i), codeRequired, "it must not be blank")
		case utf8.RuneCountInString(entries[i]) > maxFilterEntry:
			f.refuse(item(name, i), codeTooLong, "at most %d characters are allowed%s", maxFilterEntry, f.show(entries[i]))
		case strings.Count(entries[i], "*") > maxFilterStars:
			f.refuse(item(name, i), codeTooMany, "at most %d '*' are allowed%s", maxFilterStars, f.show(entries[i]))
		case strings.ContainsFunc(entries[i], unicode.IsControl):
			f.refuse(item(name, i), codeInvalid, "control characters are not allowed%s", f.show(entries[i]))
		}
	}
	return entries
}

// expression reads what an event must be. It is compiled to see that it can be.
func expression(f *fields) string {
	const name = "match"
	text := strings.TrimSpace(f.text(name, ""))
	if _, err := match.Compile(text); err != nil {
		f.refuse(name, codeInvalid, "%v", err)
	}
	return text
}

// Candidate returns the integration as a form would change what it wants, its
// event_filter and match. What the form leaves out keeps its value.
func (in *Integration) Candidate(text []byte) (*Integration, error) {
	document, err := decodeForm(text)
	if err != nil {
		return nil, err
	}
	f, candidate := newFields(document), *in
	if f.has("event_filter") {
		candidate.EventFilter = eventFilter(f)
	}
	if f.has("match") {
		candidate.Match = expression(f)
	}
	f.end()
	if err := f.faults.err(); err != nil {
		return nil, err
	}
	return &candidate, nil
}

// shape reads what the trigger receives.
func shape(f *fields) *payload.Spec {
	o := f.object("payload")
	if o == nil {
		return nil
	}
	spec := &payload.Spec{
		Fields:   o.mapping("fields"),
		Template: o.text("template", ""),
		MaxBytes: o.number("max_bytes", payload.DefaultMaxBytes),
	}
	o.end()
	var wrong payload.Refusals
	if _, err := payload.Compile(*spec); errors.As(err, &wrong) {
		for _, err := range wrong {
			var refusal *payload.Refusal
			if errors.As(err, &refusal) {
				o.refuse(refusal.Field, codeInvalid, "%s", refusal.Reason)
			}
		}
	}
	return spec
}

// oneOf reads one of the values; the first is the default.
func oneOf[T ~string](f *fields, name string, values ...T) T {
	text := T(f.text(name, string(values[0])))
	var names []string
	for _, value := range values {
		if text == value {
			return text
		}
		names = append(names, string(value))
	}
	f.refuse(name, codeInvalid, "one of %s is needed%s%s", strings.Join(names, ", "), f.show(string(text)), suggest(string(text), names))
	return text
}

func orElse(flag *bool, unset bool) bool {
	if flag == nil {
		return unset
	}
	return *flag
}
