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

// begins fails the test unless each text has the beginning that is wanted, and
// none is too many.
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

// All that is wrong with a form is told at once, however it is sent.
func TestFormErrors(t *testing.T) {
	t.Parallel()
	g, _ := admin(t, "")
	form := `{"alias":["x"],"event_fliter":["push"],"authentication":{"signature":{"provider":"githb","secrets":["CANARY\n"]}},
		"resource":{"type":"tickt","id":"T-1"},"dedupe":"never","is_enabled":"false"}`
	want := []string{
		`event_fliter unknown_field there is no such field (did you mean "event_filter"?)`,
		`alias wrong_type a string is needed, not a list`,
		`is_enabled wrong_type true or false is needed, not a string: "false"`,
		`authentication.signature.provider not_found there is no such provider: "githb" (did you mean "github"?); there are adyen, `,
		`authentication.signature.secrets[0] invalid it ends with a line break`,
		`dedupe invalid one of delivery, body, none is needed: "never"`,
		`resource.type not_found no trigger serves this resource type: "tickt" (did you mean "ticket"?); there are ticket`,
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
		`authentication.jwt.audience wrong_type a string is needed, not a number`,
		`authentication.jwt.issuer not_found the operator has configured no such issuer: "gogle" (did you mean "google"?); there are google`)

	file := filepath.Join(g.Dir, "form.json")
	if err := os.WriteFile(file, []byte(form), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := tryWebhooks(g, "integrations", "create", demo, file)
	if err == nil || !strings.Contains(out, "7 things are wrong (400):\n  event_fliter: there is no such field") || !strings.Contains(out, "\n  dedupe: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What is wrong with a declared integration names it, its place, the value and
// what may be meant.
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
		`there is no such provider: "githb" (did you mean "github"?); there are adyen, `, line("signature githb"),
		`no trigger serves this resource type: "tickt" (did you mean "ticket"?); there are ticket`, line("resource tickt"),
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
	check(unquote.Replace(g.StartFails()), `integration in-json: authentication.signature.provder: there is no such field (did you mean "provider"?)`)
}
