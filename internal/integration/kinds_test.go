package integration

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/credential/credentialtest"
)

// Every part of a kind is there, as far as the compiler does not ask for it: it does
// what it should for each example of the kind.
func TestKinds(t *testing.T) {
	credentialtest.Complete(t, credential.Kinds())
	structs := make(map[string][]any)
	for _, e := range credentialtest.Examples {
		c := mustParse(t, formOf(e)).Authentication.Credentials[0]
		if reflect.TypeOf(c).Elem().Kind() == reflect.Struct {
			structs[e.Name] = append(structs[e.Name], c)
		}
	}
	for _, examples := range structs {
		credentialtest.Whole(t, examples...)
	}
	credentialtest.Each(t, func(t *testing.T, e credentialtest.Example) {
		in := mustParse(t, formOf(e))
		in.ManagedBy = ManagedByAPI
		if got := in.Authentication.Credentials.Kinds(); !slices.Equal(got, []string{e.Name}) {
			t.Fatalf("%q are there", got)
		}
		t.Run("form", func(t *testing.T) { checkForm(t, e) })
		t.Run("secrets", func(t *testing.T) { checkSecrets(t, e, in) })
		t.Run("shown", func(t *testing.T) { checkShown(t, e, in) })
		t.Run("patched", func(t *testing.T) { checkPatched(t, e) })
		t.Run("stored", func(t *testing.T) {
			if again := throughStore(t, in); !reflect.DeepEqual(in, again) {
				t.Errorf("%+v is stored as %+v", in, again)
			}
		})
		t.Run("declared", func(t *testing.T) { checkDeclared(t, e) })
		t.Run("headers", func(t *testing.T) { checkHeaders(t, e) })
		t.Run("weight", func(t *testing.T) { checkWeight(t, in) })
	})
}

func formOf(e credentialtest.Example, more ...string) string {
	return `{"authentication":{` + strings.Join(append(more, fmt.Sprintf("%q:%s", e.Name, e.Form)), ",") + `}}`
}

// checkForm looks at what must not stand in a form beside a credential.
func checkForm(t *testing.T, e credentialtest.Example) {
	_, err := parse(t, `{"authentication":{}}`, nil)
	if err == nil || !strings.Contains(err.Error(), e.Name) {
		t.Errorf("what is needed does not name it: %v", err)
	}
	_, err = parse(t, formOf(e, `"allow_unauthenticated":true`), nil)
	if got := faultsOf(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "authentication.allow_unauthenticated conflict") || !strings.HasSuffix(got[0], ": "+e.Name) {
		t.Errorf("beside allow_unauthenticated: %q", got)
	}
	if strings.HasPrefix(e.Form, "{") {
		_, err = parse(t, strings.Replace(formOf(e), e.Form, `{"zzz":1,`+e.Form[1:], 1), nil)
		if got := faultsOf(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "authentication."+e.Name+".zzz unknown_field") {
			t.Errorf("with an unknown field: %q", got)
		}
	}
	for _, wrong := range []string{`7`, `true`, `"CANARY"`, `[{}]`} {
		_, err := parse(t, `{"authentication":{"`+e.Name+`":`+wrong+`}}`, nil)
		got := faultsOf(t, err)
		if len(got) == 0 || strings.Contains(fmt.Sprint(got), "CANARY") || strings.Contains(fmt.Sprint(got), "a credential is required") {
			t.Errorf("%s: %q", wrong, got)
		}
		for _, fault := range got {
			if !strings.HasPrefix(fault, "authentication."+e.Name) {
				t.Errorf("%s: %s", wrong, fault)
			}
		}
	}
}

