package integration

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/form"
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

// reading is how the JSON form of an integration is read.
type reading struct {
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
func (p reading) read(document any) (*Integration, error) {
	f := form.New(document, form.Options{Private: credentials, Cleared: p.cleared})
	in := &Integration{
		WebhookID: name(f, "webhook_id", p.webhookID, p.declared, ValidWebhookID, "_ -"),
		Project:   name(f, "project", p.project, true, ValidProject, ". _ @ -"),
		Alias:     p.alias(f),
		IsEnabled: orElse(f.Flag("is_enabled"), true),
	}
	in.Authentication = p.authentication(f)
	in.EventFilter = eventFilter(f)
	in.Match = expression(f)
	in.Dedupe = oneOf(f, "dedupe", DedupeDelivery, DedupeBody, DedupeNone)
	in.Resources = p.resources(f, in)
	in.Payload = shape(f)
	f.Skip("webhook_url", "managed_by", "created_at", "updated_at", "warnings")
	f.End()
	if err := f.Err(); err != nil {
		return nil, err
	}
	return in, nil
}

// name reads a field that the path may name too. Only a webhook ID that is not
// required may be missing in both: "" then.
func name(f *form.Fields, field, path string, required bool, valid func(string) bool, marks string) string {
	present := f.Has(field)
	text := f.Text(field, path)
	switch {
	case path != "" && text != path:
		f.Refuse(field, form.Conflict, "it must be the one in the path%s", f.Show(text))
	case !present && text == "" && required:
		f.Refuse(field, form.Required, "it is needed")
	case !valid(text) && (present || required):
		f.Refuse(field, form.Invalid, "up to 128 letters and digits of ASCII and %s are needed, a letter or digit first%s", marks, f.Show(text))
	}
	return text
}

func (p reading) alias(f *form.Fields) string {
	alias := f.Text("alias", "")
	switch {
	case utf8.RuneCountInString(alias) > maxAlias:
		f.Refuse("alias", form.TooLong, "at most %d characters are allowed%s", maxAlias, f.Show(alias))
	case strings.ContainsFunc(alias, unicode.IsControl):
		f.Refuse("alias", form.Invalid, "control characters are not allowed%s", f.Show(alias))
	}
	return alias
}

// credentials is the field of the ways in. What stands below it may be a secret.
const credentials = "authentication"

func (p reading) authentication(f *form.Fields) (auth Authentication) {
	a := f.ObjectOrEmpty(credentials)
	var kept Authentication
	if p.stored != nil {
		kept = p.stored.Authentication
	}
	auth.SecureHeader = p.secureHeader(a.Object("secure_header"), kept.SecureHeader)
	auth.Signature = p.signature(a.Object("signature"), kept.Signature)
	auth.Basic = p.basic(a.Object("basic"), kept.Basic)
	auth.Bearer = p.bearer(a.Object("bearer"), kept.Bearer)
	auth.JWT = p.jwt(a.Object("jwt"), kept.JWT)
	auth.ClientCertificate = certificate(a.Object("client_certificate"))
	auth.SourceIPs = sources(a)
	auth.RequireSHA256Signature = orElse(a.Flag("require_sha256_signature"), p.rules.facts(&auth).requiresSHA256())
	auth.Match = oneOf(a, "match", MatchAny, MatchAll)
	auth.AllowUnauthenticated = orElse(a.Flag("allow_unauthenticated"), false)
	a.End()
	p.rules.checkCredentials(a, &auth)
	return auth
}

func (p reading) secureHeader(f *form.Fields, kept *SecureHeader) *SecureHeader {
	if f == nil {
		return nil
	}
	header := &SecureHeader{Name: f.Text("name", "")}
	var stored []Secret
	if kept != nil && strings.EqualFold(kept.Name, header.Name) {
		stored = []Secret{kept.Value}
	}
	if header.Name == "" {
		f.Refuse("name", form.Required, "it must not be empty")
	}
	header.Value = p.secret(f, "value", f.Text("value", ""), stored)
	if !visible(header.Value.value) {
		f.Refuse("value", form.Invalid, "only printable ASCII is allowed")
	}
	f.End()
	return header
}

func (p reading) signature(f *form.Fields, kept *Signature) *Signature {
	if f == nil {
		return nil
	}
	signature := &Signature{Provider: f.Text("provider", "")}
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
		f.Refuse("secrets", form.Required, "a declared integration needs one: only those of the admin API learn what the sender brings")
	}
	for i, secret := range signature.Secrets {
		if facts.CheckSecret == nil || !f.Sound(form.Item("secrets", i)) {
			continue
		}
		if err := facts.CheckSecret(secret.value); err != nil {
			f.Refuse(form.Item("secrets", i), form.Invalid, "%v", err)
		}
	}
	signature.Tolerance = tolerance(f, facts)
	f.End()
	return signature
}

