package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
)

// faultsOf are what a form is refused for, as field, code and message.
func faultsOf(t *testing.T, err error) []string {
	t.Helper()
	var refusal *form.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("not a refusal: %v", err)
	}
	if refusal == nil {
		return nil
	}
	return each(refusal.Faults, func(f form.Fault) string { return fmt.Sprintf("%s %s %s", f.Field, f.Code, f.Message) })
}

// checkFaults holds a list of faults against what every list is.
func checkFaults(t *testing.T, faults []form.Fault) {
	t.Helper()
	if len(faults) == 0 || len(faults) > form.MaxFaults {
		t.Errorf("%d faults", len(faults))
	}
	seen, known := make(map[string]bool), false
	for _, fault := range faults {
		if seen[fault.Field] || fault.Message == "" || fault.Code == form.UnknownField && known {
			t.Errorf("among %v: %v", faults, fault)
		}
		seen[fault.Field], known = true, fault.Code != form.UnknownField
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // beginnings
	}{
		{`{"alais":"x","resource":{"type":"assistan","id":"a b","ID":"c"},"event_filter":["push"," ","a*b*c*d*e*f"],"dedupe":"boddy",
			"authentication":{"signature":{"providr":"github","secrets":["ok",7,"CANARY\n"]},"basic":{"username":"u"}}}`, []string{
			`authentication.signature.providr unknown_field unknown field (did you mean "provider"?)`,
			`resource.ID unknown_field unknown field (did you mean "id"?)`,
			`alais unknown_field unknown field (did you mean "alias"?)`,
			`authentication.signature.provider required it must not be empty; want one of asana, github, gitlab, jira, teams`,
			`authentication.signature.secrets[1] wrong_type must be a string, not a number`,
			`authentication.signature.secrets[2] invalid it ends with a line break`,
			`authentication.basic.password required it must not be empty`,
			`event_filter[1] required it must not be blank`,
			`event_filter[2] too_many at most 4 '*' are allowed: "a*b*c*d*e*f"`,
			`dedupe invalid must be one of delivery, body, none: "boddy" (did you mean "body"?)`,
			`resource.id invalid must be at most 256 ASCII letters and digits`,
			`resource.type not_found no trigger serves this resource type: "assistan" (did you mean "assistant"?); want one of assistant, workflow`,
		}},
		{`{"resource":{"type":"assistant","id":"a"},"authentication":{"bearer":{"tokens":["s3cret-word"]}},
			"payload":{"fields":{"a":"..#","b":"x","c":"a.!"},"template":"{nothing}","max_bytes":99999999}}`, []string{
			`payload.max_bytes invalid must be from 1 to`,
			`payload.fields.a invalid`,
			`payload.fields.c invalid`,
			`payload.template invalid unknown field or placeholder {nothing}`,
		}},
		{`{"is_enabled":"false","alias":[],"match":1,"event_filter":{},"dedupe":null,"payload":[],"resource":"assistant","authentication":{
			"secure_header":"CANARY","signature":true,"basic":["CANARY"],"bearer":{"tokens":"CANARY"},"match":7,"require_sha256_signature":"yes","jwt":1,"source_ips":"192.0.2.1"}}`, []string{
			`alias wrong_type must be a string, not a list`,
			`is_enabled wrong_type must be true or false, not a string: "false"`,
			`authentication.secure_header wrong_type must be an object, not a string`,
			`authentication.signature wrong_type must be an object, not true`,
			`authentication.basic wrong_type must be an object, not a list`,
			`authentication.bearer.tokens wrong_type must be a list of strings, not a string`,
			`authentication.jwt wrong_type must be an object, not a number`,
			`authentication.source_ips wrong_type must be a list of strings, not a string`,
			`authentication.require_sha256_signature wrong_type must be true or false, not a string: "yes"`,
			`authentication.match wrong_type must be a string, not a number`,
			`event_filter wrong_type must be a list of strings, not an object`,
			`match wrong_type must be a string, not a number: "1"`,
			`dedupe wrong_type must be a string, not null`,
			`resource wrong_type must be an object, not a string: "assistant"`,
			`payload wrong_type must be an object, not a list`,
		}},
		{`{"authentication":"CANARY"}`, []string{`authentication wrong_type must be an object, not a string`}},
		{`{"authentication":{"signatur":{"provider":"github","secrets":["CANARY"]}}}`, []string{
			`authentication.signatur unknown_field unknown field (did you mean "signature"?)`,
			`authentication required a credential is required`,
		}},
		{`{"authentication":{"jwt":{"issuer":"gogle"},"allow_unauthenticated":true}}`, []string{
			`authentication.jwt.issuer not_found unknown issuer: "gogle" (did you mean "google"?); want one of google`,
			`authentication.jwt.audience required it must not be empty`,
			`authentication.allow_unauthenticated conflict it cannot be combined with a credential: jwt`,
		}},
		{`{"authentication":{"signature":{"provider":"githb","secrets":[]},"require_sha256_signature":true}}`, []string{
			`authentication.signature.provider not_found unknown provider: "githb" (did you mean "github"?); want one of asana`,
			`authentication.signature.secrets required must have 1 to 5 entries`,
		}},
		{`{"webhook_id":"oter","project":"demos",` + github + `}`, []string{
			`webhook_id conflict it must be the one in the path: "oter"`,
			`project conflict it must be the one in the path: "demos"`,
		}},
		{`{"resource":[{"type":"assistant","id":"a"},{"type":"asistant","id":""},7,{"type":"assistant","id":"a"}],` + github + `}`, []string{
			`resource[1].id required`,
			`resource[1].type not_found`,
			`resource[2] wrong_type must be an object, not a number`,
			`resource[3] conflict it is repeated`,
		}},
		{`[`, []string{` invalid the body is not a single valid JSON value`}},
	} {
		_, err := parse(t, c.text, nil)
		got := faultsOf(t, err)
		for i := range max(len(got), len(c.want)) {
			switch {
			case i >= len(got):
				t.Errorf("%.60s: missing %s", c.text, c.want[i])
			case i >= len(c.want) || !strings.HasPrefix(got[i], c.want[i]):
				t.Errorf("%.60s: got %s", c.text, got[i])
			}
		}
		if all := strings.Join(got, "\n"); strings.Contains(all, "CANARY") {
			t.Errorf("a secret is shown: %s", all)
		}
	}
}

