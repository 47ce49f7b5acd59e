package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/payload"
)

var errNotAllowed = errors.New("the project may not use it")

func checkTeams(secret string) error {
	if len(secret) != 4 {
		return errors.New("four characters are needed")
	}
	return nil
}

const github = `"authentication":{"signature":{"provider":"github","secrets":["s3cret"]}}`

func parse(t *testing.T, text string, stored *Integration) (*Integration, error) {
	t.Helper()
	document, err := form.Decode([]byte(text))
	if err != nil {
		return nil, err
	}
	return reading{rules: rules(), project: "demo", webhookID: "hook", stored: stored}.read(document)
}

func mustParse(t *testing.T, text string) *Integration {
	t.Helper()
	in, err := parse(t, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestRefusals(t *testing.T) {
	many := func(n int, text string) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
	long := strings.Repeat("x", 4097)
	for _, c := range []struct{ text, want string }{
		{``, "the body is not a single valid JSON value"},
		{`[]`, "must be a JSON object"},
		{`null`, "must be a JSON object"},
		{`"x"`, "must be a JSON object"},
		{`{` + github + `} {}`, "the body is not a single valid JSON value"},
		{`{` + github + `,}`, "the body is not a single valid JSON value"},
		{"{\"alias\":\"\xff\"}", "the body is not a single valid JSON value"},
		{`{"alias":"\ud800"}`, "the body contains text that is not valid Unicode"},
		{`{"alias":"a","alias":"b",` + github + `}`, `the field "alias" is repeated`},
		{`{"authentication":{"match":"any","match":"all"}}`, `the field "match" is repeated`},
		{strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40), "the body nests too deep"},

		{`{"is_enable":true,` + github + `}`, "is_enable: unknown field"},
		{`{"authentication":{"secret":"x","bearer":{"tokens":["x"]}}}`, "authentication.secret: unknown field"},
		{`{"authentication":{"bearer":{"tokens":["x"],"n":1}}}`, "authentication.bearer.n: unknown field"},
		{`{"authentication":{"basic":{"username":"u","password":"p","realm":""}}}`, "authentication.basic.realm: unknown field"},
		{`{"authentication":{"secure_header":{"name":"X-A","value":"v","more":1}}}`, "authentication.secure_header.more: unknown field"},
		{`{"resource":{"type":"assistant","id":"a","url":"http://x"},` + github + `}`, "resource.url: unknown field"},

		{`{"is_enabled":"false",` + github + `}`, "is_enabled: must be true or false"},
		{`{"is_enabled":null,` + github + `}`, "is_enabled: must be true or false"},
		{`{"is_enabled":0,` + github + `}`, "is_enabled: must be true or false"},
		{`{"alias":1,` + github + `}`, "alias: must be a string"},
		{`{"match":true,` + github + `}`, "match: must be a string"},
		{`{"match":"event ==",` + github + `}`, "match: line 1, column "},
		{`{"match":"event",` + github + `}`, "match: its result must be true or false"},
		{`{"match":"nobody == 1",` + github + `}`, "match: line 1, column 1: undeclared reference to 'nobody'"},
		{`{"payload":"x",` + github + `}`, "payload: must be an object"},
		{`{"payload":{},` + github + `}`, "payload.fields: at least one is required"},
		{`{"payload":{"fields":{"a":1}},` + github + `}`, "payload.fields.a: must be a string"},
		{`{"payload":{"fields":{"a":"@pretty"}},` + github + `}`, "payload.fields.a: "},
		{`{"payload":{"template":"{b}"},` + github + `}`, "payload.template: unknown field or placeholder {b}"},
		{`{"payload":{"template":"b","max_bytes":"1"},` + github + `}`, "payload.max_bytes: must be a whole number above 0"},
		{`{"payload":{"template":"b","max_bytes":1.5},` + github + `}`, "payload.max_bytes: must be a whole number above 0"},
		{`{"payload":{"template":"b","max_bytes":9999999},` + github + `}`, "payload.max_bytes: must be from 1 to "},
		{`{"payload":{"template":"b","url":"x"},` + github + `}`, "payload.url: unknown field"},
		{`{"authentication":[]}`, "authentication: must be an object"},
		{`{"authentication":{"signature":"github"}}`, "authentication.signature: must be an object"},
		{`{"authentication":{"signature":{"provider":"github","secrets":"x"}}}`, "authentication.signature.secrets: must be a list of strings"},
		{`{"authentication":{"signature":{"provider":"github","secrets":["x",7]}}}`, "authentication.signature.secrets[1]: must be a string"},
		{`{"authentication":{"signature":{"provider":"asana","secrets":["x"],"tolerance":"60"}}}`, "authentication.signature.tolerance: must be a whole number above 0"},
		{`{"authentication":{"signature":{"provider":"asana","secrets":["x"],"tolerance":0}}}`, "authentication.signature.tolerance: must be a whole number above 0"},
		{`{"authentication":{"signature":{"provider":"asana","secrets":["x"],"tolerance":86401}}}`, "authentication.signature.tolerance: at most 86400 seconds are allowed"},
		{`{"authentication":{"signature":{"provider":"github","secrets":["x"],"tolerance":60}}}`, "authentication.signature.tolerance: this provider's signature has no signing time"},
		{`{"authentication":{"require_sha256_signature":"true","bearer":{"tokens":["x"]}}}`, "authentication.require_sha256_signature: must be true or false"},
		{`{"event_filter":7,` + github + `}`, "event_filter: must be a list of strings"},
		{`{"event_filter":[7],` + github + `}`, "event_filter[0]: must be a string"},
		{`{"resource":"assistant",` + github + `}`, "resource: must be an object"},

		{`{"webhook_id":"other",` + github + `}`, "webhook_id: it must be the one in the path"},
		{`{"project":"other",` + github + `}`, "project: it must be the one in the path"},
		{`{"alias":"` + strings.Repeat("é", 201) + `",` + github + `}`, "alias: at most 200 characters are allowed"},
		{`{"alias":"a\nb",` + github + `}`, "alias: control characters are not allowed"},

		{`{}`, "authentication: a credential is required"},
		{`{"authentication":{}}`, "authentication: a credential is required"},
		{`{"authentication":{"basic":null}}`, "authentication: a credential is required"},
		{`{"authentication":{"allow_unauthenticated":true}}`, "authentication.allow_unauthenticated: the operator has not set"},
		{`{"authentication":{"allow_unauthenticated":true,"bearer":{"tokens":["x"]}}}`, "authentication.allow_unauthenticated: it cannot be combined with a credential"},
		{`{"authentication":{"match":"some","bearer":{"tokens":["x"]}}}`, "authentication.match: must be one of any, all"},

		{`{"authentication":{"secure_header":{"name":"X-A"}}}`, "authentication.secure_header.value: it must not be empty"},
		{`{"authentication":{"secure_header":{"value":"v"}}}`, "authentication.secure_header.name: it must not be empty"},
		{`{"authentication":{"secure_header":{"name":"X-A","value":""}}}`, "authentication.secure_header.value: it must not be empty"},
		{`{"authentication":{"secure_header":{"name":"X A","value":"v"}}}`, "authentication.secure_header.name: must be the name of an HTTP header"},
		{`{"authentication":{"secure_header":{"name":"X-Ä","value":"v"}}}`, "authentication.secure_header.name: must be the name of an HTTP header"},
		{`{"authentication":{"secure_header":{"name":"X-A:","value":"v"}}}`, "authentication.secure_header.name: must be the name of an HTTP header"},
		{`{"authentication":{"secure_header":{"name":"X-A","value":"é"}}}`, "authentication.secure_header.value: only printable ASCII"},
		{`{"authentication":{"secure_header":{"name":"X-A","value":" v"}}}`, "authentication.secure_header.value: it begins with a blank"},
		{`{"authentication":{"secure_header":{"name":"X-A","value":"a\u0000b"}}}`, "authentication.secure_header.value: only printable ASCII"},
		{`{"authentication":{"secure_header":{"name":"X-A","value":"` + long + `"}}}`, "authentication.secure_header.value: at most 4096 bytes"},

		{`{"authentication":{"signature":{"secrets":["x"]}}}`, "authentication.signature.provider: it must not be empty; want one of asana, "},
		{`{"authentication":{"signature":{"provider":"GitHub","secrets":["x"]}}}`, "authentication.signature.provider: unknown provider: \"GitHub\" (did you mean \"github\"?); want one of asana, "},
		{`{"authentication":{"signature":{"provider":"github"}}}`, "authentication.signature.secrets: must have 1 to 5 entries"},
		{`{"authentication":{"signature":{"provider":"github","secrets":[]}}}`, "authentication.signature.secrets: must have 1 to 5 entries"},
		{`{"authentication":{"signature":{"provider":"github","secrets":["a",""]}}}`, "authentication.signature.secrets[1]: it must not be empty"},
		{`{"authentication":{"signature":{"provider":"github","secrets":[` + many(6, `"x"`) + `]}}}`, "authentication.signature.secrets: must have 1 to 5 entries"},
		{`{"authentication":{"signature":{"provider":"github","secrets":["` + long + `"]}}}`, "authentication.signature.secrets[0]: at most 4096 bytes"},
		{`{"authentication":{"signature":{"provider":"github","secrets":["********"]}}}`, "authentication.signature.secrets[0]: this mask does not stand for a secret"},
		{`{"authentication":{"signature":{"provider":"teams","secrets":["1234","123"]}}}`, "authentication.signature.secrets[1]: four characters are needed"},
		{`{"authentication":{"require_sha256_signature":true,"signature":{"provider":"gitlab","secrets":["x"]}}}`, "authentication.require_sha256_signature: it requires a signature with SHA-256"},
		{`{"authentication":{"require_sha256_signature":true,"bearer":{"tokens":["x"]}}}`, "authentication.require_sha256_signature: it requires a signature with SHA-256"},

		{`{"authentication":{"basic":{"username":"u"}}}`, "authentication.basic.password: it must not be empty"},
		{`{"authentication":{"basic":{"password":"p"}}}`, "authentication.basic.username: it is required, and may be empty"},
		{`{"authentication":{"basic":{"username":"a:b","password":"p"}}}`, "authentication.basic.username: a colon and control characters"},
		{`{"authentication":{"basic":{"username":"a","password":"p\nq"}}}`, "authentication.basic.password: control characters"},
		{`{"authentication":{"bearer":{}}}`, "authentication.bearer.tokens: must have 1 to 5 entries"},
		{`{"authentication":{"bearer":{"tokens":["a b"]}}}`, "authentication.bearer.tokens[0]: only printable ASCII without blanks"},
		{`{"authentication":{"bearer":{"tokens":["x"]},"basic":{"username":"u","password":"p"}}}`, "authentication.basic: this credential and bearer are on the same header, Authorization"},
		{`{"authentication":{"bearer":{"tokens":["x"]},"secure_header":{"name":"authorization","value":"v"}}}`, "authentication.secure_header.name: this credential and bearer are on the same header"},
		{`{"authentication":{"basic":{"username":"u","password":"p"},"secure_header":{"name":"Authorization","value":"v"}}}`, "authentication.secure_header.name: this credential and basic"},
		{`{"authentication":{"basic":{"username":"u","password":"p"},"signature":{"provider":"teams","secrets":["1234"]}}}`, "authentication.signature.provider: this credential and basic"},
		{`{"authentication":{"secure_header":{"name":"x-hub-signature","value":"v"},"signature":{"provider":"github","secrets":["1234"]}}}`, "authentication.secure_header.name: this credential and signature are on the same header, X-Hub-Signature"},
		{`{"authentication":{"secure_header":{"name":"x-github-event","value":"v"},"signature":{"provider":"github","secrets":["1234"]}}}`, "authentication.secure_header.name: a provider uses this header for its event"},
		{`{"authentication":{"secure_header":{"name":"x-other-event","value":"v"}}}`, "authentication.secure_header.name: a provider uses this header for its event"},

		{`{"event_filter":" , ",` + github + `}`, "event_filter[0]: it must not be blank"},
		{`{"event_filter":[" "],` + github + `}`, "event_filter[0]: it must not be blank"},
		{`{"event_filter":["push",""],` + github + `}`, "event_filter[1]: it must not be blank"},
		{`{"event_filter":["a*b*c*d*e*"],` + github + `}`, "event_filter[0]: at most 4 '*'"},
		{`{"event_filter":["` + strings.Repeat("x", 129) + `"],` + github + `}`, "event_filter[0]: at most 128 characters"},
		{`{"event_filter":[` + many(201, `"x"`) + `],` + github + `}`, "event_filter: at most 200 entries"},
		{`{"dedupe":"id",` + github + `}`, "dedupe: must be one of delivery, body, none"},

		{`{"resource":{"id":"a"},` + github + `}`, "resource.type: it must not be empty"},
		{`{"resource":{"type":"assistant"},` + github + `}`, "resource.id: "},
		{`{"resource":{"type":"assistant","id":"../x"},` + github + `}`, "resource.id: "},
		{`{"resource":{"type":"assistant","id":"a/../b"},` + github + `}`, "resource.id: "},
		{`{"resource":{"type":"assistant","id":"a/."},` + github + `}`, "resource.id: "},
		{`{"resource":{"type":"assistant","id":"a b"},` + github + `}`, "resource.id: "},
		{`{"resource":{"type":"assistant","id":"` + strings.Repeat("x", 257) + `"},` + github + `}`, "resource.id: "},
		{`{"resource":{"type":"ticket","id":"a"},` + github + `}`, "resource.type: no trigger serves this resource type: \"ticket\"; want one of assistant, workflow"},
	} {
		in, err := parse(t, c.text, nil)
		var refusal *form.Refusal
		if !errors.As(err, &refusal) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.120s:\ngot  %v, %v\nwant %s", c.text, in, err, c.want)
		}
	}
}