// tolerance reads how old a signature may be. The provider custom says that where it
// says where the time of signing stands.
func tolerance(f *form.Fields, facts ProviderFacts) int {
	const name = "tolerance"
	if !f.Has(name) {
		return 0
	}
	seconds := f.Number(name, 0)
	switch {
	case !f.Sound("provider"):
	case !facts.Timed:
		f.Refuse(name, form.Conflict, "this provider's signature has no time of signing, or its description tells how old it may be")
	case seconds > provider.MaxTolerance:
		f.Refuse(name, form.Invalid, "at most %d seconds are allowed%s", provider.MaxTolerance, f.Show(strconv.Itoa(seconds)))
	}
	return seconds
}

func (p reading) basic(f *form.Fields, kept *Basic) *Basic {
	if f == nil {
		return nil
	}
	if !f.Has("username") {
		f.Refuse("username", form.Required, "it is needed, and may be empty")
	}
	basic := &Basic{Username: f.Text("username", "")}
	var stored []Secret
	if kept != nil && kept.Username == basic.Username {
		stored = []Secret{kept.Password}
	}
	switch {
	case utf8.RuneCountInString(basic.Username) > maxUsername:
		f.Refuse("username", form.TooLong, "at most %d characters are allowed", maxUsername)
	case strings.Contains(basic.Username, ":") || strings.ContainsFunc(basic.Username, unicode.IsControl):
		f.Refuse("username", form.Invalid, "a colon and control characters are not allowed")
	}
	basic.Password = p.secret(f, "password", f.Text("password", ""), stored)
	if strings.ContainsFunc(basic.Password.value, unicode.IsControl) {
		f.Refuse("password", form.Invalid, "control characters are not allowed")
	}
	f.End()
	return basic
}

func (p reading) bearer(f *form.Fields, kept *Bearer) *Bearer {
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
			f.Refuse(form.Item("tokens", i), form.Invalid, "only printable ASCII without blanks is allowed")
		}
	}
	f.End()
	return bearer
}

// secrets reads a list of at least so many secrets.
func (p reading) secrets(f *form.Fields, name string, least int, stored []Secret) []Secret {
	texts := f.List(name)
	if len(texts) < least {
		f.Refuse(name, form.Required, "from %d to %d are needed", least, maxSecrets)
	}
	if len(texts) > maxSecrets {
		f.Refuse(name, form.TooMany, "from %d to %d are needed", least, maxSecrets)
		return nil
	}
	if len(texts) == 0 {
		return nil
	}
	secrets := make([]Secret, len(texts))
	for i, text := range texts {
		secrets[i] = p.secret(f, form.Item(name, i), text, stored)
	}
	return secrets
}

// secret reads one secret. A mask keeps the stored secret that it stands for.
func (p reading) secret(f *form.Fields, name, text string, stored []Secret) Secret {
	if p.expand != nil && f.Sound(name) {
		var err error
		if text, err = p.expand(f.At(name), text); err != nil {
			f.Refuse(name, form.Invalid, "%v", err)
		}
	}
	text = stray.TrimPEM(text)
	switch found := stray.End(text); {
	case text == "":
		f.Refuse(name, form.Required, "it must not be empty")
	case len(text) > maxSecretSize:
		f.Refuse(name, form.TooLong, "at most %d bytes are allowed", maxSecretSize)
	case found != "":
		f.Refuse(name, form.Invalid, "it %s; no sender sends that with it, so take it away", found)
	case isMask(text):
		for _, secret := range stored {
			if secret.Masked() == text {
				return secret
			}
		}
		f.Refuse(name, form.Invalid, "this mask stands for no secret that is stored here; send the secret itself")
	}
	return NewSecret(text)
}