// A patch is refused as a form is, and may not take away what does not exist.
func TestFaultsOfPatch(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	if _, err := s.Create(t.Context(), view, "demo", withHook("hook")); err != nil {
		t.Fatal(err)
	}
	for patch, want := range map[string][]string{
		`{"alias":7,"is_enabled":"no","authentication":{"signature":{"provider":"githb"}}}`: {
			`alias wrong_type must be a string, not a number: "7"`,
			`is_enabled wrong_type must be true or false, not a string: "no"`,
			`authentication.signature.provider not_found unknown provider: "githb" (did you mean "github"?); want one of asana, github, gitlab, jira, teams`,
			`authentication.signature.secrets[0] invalid this mask does not stand for a secret stored here; send the secret itself`,
		},
		`{"allias":null,"alias":null,"authentication":{"basic":null,"jwt":null,"barer":null},"resource":{"url":null,"type":"assistant","id":"a"}}`: {
			`authentication.barer unknown_field unknown field (did you mean "bearer"?)`,
			`resource.url unknown_field unknown field`,
			`allias unknown_field unknown field (did you mean "alias"?)`,
		},
	} {
		_, err := s.Patch(t.Context(), view, "demo", "hook", []byte(patch), Precondition{})
		if got := faultsOf(t, err); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%s", patch, strings.Join(got, "\n"))
		}
	}
	if _, err := s.Patch(t.Context(), view, "demo", "hook", []byte(`{"alias":null,"payload":null,"warnings":null,"created_at":null,"authentication":{"bearer":null}}`), Precondition{}); err != nil {
		t.Error(err)
	}
}