func TestMatchAndPayload(t *testing.T) {
	in := mustParse(t, `{`+github+`,"match":" event == \"push\" ","payload":{"fields":{"ref":"ref"}}}`)
	if in.Match != `event == "push"` {
		t.Errorf("match %q", in.Match)
	}
	want := &payload.Spec{Fields: map[string]string{"ref": "ref"}, MaxBytes: payload.DefaultMaxBytes}
	if !reflect.DeepEqual(in.Payload, want) {
		t.Errorf("payload %+v", in.Payload)
	}
	document, err := in.document()
	if err != nil {
		t.Fatal(err)
	}
	again, err := reading{rules: rules(), project: in.Project, webhookID: in.WebhookID, stored: in}.read(document)
	if err != nil || again.Match != in.Match || !reflect.DeepEqual(again.Payload, want) {
		t.Errorf("what was read cannot be sent back: %+v, %v", again, err)
	}
}

func TestRefusedSecureHeaders(t *testing.T) {
	for _, name := range strings.Fields("Host content-type Content-Length Content-Encoding User-Agent Connection Keep-Alive " +
		"Proxy-Authorization Proxy-Connection TE Trailer Transfer-Encoding upgrade") {
		text := fmt.Sprintf(`{"authentication":{"secure_header":{"name":%q,"value":"v"}}}`, name)
		if _, err := parse(t, text, nil); err == nil || !strings.HasPrefix(err.Error(), "authentication.secure_header.name: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusalShowsNoSecret(t *testing.T) {
	for _, text := range []string{
		`{"authentication":{"signature":{"provider":"CANARY","secrets":["CANARY"]}}}`,
		`{"authentication":{"signature":{"provider":"teams","secrets":["CANARY"]}}}`,
		`{"authentication":{"bearer":{"tokens":["CANARY x"]}}}`,
		`{"authentication":{"basic":{"username":"u","password":"CANARY\n"}}}`,
		`{"authentication":{"secure_header":{"name":"X-A","value":"CANARYé"}}}`,
		`{"authentication":{"bearer":{"tokens":["CANARY"`,
		`{"authentication":CANARY}`,
	} {
		if _, err := parse(t, text, nil); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDefaults(t *testing.T) {
	in := mustParse(t, `{`+github+`}`)
	if !in.IsEnabled || in.Alias != "" || in.Dedupe != DedupeDelivery || in.Authentication.Match != MatchAny ||
		in.EventFilter != nil || in.Resources != nil || in.Project != "demo" || in.WebhookID != "hook" {
		t.Errorf("%+v", in)
	}
	for provider, want := range map[string]bool{"github": true, "jira": true, "gitlab": false} {
		in := mustParse(t, `{"authentication":{"signature":{"provider":"`+provider+`","secrets":["x"]}}}`)
		if got := in.Authentication.RequireSHA256Signature; got != want {
			t.Errorf("%s: require_sha256_signature %v", provider, got)
		}
	}
	if in := mustParse(t, `{"authentication":{"bearer":{"tokens":["x"]}}}`); in.Authentication.RequireSHA256Signature {
		t.Error("a signature is required without a provider")
	}
	in = mustParse(t, `{"authentication":{"require_sha256_signature":false,"signature":{"provider":"github","secrets":["x"]}}}`)
	if in.Authentication.RequireSHA256Signature {
		t.Error("what was sent is not kept")
	}
}

func TestReadOnlyFieldsAreIgnored(t *testing.T) {
	mustParse(t, `{"webhook_id":"hook","project":"demo","webhook_url":"x","managed_by":7,"created_at":null,"updated_at":[],`+github+`}`)
}

func TestEventFilter(t *testing.T) {
	for text, want := range map[string][]string{
		`""`:                           nil,
		`[]`:                           {},
		`"push"`:                       {"push"},
		`" push , pull_request.* "`:    {"push", "pull_request.*"},
		`["Merge Request Hook"," a "]`: {"Merge Request Hook", "a"},
		`["a*b*c*d*e"]`:                {"a*b*c*d*e"},
	} {
		in := mustParse(t, `{"event_filter":`+text+`,`+github+`}`)
		if !reflect.DeepEqual(in.EventFilter, want) {
			t.Errorf("%s: %q", text, in.EventFilter)
		}
	}
}

func TestUnauthenticatedNeedsTheOperator(t *testing.T) {
	document, _ := form.Decode([]byte(`{"project":"demo","authentication":{"allow_unauthenticated":true}}`))
	open := rules()
	open.AllowUnauthenticated = true
	in, err := reading{rules: open}.read(document)
	if err != nil || !in.Authentication.AllowUnauthenticated {
		t.Errorf("%+v, %v", in, err)
	}
}

func TestRestsWithoutItsTrigger(t *testing.T) {
	resource := `"resource":{"type":"ticket","id":"7"},` + github + `}`
	stored := &Integration{Resources: []Resource{{Type: "ticket", ID: "7"}}}
	if _, err := parse(t, `{"is_enabled":false,`+resource, stored); err != nil {
		t.Errorf("disabling: %v", err)
	}
	if _, err := parse(t, `{"is_enabled":true,`+resource, stored); err == nil {
		t.Error("enabled without a trigger")
	}
	if _, err := parse(t, `{"is_enabled":false,`+resource, nil); err == nil {
		t.Error("created without a trigger")
	}
}

func TestParseDeclared(t *testing.T) {
	forms := func(texts ...string) (raw []json.RawMessage) {
		for _, text := range texts {
			raw = append(raw, json.RawMessage(text))
		}
		return raw
	}
	expand := func(webhookID, field, text string) (string, error) {
		switch {
		case webhookID != "a" || field != "authentication.signature.secrets[0]":
			t.Errorf("%s, field %s", webhookID, field)
		case text == "{env.EMPTY}":
			return "", errors.New("it expands to nothing")
		}
		return "expanded", nil
	}
	place := func(webhookID, field string) string {
		return map[string]string{"a ": "Caddyfile:3", "a authentication.signature.secrets[0]": "Caddyfile:5"}[webhookID+" "+field]
	}
	one := `{"webhook_id":"a","project":"demo","authentication":{"signature":{"provider":"github","secrets":["{env.A}"]}}}`
	declared, err := Declaring{Rules: rules(), Expand: expand}.Parse(forms(one))
	if err != nil || declared[0].ManagedBy != ManagedByConfig || declared[0].Authentication.Credentials.Signature().Secrets[0].Reveal() != "expanded" {
		t.Errorf("%+v, %v", declared, err)
	}
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{[]string{strings.Replace(one, "{env.A}", "{env.EMPTY}", 1)}, "integration a (Caddyfile:3): authentication.signature.secrets[0]: it expands to nothing (Caddyfile:5)"},
		{[]string{one, one}, "integration a (Caddyfile:3): webhook_id: two integrations have this ID"},
		{[]string{strings.Replace(one, `"webhook_id":"a",`, "", 1)}, "integrations[0]: webhook_id: it is required"},
		{[]string{strings.Replace(one, `"project":"demo",`, "", 1)}, "integration a (Caddyfile:3): project: it is required"},
		{[]string{strings.Replace(one, `"a"`, `"a.b"`, 1)}, `integration "a.b": webhook_id: must be up to 128`},
		{[]string{strings.Replace(one, `{env.A}`, `********01234567`, 1)}, "integration a (Caddyfile:3): authentication.signature.secrets[0]: this mask"},
		{[]string{`{"webhook_id":"a","project":"demo","alas":"","authentication":{"signature":{"provider":"asana"}}}`, one[1:], `{"webhook_id":"b","project":"demo"}`},
			`integration a (Caddyfile:3): alas: unknown field (did you mean "alias"?); authentication.signature.secrets: a declared integration requires one: ` +
				"only integrations of the admin API can learn a secret chosen by the sender; integrations[1]: the body is not a single valid JSON value; integration b: authentication: a credential is required"},
	} {
		d := Declaring{Rules: rules(), Place: place}
		if strings.Contains(c.want, "expands") {
			d.Expand = expand
		}
		if _, err := d.Parse(forms(c.texts...)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v\nwant %s", err, c.want)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add([]byte(`{` + github + `}`))
	f.Add([]byte(`{"event_filter":"a,b","resource":{"type":"assistant","id":"x"},"authentication":{"bearer":{"tokens":["x"]}}}`))
	f.Add([]byte(`{"resource":[{"type":"assistant","id":"x"},{"type":"workflow","id":"x"}],"authentication":{"bearer":{"tokens":["x"]}}}`))
	f.Add([]byte(`{"authentication":{"basic":{"username":"u","password":"p"},"secure_header":{"name":"X","value":"v"},"match":"all"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		in, err := func() (*Integration, error) {
			document, err := form.Decode(text)
			if err != nil {
				return nil, err
			}
			return reading{rules: rules(), project: "demo", webhookID: "hook"}.read(document)
		}()
		if err != nil {
			var refusal *form.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("not a refusal: %v", err)
			}
			checkFaults(t, refusal.Faults)
			return
		}
		// What was read can be sent back, and stays what it is.
		document, err := in.document()
		if err != nil {
			t.Fatal(err)
		}
		again, err := reading{rules: rules(), project: "demo", webhookID: "hook", stored: in}.read(document)
		if err != nil {
			t.Fatalf("sending back %s: %v", text, err)
		}
		if len(again.EventFilter) == 0 {
			again.EventFilter = in.EventFilter
		}
		if !reflect.DeepEqual(in, again) {
			t.Fatalf("%+v\n%+v", in, again)
		}
	})
}

func TestCandidate(t *testing.T) {
	in := mustParse(t, `{`+github+`,"match":"true","event_filter":["push"]}`)
	for text, want := range map[string]string{
		`{}`:                                   "[push] true",
		`{"event_filter":[]}`:                  "[] true",
		`{"event_filter":"a, b"}`:              "[a b] true",
		`{"match":""}`:                         "[push] ",
		`{"match":"false","event_filter":"x"}`: "[x] false",
	} {
		candidate, err := in.Candidate([]byte(text))
		if err != nil || fmt.Sprintf("%s %s", candidate.EventFilter, candidate.Match) != want || candidate.WebhookID != in.WebhookID {
			t.Errorf("%s: %+v, %v", text, candidate, err)
		}
	}
	for text, want := range map[string]string{
		`{"match":"nobody"}`: "match: ",
		`{"event_filter":7}`: "event_filter: ",
		`{"alias":"x"}`:      "alias: unknown field",
		`[]`:                 "must be a JSON object",
		`{"match":"true",`:   "the body is not a single valid JSON value",
	} {
		if _, err := in.Candidate([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if in.Match != "true" || len(in.EventFilter) != 1 {
		t.Error("the integration has changed")
	}
}