// eventFilter reads a list of names, or one string with commas between them.
func eventFilter(f *form.Fields) []string {
	const name = "event_filter"
	value, present := f.Take(name)
	if !present || value == "" {
		return nil
	}
	var entries []string
	if text, ok := value.(string); ok {
		entries = strings.Split(text, ",")
	} else {
		entries = f.Texts(name, value)
	}
	if len(entries) > maxFilter {
		f.Refuse(name, form.TooMany, "at most %d entries are allowed", maxFilter)
		return nil
	}
	for i, entry := range entries {
		entries[i] = strings.TrimSpace(entry)
		switch {
		case entries[i] == "":
			f.Refuse(form.Item(name, i), form.Required, "it must not be blank")
		case utf8.RuneCountInString(entries[i]) > maxFilterEntry:
			f.Refuse(form.Item(name, i), form.TooLong, "at most %d characters are allowed%s", maxFilterEntry, f.Show(entries[i]))
		case strings.Count(entries[i], "*") > maxFilterStars:
			f.Refuse(form.Item(name, i), form.TooMany, "at most %d '*' are allowed%s", maxFilterStars, f.Show(entries[i]))
		case strings.ContainsFunc(entries[i], unicode.IsControl):
			f.Refuse(form.Item(name, i), form.Invalid, "control characters are not allowed%s", f.Show(entries[i]))
		}
	}
	return entries
}

// expression reads what an event must be. It is compiled to see that it can be.
func expression(f *form.Fields) string {
	const name = "match"
	text := strings.TrimSpace(f.Text(name, ""))
	if _, err := match.Compile(text); err != nil {
		f.Refuse(name, form.Invalid, "%v", err)
	}
	return text
}

// Candidate returns the integration as a form would change what it wants, its
// event_filter and match. What the form leaves out keeps its value.
func (in *Integration) Candidate(text []byte) (*Integration, error) {
	document, err := form.Decode(text)
	if err != nil {
		return nil, err
	}
	f, candidate := form.New(document, form.Options{}), *in
	if f.Has("event_filter") {
		candidate.EventFilter = eventFilter(f)
	}
	if f.Has("match") {
		candidate.Match = expression(f)
	}
	f.End()
	if err := f.Err(); err != nil {
		return nil, err
	}
	return &candidate, nil
}

// shape reads what the trigger receives.
func shape(f *form.Fields) *payload.Spec {
	o := f.Object("payload")
	if o == nil {
		return nil
	}
	spec := &payload.Spec{
		Fields:   o.Mapping("fields"),
		Template: o.Text("template", ""),
		MaxBytes: o.Number("max_bytes", payload.DefaultMaxBytes),
	}
	o.End()
	var wrong payload.Refusals
	if _, err := payload.Compile(*spec); errors.As(err, &wrong) {
		for _, err := range wrong {
			var refusal *payload.Refusal
			if errors.As(err, &refusal) {
				o.Refuse(refusal.Field, form.Invalid, "%s", refusal.Reason)
			}
		}
	}
	return spec
}

// oneOf reads one of the values; the first is the default.
func oneOf[T ~string](f *form.Fields, name string, values ...T) T {
	text := T(f.Text(name, string(values[0])))
	var names []string
	for _, value := range values {
		if text == value {
			return text
		}
		names = append(names, string(value))
	}
	f.Refuse(name, form.Invalid, "one of %s is needed%s%s", strings.Join(names, ", "), f.Show(string(text)), form.Suggest(string(text), names))
	return text
}

func orElse(flag *bool, unset bool) bool {
	if flag == nil {
		return unset
	}
	return *flag
}