// checkSecrets holds the secrets that are known against those that are there.
func checkSecrets(t *testing.T, e credentialtest.Example, in *Integration) {
	there := credentialtest.Find[credential.Secret](in.Authentication)
	if texts := each(there, credential.Secret.Reveal); !slices.Equal(texts, e.Secrets) {
		t.Errorf("it holds %q, want %q", texts, e.Secrets)
	}
	if known := in.Authentication.Credentials.Secrets(); !reflect.DeepEqual(known, there) {
		t.Errorf("its secrets are %d, and %d are known", len(there), len(known))
	}
	for _, secret := range e.Secrets {
		for _, stray := range []string{"\n", " ", `"`} {
			quoted, _ := json.Marshal(secret + stray)
			form := strings.Replace(formOf(e), quote(secret), string(quoted), 1)
			_, err := parse(t, form, nil)
			if got := faultsOf(t, err); len(got) != 1 || !strings.Contains(got[0], " invalid it ends with ") || strings.Contains(got[0], secret) {
				t.Errorf("%q: %q", secret+stray, got)
			}
		}
		_, err := parse(t, strings.Replace(formOf(e), quote(secret), `"********5d41c0aa"`, 1), nil)
		if err == nil || !strings.Contains(err.Error(), "this mask does not stand for a secret") {
			t.Errorf("a mask in place of %q: %v", secret, err)
		}
		short := mustParse(t, strings.Replace(formOf(e), quote(secret), `"x"`, 1))
		if warnings := rules().Warnings(short); !strings.HasPrefix(warnings[0].Field, "authentication."+e.Name) {
			t.Errorf("a secret of one character: %v", warnings)
		}
	}
}

// checkShown reads the integration and sends it back.
func checkShown(t *testing.T, e credentialtest.Example, in *Integration) {
	text, err := json.Marshal(in.Mask(""))
	if err != nil {
		t.Fatal(err)
	}
	var shown struct{ Authentication map[string]any }
	if err := json.Unmarshal(text, &shown); err != nil || shown.Authentication[e.Name] == nil {
		t.Fatalf("it is not shown: %s", text)
	}
	for _, secret := range in.Authentication.Credentials.Secrets() {
		if strings.Contains(string(text), secret.Reveal()) || !strings.Contains(string(text), secret.Masked()) {
			t.Errorf("a secret is not masked: %s", text)
		}
	}
	for _, printed := range []string{fmt.Sprint(in.Authentication), fmt.Sprintf("%+v %#v", in, in)} {
		for _, secret := range e.Secrets {
			if strings.Contains(printed, secret) {
				t.Errorf("a secret is printed: %s", printed)
			}
		}
	}
	again, err := parse(t, string(text), in)
	if err != nil || !reflect.DeepEqual(again.Authentication, in.Authentication) {
		t.Errorf("sent back: %+v, %v", again, err)
	}
}

func checkPatched(t *testing.T, e credentialtest.Example) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	patch := func(text string) *Integration {
		t.Helper()
		in, err := s.Patch(t.Context(), view, "demo", "hook", []byte(text), Precondition{})
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	in, _, err := s.Put(t.Context(), view, "demo", "hook", []byte(formOf(e, `"require_sha256_signature":false`)), Precondition{})
	if err != nil {
		t.Fatal(err)
	}
	if kept := patch(`{"alias":"x"}`); !reflect.DeepEqual(kept.Authentication, in.Authentication) {
		t.Errorf("a patch of something else changes it: %+v", kept.Authentication)
	}
	other := `"secure_header":{"name":"X-Other","value":"another value"}`
	if e.Name == "secure_header" {
		other = `"bearer":{"tokens":["another-token"]}`
	}
	gone := patch(`{"authentication":{"` + e.Name + `":null,` + other + `}}`)
	if slices.Contains(gone.Authentication.Credentials.Kinds(), e.Name) {
		t.Errorf("null leaves %+v", gone.Authentication)
	}
}