// Wherever a secret has been put by mistake, no message shows it.
func TestFaultsShowNoSecret(t *testing.T) {
	const secret = "CANARY-canary-0123"
	for _, value := range []string{secret, secret + "!", "x" + secret, secret + strings.Repeat("é", 100)} {
		for _, template := range []string{
			`{"alias":7,"webhook_id":V,"authentication":{"bearer":{"tokens":[S]}}}`,
			`{"dedupe":V,"event_filter":[V,"a*b*c*d*e*f"],"resource":{"type":V,"id":V},"is_enabled":V,"authentication":{"bearer":{"tokens":[S]},"match":V}}`,
			`{"authentication":{"signature":{"provider":V,"secrets":[S]}}}`,
			`{"authentication":{"basic":{"username":"a:b","password":S},"jwt":{"issuer":V}}}`,
			`{"authentication":{"client_certificate":{"sans":["*"],"fingerprints":[V]},"secure_header":{"name":S,"value":V}}}`,
			`{"authentication":{"source_ips":[V],"basic":{"username":V,"password":S}}}`,
			`{"authentication":{"source_ips":[V],"basic":V,"bearer":V,"secure_header":V,"signature":V,"require_sha256_signature":1,"jwt":V}}`,
		} {
			text := strings.NewReplacer("V", quote(value), "S", quote(secret)).Replace(template)
			_, err := parse(t, text, nil)
			if all := strings.Join(faultsOf(t, err), "\n"); all == "" || strings.Contains(all, "CANARY") {
				t.Errorf("%s:\n%s", text, all)
			}
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	text := []byte(`{` + github)
	for i := range 20_000 {
		text = fmt.Appendf(text, `,"alia%d":%d`, i, i)
	}
	_, err := parse(t, string(text)+`}`, nil)
	if got := faultsOf(t, err); len(got) != form.MaxFaults {
		t.Errorf("%d faults", len(got))
	}
}

func TestStrayEnds(t *testing.T) {
	forms := map[string]string{
		"authentication.secure_header.value":  `{"secure_header":{"name":"X-A","value":%s}}`,
		"authentication.signature.secrets[0]": `{"signature":{"provider":"github","secrets":[%s]}}`,
		"authentication.signature.secrets[1]": `{"signature":{"provider":"github","secrets":["good",%s]}}`,
		"authentication.basic.password":       `{"basic":{"username":"","password":%s}}`,
		"authentication.bearer.tokens[0]":     `{"bearer":{"tokens":[%s]}}`,
		"authentication.signature.secrets[2]": `{"signature":{"provider":"custom","secrets":["a","b",%s],"description":{"schemes":[{"header":"X-A","algorithm":"hmac-sha256","signed":"{body}"}]}}}`,
	}
	for field, template := range forms {
		parseSecret := func(secret string) error {
			text, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse(t, `{"authentication":`+fmt.Sprintf(template, text)+`}`, nil)
			return err
		}
		for stray, name := range map[string]string{
			" ": "a blank", "\t": "a blank", "\u00a0": "a blank", "\n": "a line break", "\r\n": "a line break", "\n\n": "a line break",
			`"`: "a quote", "'": "a quote", "`": "a quote", "\u201c": "a quote", "\ufeff": "a byte order mark", "\u200b": "an invisible character", "\x00": "a control character",
		} {
			for _, secret := range []string{"CANARY" + stray, stray + "CANARY"} {
				got := faultsOf(t, parseSecret(secret))
				if len(got) != 1 || !strings.HasPrefix(got[0], field+" invalid it ") || !strings.Contains(got[0], name) || strings.Contains(got[0], "CANARY") {
					t.Errorf("%q: %q", secret, got)
				}
			}
		}
		if err := parseSecret(`can"ary's-c#n`); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// A public key in PEM ends with a line break, which is no part of it.
func TestPEMKeepsItsLineBreak(t *testing.T) {
	const pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
	for ending, want := range map[string]bool{"": true, "\n": true, "\r\n": true, "\n\n": false, " ": false} {
		in, err := parse(t, `{"authentication":{"signature":{"provider":"github","secrets":[`+quote(pem+ending)+`]}}}`, nil)
		if (err == nil) != want {
			t.Errorf("%q: %v", ending, err)
		} else if want && in.Authentication.Credentials.Signature().Secrets[0].Reveal() != pem {
			t.Errorf("%q is kept", ending)
		}
	}
}

func TestBasicWithoutUser(t *testing.T) {
	in := mustParse(t, `{"authentication":{"basic":{"username":"","password":"pat"}}}`)
	in.ManagedBy = ManagedByAPI
	if again := throughStore(t, in); !reflect.DeepEqual(in, again) {
		t.Errorf("%+v", again)
	}
	document, err := in.document()
	if err != nil {
		t.Fatal(err)
	}
	next, err := reading{rules: rules(), project: "demo", webhookID: "hook", stored: in}.read(document)
	if err != nil || credential.Of[*credential.Basic](next.Authentication.Credentials).Password.Reveal() != "pat" {
		t.Errorf("sent back: %+v, %v", next, err)
	}
	if _, err := parse(t, `{"authentication":{"basic":{"username":"u","password":""}}}`, nil); err == nil {
		t.Error("an empty password is taken")
	}
}
