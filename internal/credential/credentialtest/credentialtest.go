// Package credentialtest has an example of each kind of credential, for the tests
// of all places that have to know every kind.
package credentialtest

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Example is an integration's credential, alone.
type Example struct {
	// Name is that of the kind, and Form what stands under it in a form.
	Name, Form string
	// Caddyfile declares the same.
	Caddyfile string

	// Secrets are the secrets in it.
	Secrets []string
	// Headers carry it in a request; each is in canonical form.
	Headers []string
	// HeaderField is the field of the form that chooses the header, "" when it is
	// not the integration's to choose.
	HeaderField string
	// Sampled says that the gateway can make such a credential for a test event.
	Sampled bool
}

// Examples has at least one example of each kind.
var Examples = []Example{
	{
		Name:      "secure_header",
		Form:      `{"name":"X-Example","value":"the value of the header"}`,
		Caddyfile: `secure_header X-Example "the value of the header"`,
		Secrets:   []string{"the value of the header"},
		Headers:   []string{"X-Example"}, HeaderField: "name", Sampled: true,
	},
	{
		Name:      "signature",
		Form:      `{"provider":"github","secrets":["the secret of GitHub","the one before it"]}`,
		Caddyfile: `signature github "the secret of GitHub" "the one before it"`,
		Secrets:   []string{"the secret of GitHub", "the one before it"},
		Headers:   []string{"X-Hub-Signature-256", "X-Hub-Signature"}, Sampled: true,
	},
	{
		Name: "signature",
		Form: `{"provider":"custom","secrets":["the secret of a sender"],"description":{"event":[{"header":"X-Kind"}],
			"schemes":[{"header":"X-Proof","algorithm":"hmac-sha256","signed":"{body}"}]}}`,
		Caddyfile: "signature custom \"the secret of a sender\" {\nheader X-Proof\nalgorithm hmac-sha256\nsigned {body}\nevent header X-Kind\n}",
		Secrets:   []string{"the secret of a sender"},
		Headers:   []string{"X-Proof"}, Sampled: true,
	},
	{
		Name:      "signature",
		Form:      `{"provider":"slack","secrets":["the secret of Slack"],"tolerance":600}`,
		Caddyfile: "signature slack \"the secret of Slack\" {\ntolerance 10m\n}",
		Secrets:   []string{"the secret of Slack"},
		Headers:   []string{"X-Slack-Signature"}, Sampled: true,
	},
	{
		Name:      "basic",
		Form:      `{"username":"somebody","password":"the password of somebody"}`,
		Caddyfile: `basic somebody "the password of somebody"`,
		Secrets:   []string{"the password of somebody"},
		Headers:   []string{"Authorization"}, Sampled: true,
	},
	{
		Name:      "bearer",
		Form:      `{"tokens":["a-token-of-somebody","another-token"]}`,
		Caddyfile: `bearer a-token-of-somebody another-token`,
		Secrets:   []string{"a-token-of-somebody", "another-token"},
		Headers:   []string{"Authorization"}, Sampled: true,
	},
	{
		Name:      "jwt",
		Form:      `{"issuer":"google","audience":"https://hooks.example.com","claims":{"email":"ci@example.com","email_verified":true},"header":"X-Token"}`,
		Caddyfile: "jwt google {\naudience https://hooks.example.com\nclaim email ci@example.com\nclaim email_verified true\nheader X-Token\n}",
		Headers:   []string{"X-Token"}, HeaderField: "header",
	},
	{
		Name:      "client_certificate",
		Form:      `{"sans":["sender.example.com","spiffe://example.com/ci"],"fingerprints":["` + digest + `"]}`,
		Caddyfile: "client_certificate {\nsan sender.example.com spiffe://example.com/ci\nfingerprint " + digest + "\n}",
	},
	{
		Name:      "source_ips",
		Form:      `["192.0.2.0/24","2001:db8::1"]`,
		Caddyfile: `source_ips 192.0.2.0/24 2001:db8::1`,
		Sampled:   true,
	},
}

var digest = strings.Repeat("0a", 32)

// Complete fails the test when a kind has no example, or an example no kind.
func Complete(t testing.TB, kinds []string) {
	t.Helper()
	for _, name := range kinds {
		if !slices.ContainsFunc(Examples, func(e Example) bool { return e.Name == name }) {
			t.Errorf("%s has no example", name)
		}
	}
	for _, e := range Examples {
		if !slices.Contains(kinds, e.Name) {
			t.Errorf("%s is not a kind", e.Name)
		}
	}
}

// Whole fails the test when the structs of one kind have a field that is empty in
// all of them: no example has it.
func Whole(t testing.TB, structs ...any) {
	t.Helper()
	kind := reflect.TypeOf(structs[0]).Elem()
	for i := range kind.NumField() {
		filled := slices.ContainsFunc(structs, func(s any) bool { return !reflect.ValueOf(s).Elem().Field(i).IsZero() })
		if !filled {
			t.Errorf("no example has %s of %s", kind.Field(i).Name, kind.Name())
		}
	}
}

// Each runs a test for each example.
func Each(t *testing.T, test func(t *testing.T, e Example)) {
	for _, e := range Examples {
		t.Run(e.Name, func(t *testing.T) { test(t, e) })
	}
}

// Find returns all values of a type in a value, wherever they stand in it.
func Find[T any](value any) []T {
	var found []T
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		if v.IsValid() && v.Type() == reflect.TypeFor[T]() {
			found = append(found, v.Interface().(T))
			return
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			look(v.Elem())
		case reflect.Slice, reflect.Array:
			for i := range v.Len() {
				look(v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				look(key)
				look(v.MapIndex(key))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					look(v.Field(i))
				}
			}
		}
	}
	look(reflect.ValueOf(value))
	return found
}
