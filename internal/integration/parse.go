package integration

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/payload"
)

// The bounds of an integration.
const (
	maxAlias       = 200 // characters
	maxFilter      = 200 // entries
	maxFilterEntry = 128 // characters
	maxFilterStars = 4   // in one entry
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

	// declared is set for a form of the configuration, which alone gives a webhook
	// ID and the sender's secret.
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
		f.Refuse(field, form.Required, "it is required")
	case !valid(text) && (present || required):
		f.Refuse(field, form.Invalid, "must be up to 128 ASCII letters and digits and %s, beginning with a letter or digit%s", marks, f.Show(text))
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
	in := &credential.Reading{Rules: p.rules.credentials(), Declared: p.declared, Expand: p.expand}
	if p.stored != nil {
		in.Stored = p.stored.Authentication.Credentials
	}
	auth.Credentials = credential.Read(a, in)
	facts := in.Rules.Facts(auth.Credentials)
	auth.RequireSHA256Signature = orElse(a.Flag("require_sha256_signature"), facts.RequiresSHA256())
	auth.Match = oneOf(a, "match", MatchAny, MatchAll)
	auth.AllowUnauthenticated = orElse(a.Flag("allow_unauthenticated"), false)
	a.End()
	p.rules.checkCredentials(a, &auth, facts)
	return auth
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
	f.Refuse(name, form.Invalid, "must be one of %s%s%s", strings.Join(names, ", "), f.Show(string(text)), form.Suggest(string(text), names))
	return text
}

func orElse(flag *bool, unset bool) bool {
	if flag == nil {
		return unset
	}
	return *flag
}