// checkDeclared declares it in a configuration, with its secrets elsewhere.
func checkDeclared(t *testing.T, e credentialtest.Example) {
	text := strings.Replace(formOf(e), "{", `{"webhook_id":"hook","project":"demo",`, 1)
	secrets := make(map[string]string)
	for i, secret := range e.Secrets {
		text = strings.Replace(text, quote(secret), fmt.Sprintf(`"{env.S%d}"`, i), 1)
		secrets[fmt.Sprintf("{env.S%d}", i)] = secret
	}
	asked := 0
	declaring := Declaring{Rules: rules(), Expand: func(_, field, text string) (string, error) {
		asked++
		if !strings.HasPrefix(field, "authentication."+e.Name) {
			t.Errorf("%s is expanded", field)
		}
		return secrets[text], nil
	}}
	in, _, err := declaring.parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := each(in.Authentication.Credentials.Secrets(), credential.Secret.Reveal); !slices.Equal(got, e.Secrets) || asked != len(e.Secrets) {
		t.Errorf("%d secrets are expanded to %q", asked, got)
	}
	before := each(in.Authentication.Credentials.Secrets(), credential.Secret.Masked)
	for range 2 {
		s, _, _ := newTestService(t)
		declared, err := s.Declare(t.Context(), []*Integration{in})
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Declare(t.Context(), []*Integration{in})
		if err != nil {
			t.Fatal(err)
		}
		got := declared.All()[0].Authentication
		if !reflect.DeepEqual(got, again.All()[0].Authentication) {
			t.Error("it does not stay the same over a restart")
		}
		if !slices.Equal(each(got.Credentials.Secrets(), credential.Secret.Reveal), e.Secrets) {
			t.Errorf("it is declared as %+v", got)
		}
		masks := each(got.Credentials.Secrets(), credential.Secret.Masked)
		if len(masks) > 0 && slices.Equal(masks, before) || !slices.Equal(each(in.Authentication.Credentials.Secrets(), credential.Secret.Masked), before) {
			t.Errorf("masks %v, before %v", masks, before)
		}
	}
}

// checkHeaders holds its headers against those of the other kinds.
func checkHeaders(t *testing.T, e credentialtest.Example) {
	facts := func(in *Integration) []string { return rules().facts(&in.Authentication).CredentialHeaders }
	in := mustParse(t, formOf(e))
	if got := in.Authentication.Credentials.Headers(facts(in)); !slices.Equal(got, e.Headers) {
		t.Errorf("it is carried in %q, want %q", got, e.Headers)
	}
	for _, other := range credentialtest.Examples {
		if other.Name == e.Name {
			continue
		}
		form := formOf(e, fmt.Sprintf("%q:%s", other.Name, other.Form))
		shared := slices.ContainsFunc(e.Headers, func(name string) bool { return slices.Contains(other.Headers, name) })
		if _, err := parse(t, form, nil); (err != nil) != shared || shared && !strings.Contains(err.Error(), "are on the same header") {
			t.Errorf("beside %s: %v", other.Name, err)
		}
	}
	for _, name := range e.Headers {
		if e.Name == "secure_header" {
			continue
		}
		form := formOf(e, fmt.Sprintf(`"secure_header":{"name":%q,"value":"another value"}`, strings.ToLower(name)))
		if _, err := parse(t, form, nil); err == nil || !strings.Contains(err.Error(), "are on the same header") {
			t.Errorf("beside a secure header %s: %v", name, err)
		}
	}
	if e.HeaderField == "" {
		return
	}
	for _, name := range []string{"Host", "Content-Type", "User-Agent", "Connection", "X-Other-Event", "no token"} {
		form := strings.Replace(formOf(e), quote(e.Headers[0]), quote(name), 1)
		_, err := parse(t, form, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "authentication."+e.Name+"."+e.HeaderField+": ") {
			t.Errorf("in the header %s: %v", name, err)
		}
	}
}

// checkWeight wants all that a credential holds counted for the cache.
func checkWeight(t *testing.T, in *Integration) {
	const eachByte, eachSecret, eachAddress = 3, 448, 32
	bytes := -len(in.Authentication.Match)
	for _, text := range credentialtest.Find[string](in.Authentication) {
		bytes += len(text)
	}
	secrets := credentialtest.Find[credential.Secret](in.Authentication)
	for _, secret := range secrets {
		bytes += secret.Size()
	}
	empty := *in
	empty.Authentication = Authentication{}
	least := eachByte*bytes + eachSecret*len(secrets) + eachAddress*len(credentialtest.Find[netip.Prefix](in.Authentication))
	if got := in.weight() - empty.weight(); got < least || least == 0 {
		t.Errorf("it weighs %d bytes, want %d at least", got, least)
	}
}
