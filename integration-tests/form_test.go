package integrationtests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// formErrors fails the test unless the answer refuses a form, and returns each
// error as field, code and message.
func formErrors(t *testing.T, answer *gateway.Answer) []string {
	t.Helper()
	answer.Want(t, 400)
	got := answer.JSON(t)
	if got["code"] != "invalid_form" {
		t.Fatalf("the code is %v: %s", got["code"], answer.Body)
	}
	var list []string
	for _, item := range got["errors"].([]any) {
		fault := item.(gateway.M)
		list = append(list, fmt.Sprintf("%s %s %s", fault["field"], fault["code"], fault["message"]))
		if len(list) == 1 && got["error"] != fmt.Sprintf("%s: %s", fault["field"], fault["message"]) {
			t.Errorf("the error is not the first one: %s", answer.Body)
		}
	}
	return list
}

// begins fails the test unless each text has the wanted beginning, and there
// are no others.
func begins(t *testing.T, got []string, want ...string) {
	t.Helper()
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// All errors in a form are reported at once, however it is sent.
func TestFormErrors(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	form := `{"alias":["x"],"event_fliter":["push"],"authentication":{"signature":{"provider":"githb","secrets":["CANARY\n"]}},
		"resource":{"type":"tickt","id":"T-1"},"dedupe":"never","is_enabled":"false"}`
	want := []string{
		`event_fliter unknown_field unknown field (did you mean "event_filter"?)`,
		`alias wrong_type must be a string, not a list`,
		`is_enabled wrong_type must be true or false, not a string: "false"`,
		`authentication.signature.provider not_found unknown provider: "githb" (did you mean "github"?); want one of adyen, `,
		`authentication.signature.secrets[0] invalid it ends with a line break`,
		`dedupe invalid must be one of delivery, body, none: "never"`,
		`resource.type not_found no trigger serves this resource type: "tickt" (did you mean "ticket"?); want one of ticket`,
	}
	for _, call := range [][2]string{{"POST", gateway.Integrations(demo)}, {"PUT", gateway.Integration(demo, "new")}} {
		answer := g.API(call[0], call[1], form)
		begins(t, formErrors(t, answer), want...)
		if strings.Contains(string(answer.Body), "CANARY") {
			t.Errorf("a secret is shown: %s", answer.Body)
		}
	}
	g.Create(t, demo, github("gh"))
	begins(t, formErrors(t, g.API("PATCH", gateway.Integration(demo, "gh"), form)), want...)
	begins(t, formErrors(t, g.API("PATCH", gateway.Integration(demo, "gh"), `{"authentication":{"jwt":{"issuer":"gogle","audience":7}},"allias":null}`)),
		`allias unknown_field`,
		`authentication.jwt.audience wrong_type must be a string, not a number`,
		`authentication.jwt.issuer not_found unknown issuer: "gogle" (did you mean "google"?); want one of google`)

	file := filepath.Join(g.Dir, "form.json")
	if err := os.WriteFile(file, []byte(form), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := tryWebhooks(g, "integrations", "create", demo, file)
	if err == nil || !strings.Contains(out, "7 errors (400):\n  event_fliter: unknown field") || !strings.Contains(out, "\n  dedupe: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// An error in a declared integration gives its ID, its location, the value and
// a suggestion.
func TestDeclaredErrors(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.New(t, gateway.Config(gateway.Ticket(sink)+declared("good")+`
		integration pr-review {
			project demo
			resource tickt T-1
			signature githb CANARY-secret
		}
		integration issues {
			project demo
			jwt gogle {
				audience a
			}
		}`, gateway.Edge))
	line := func(text string) string {
		content, err := os.ReadFile(filepath.Join(g.Dir, "Caddyfile"))
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(string(content), text)
		return fmt.Sprintf("Caddyfile:%d)", strings.Count(before, "\n")+1)
	}
	check := func(out string, words ...string) {
		t.Helper()
		for _, word := range words {
			if !strings.Contains(out, word) {
				t.Errorf("no %q in\n%s", word, out)
			}
		}
		if strings.Contains(out, "CANARY") {
			t.Errorf("a secret is shown:\n%s", out)
		}
	}
	words := []string{
		"integration pr-review (", line("integration pr-review"),
		`unknown provider: "githb" (did you mean "github"?); want one of adyen, `, line("signature githb"),
		`no trigger serves this resource type: "tickt" (did you mean "ticket"?); want one of ticket`, line("resource tickt"),
		"integration issues (", `"gogle" (did you mean "google"?)`, line("jwt gogle"),
	}
	unquote := strings.NewReplacer(`\"`, `"`, `\\`, `\`)
	check(unquote.Replace(g.StartFails()), words...)
	out, err := g.Command("validate", "--config", filepath.Join(g.Dir, "Caddyfile"))
	if err == nil {
		t.Error("the configuration is valid")
	}
	check(unquote.Replace(out), words...)

	g.WriteConfig(`{"admin":{"listen":"` + g.Admin + `","config":{"persist":false}},"apps":{"webhooks":{"integrations":[
		{"webhook_id":"in-json","project":"demo","authentication":{"signature":{"provder":"github","secrets":["CANARY"]}}}]}}}`)
	check(unquote.Replace(g.StartFails()), `integration in-json: authentication.signature.provder: unknown field (did you mean "provider"?)`)
}

// Warnings are in the answer to a write, and can be sent back.
func TestFormWarnings(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	fields := func(answer *gateway.Answer) string {
		var fields []string
		warnings, _ := answer.JSON(t)["warnings"].([]any)
		for _, warning := range warnings {
			if warning.(gateway.M)["message"] == "" {
				t.Errorf("a warning says nothing: %s", answer.Body)
			}
			fields = append(fields, warning.(gateway.M)["field"].(string))
		}
		return strings.Join(fields, " ")
	}
	check := func(answer *gateway.Answer, status int, want string) {
		t.Helper()
		if got := fields(answer.Want(t, status)); got != want {
			t.Errorf("warns of %q, want %q: %s", got, want, answer.Body)
		}
	}
	check(g.API("POST", gateway.Integrations(demo), github("gh")), 201, "")
	check(g.API("GET", gateway.Integration(demo, "gh"), nil), 200, "")
	answer := g.API("PATCH", gateway.Integration(demo, "gh"), `{"resource":null}`)
	check(answer, 200, "resource")
	check(g.API("PUT", gateway.Integration(demo, "gh"), string(answer.Body)), 200, "resource")
	check(g.API("GET", gateway.Integration(demo, "gh"), nil), 200, "")
	const resource = `,"resource":{"type":"ticket","id":"T-1"}}`
	check(g.API("PUT", gateway.Integration(demo, "at"), `{"event_filter":["a"],"authentication":{"signature":{"provider":"airtable","secrets":["c2l4dGVlbiByYW5kb20gYnl0ZXM="]}}`+resource), 201, "event_filter dedupe")
	check(g.API("PATCH", gateway.Integration(demo, "at"), `{"event_filter":[],"dedupe":"body"}`), 200, "")
	check(g.API("PUT", gateway.Integration(demo, "gl"), `{"authentication":{"signature":{"provider":"gitlab","secrets":["short"]}}`+resource), 201, "authentication.signature.secrets[0]")
}

// For a declared integration the log has the warnings, with their location.
func TestDeclaredWarnings(t *testing.T) {
	t.Parallel()
	g, _ := edge(t, `integration brief {
		project demo
		resource ticket T-1
		signature standard-webhooks whsec_YWJj
	}
	integration bare {
		project demo
		resource ticket T-2
		secure_header X-Key "a literal of a test"
	}`)
	for _, word := range []string{`"webhook_id":"brief"`, `"field":"authentication.signature.secrets[0]"`, "such a short secret", `Caddyfile:`} {
		if !gateway.Within(gateway.Patience, func() bool { return strings.Contains(g.Logs(), word) }) {
			t.Errorf("the log does not say %s", word)
		}
	}
	// An omitted option has no line of its own: the integration's is shown.
	for line := range strings.SplitSeq(g.Logs(), "\n") {
		if strings.Contains(line, `"webhook_id":"bare"`) && strings.Contains(line, `"field":"dedupe"`) && strings.Contains(line, "Caddyfile:") {
			return
		}
	}
	t.Error("the log does not say where dedupe was left out")
}

// A secret may end only in what its sender sends with it.
func TestStraySecrets(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	for name, form := range map[string]string{
		"secure_header.value":  `{"secure_header":{"name":"X-A","value":%q}}`,
		"signature.secrets[0]": `{"signature":{"provider":"github","secrets":[%q]}}`,
		"basic.password":       `{"basic":{"username":"u","password":%q}}`,
		"bearer.tokens[0]":     `{"bearer":{"tokens":[%q]}}`,
	} {
		for _, stray := range []string{"CANARY-secret\n", " CANARY-secret", `"CANARY-secret"`, "\ufeffCANARY-secret", "CANARY-secret'"} {
			answer := g.API("PUT", gateway.Integration(demo, "stray"), fmt.Sprintf(`{"authentication":`+form+`}`, stray))
			begins(t, formErrors(t, answer), "authentication."+name+" invalid it ")
			if strings.Contains(string(answer.Body), "CANARY") {
				t.Errorf("a secret is shown: %s", answer.Body)
			}
		}
	}
	g.Create(t, demo, gateway.M{"webhook_id": "pat", "authentication": gateway.M{"basic": gateway.M{"username": "", "password": "personal access token"}},
		"resource": gateway.M{"type": "ticket", "id": "T-1"}})
	header := gateway.Headers("Authorization", "Basic OnBlcnNvbmFsIGFjY2VzcyB0b2tlbg==")
	accept(t, g.Post("/webhooks/pat", header, body))
	g.Post("/webhooks/pat", gateway.Headers("Authorization", "Basic OnBlcnNvbmFs"), body).Want(t, 401)

	// In a file or a variable one line break is removed, and nothing more.
	sink := gateway.NewSink(t)
	for _, test := range []struct {
		value string
		loads bool
	}{{secret + "\n", true}, {secret + "\r\n", true}, {secret, true}, {secret + "\n\n", false}, {secret + " \n", false}, {`"` + secret + `"`, false}} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(test.value), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{"{env.STRAY}", "{file." + file + "}"} {
			g := gateway.New(t, gateway.Config(gateway.Ticket(sink)+"integration in-file {\nproject demo\nresource ticket T-1\nsignature github "+place+"\n}\n", gateway.Edge), "STRAY="+test.value)
			if test.loads {
				g.Start()
				accept(t, g.Post("/webhooks/in-file", gateway.GitHub(secret, "push", "1", body), body))
				g.Stop()
			} else if out := g.StartFails(); !strings.Contains(out, "integration in-file (") || !strings.Contains(out, "authentication.signature.secrets[0]: it ") || strings.Contains(out, secret) {
				t.Errorf("%q in %s: %s", test.value, place, out)
			}
		}
	}
	for option, text := range map[string]string{
		"signing_secret": "signing_secret {env.STRAY}", "token": "project demo {\ntoken {env.STRAY}\n}", "header Authorization": `header Authorization "Bearer {env.STRAY}"`,
	} {
		g := gateway.New(t, gateway.Config(gateway.Ticket(sink, text), gateway.Edge), "STRAY='CANARY-token'")
		if out := g.StartFails(); !strings.Contains(out, option+": ") || !strings.Contains(out, "{env.STRAY} stands for begins with a quote") || !strings.Contains(out, "ticket") || strings.Contains(out, "CANARY") {
			t.Errorf("%s: %s", option, out)
		}
	}
}

// An error in a configuration names what it concerns.
func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	g := gateway.New(t, "")
	unquote := strings.NewReplacer(`\"`, `"`, `\\`, `\`)
	for app, want := range map[string]string{
		`"triggers":[{"module":"http","resource_type":"a","url":"https://a.example"},{"module":"http","resource_type":"ticket","url":"https://a.example","tiemout":"1s"}]`: "trigger http ticket, at position 1: ",
		`"triggers":[{"module":"htp"}]`:                                                            "trigger htp, at position 0: ",
		`"triggers":[{"module":"codemi"}]`:                                                         "(did you mean 'codemie'?); want one of codemie, http",
		`"triggers":[{"module":"http","resource_type":"ticket","url":"ftp://a"}]`:                  `trigger http for resource type "ticket": the URL must be an absolute http or https URL`,
		`"triggers":[{"module":"codemie","url":"https://a.example","token":"\"CANARY\""}]`:         "trigger codemie: token: it begins with a quote",
		`"jwt_issuers":[{"name":"contoso","issuer":"http://a.example"}]`:                           `jwt_issuer contoso: issuer: must be an https URL without user, query and fragment: "http://a.example"`,
		`"jwt_issuers":[{"name":"contoso","issuer":"https://u:CANARY@a.example"}]`:                 "jwt_issuer contoso: issuer: must be an https URL without user",
		`"jwt_issuers":[{"name":"contoso","issuer":"https://a.example","algorithms":["RS25"]}]`:    `jwt_issuer contoso: algorithms: unknown "RS25" (want RS256`,
		`"storage":{"module":"badger","encryption_key":"CANARY"}`:                                  "encryption_key: an encryption key must be 32 bytes in base64",
		`"limits":{"backlog":1}`:                                                                   "limits: backlog must be at least 4: 1",
		`"retention":{"failed":-1}`:                                                                "retention: failed must be longer than 0: -1ns",
		`"public_url":"hooks.example.com"`:                                                         `public_url must be an http or https URL with a host and no query: "hooks.example.com"`,
		`"integrations":[{"webhook_id":"a","project":"demo"},{"webhook_id":"b","project":"a b"}]`:  "integration a: authentication: a credential is required",
		`"integrations":[{"webhook_id":"b","project":"a b","is_enabled":1}]`:                       `integration b: project: must be up to 128 ASCII letters and digits and . _ @ -, beginning with a letter or digit: "a b"; is_enabled: must be true or false, not a number`,
		`"integrations":[{"webhook_id":"b","project":"p","authentication":{"bearer":["CANARY"]}}]`: "integration b: authentication.bearer: must be an object, not a list",
	} {
		g.WriteConfig(`{"apps":{"webhooks":{` + app + `}}}`)
		out, err := g.Command("validate", "--config", filepath.Join(g.Dir, "caddy.json"))
		if out = unquote.Replace(out); err == nil || !strings.Contains(out, want) || strings.Contains(out, "CANARY") {
			t.Errorf("%s: %v, want %s\n%s", app, err, want, out)
		}
	}
}
