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
	// Field is that of integration.Authentication.
	Field string
	// Name is that in the form, and Form what stands there.
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

// Examples are there for each kind, at least one.
var Examples = []Example{
	{
		Field: "SecureHeader", Name: "secure_header",
		Form:      `{"name":"X-Example","value":"the value of the header"}`,
		Caddyfile: `secure_header X-Example "the value of the header"`,
		Secrets:   []string{"the value of the header"},
		Headers:   []string{"X-Example"}, HeaderField: "name", Sampled: true,
	},
	{
		Field: "Signature", Name: "signature",
		Form:      `{"provider":"github","secrets":["the secret of GitHub","the one before it"]}`,
		Caddyfile: `signature github "the secret of GitHub" "the one before it"`,
		Secrets:   []string{"the secret of GitHub", "the one before it"},
		Headers:   []string{"X-Hub-Signature-256", "X-Hub-Signature"}, Sampled: true,
	},
	{
		Field: "Signature", Name: "signature",
		Form: `{"provider":"custom","secrets":["the secret of a sender"],"description":{"event":[{"header":"X-Kind"}],
			"schemes":[{"header":"X-Proof","algorithm":"hmac-sha256","signed":"{body}"}]}}`,
		Caddyfile: "signature custom \"the secret of a sender\" {\nheader X-Proof\nalgorithm hmac-sha256\nsigned {body}\nevent header X-Kind\n}",
		Secrets:   []string{"the secret of a sender"},
		Headers:   []string{"X-Proof"}, Sampled: true,
	},
	{
		Field: "Signature", Name: "signature",
		Form:      `{"provider":"slack","secrets":["the secret of Slack"],"tolerance":600}`,
		Caddyfile: "signature slack \"the secret of Slack\" {\ntolerance 10m\n}",
		Secrets:   []string{"the secret of Slack"},
		Headers:   []string{"X-Slack-Signature"}, Sampled: true,
	},
	{
		Field: "Basic", Name: "basic",
		Form:      `{"username":"somebody","password":"the password of somebody"}`,
		Caddyfile: `basic somebody "the password of somebody"`,
		Secrets:   []string{"the password of somebody"},
		Headers:   []string{"Authorization"}, Sampled: true,
	},
	{
		Field: "Bearer", Name: "bearer",
		Form:      `{"tokens":["a-token-of-somebody","another-token"]}`,
		Caddyfile: `bearer a-token-of-somebody another-token`,
		Secrets:   []string{"a-token-of-somebody", "another-token"},
		Headers:   []string{"Authorization"}, Sampled: true,
	},
	{
		Field: "JWT", Name: "jwt",
		Form:      `{"issuer":"google","audience":"https://hooks.example.com","claims":{"email":"ci@example.com","email_verified":true},"header":"X-Token"}`,
		Caddyfile: "jwt google {\naudience https://hooks.example.com\nclaim email ci@example.com\nclaim email_verified true\nheader X-Token\n}",
		Headers:   []string{"X-Token"}, HeaderField: "header",
	},
	{
		Field: "ClientCertificate", Name: "client_certificate",
		Form:      `{"sans":["sender.example.com","spiffe://example.com/ci"],"fingerprints":["` + digest + `"]}`,
		Caddyfile: "client_certificate {\nsan sender.example.com spiffe://example.com/ci\nfingerprint " + digest + "\n}",
	},
	{
		Field: "SourceIPs", Name: "source_ips",
		Form:      `["192.0.2.0/24","2001:db8::1"]`,
		Caddyfile: `source_ips 192.0.2.0/24 2001:db8::1`,
		Sampled:   true,
	},
}

var digest = strings.Repeat("0a", 32)

// settings are the fields of integration.Authentication that are no way in.
var settings = []string{"RequireSHA256Signature", "Match", "AllowUnauthenticated"}

// Complete fails the test when a field of the Authentication has no example, or an
// example no field.
func Complete(t testing.TB, authentication any) {
	t.Helper()
	kinds := reflect.TypeOf(authentication)
	for i := range kinds.NumField() {
		name := kinds.Field(i).Name
		known := slices.ContainsFunc(Examples, func(e Example) bool { return e.Field == name })
		if known == slices.Contains(settings, name) {
			t.Errorf("%s is a way in without an example, or a setting with one", name)
		}
	}
	for _, e := range Examples {
		if _, found := kinds.FieldByName(e.Field); !found {
			t.Errorf("%s is no field", e.Field)
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
