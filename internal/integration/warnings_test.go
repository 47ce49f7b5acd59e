package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
)

func TestWarnings(t *testing.T) {
	const (
		resource = `,"resource":{"type":"assistant","id":"a"}`
		long     = "0123456789abcdef"
		github   = `"authentication":{"signature":{"provider":"github","secrets":["` + long + `"]}}`
	)
	rules := rules()
	known := rules.Provider
	rules.Provider = func(name string) (credential.ProviderFacts, bool) {
		facts, ok := known(name)
		facts.NumbersDeliveries, facts.NamesEvents = name == "github", name == "github"
		facts.KeySize = func(secret string) (int, bool) { return len(secret), secret != "public" }
		return facts, ok
	}
	rules.AllowUnauthenticated = true
	for text, want := range map[string]string{
		github + resource: "",
		github:            "resource",
		strings.Replace(github, `"github"`, `"jira"`, 1) + resource:                                                        "dedupe",
		`"dedupe":"body",` + strings.Replace(github, `"github"`, `"jira"`, 1) + resource:                                   "",
		`"dedupe":"none","event_filter":["a"],` + strings.Replace(github, `"github"`, `"jira"`, 1) + resource:              "event_filter",
		`"dedupe":"none","event_filter":["a"],"authentication":{"bearer":{"tokens":["` + long + `"]}}` + resource:          "",
		`"authentication":{"bearer":{"tokens":["` + long + `","brief"]}}` + resource:                                       "authentication.bearer.tokens[1] dedupe",
		`"dedupe":"body","authentication":{"secure_header":{"name":"X-A","value":"brief"}}` + resource:                     "authentication.secure_header.value",
		`"dedupe":"body","authentication":{"basic":{"username":"u ","password":"pat"}}`:                                    "authentication.basic.password authentication.basic.username resource",
		strings.Replace(github, long, "1234567", 1) + resource:                                                             "authentication.signature.secrets[0]",
		strings.Replace(github, long, "public", 1) + resource:                                                              "",
		github + `,"event_filter":["push","pu\u0455h"]` + resource:                                                         "event_filter[1]",
		`"dedupe":"none","authentication":{"jwt":{"issuer":"google","audience":"a","claims":{"email":"a@b"}}}`:             "authentication.jwt.claims resource",
		`"dedupe":"none","authentication":{"jwt":{"issuer":"google","audience":"a","claims":{"sub":"1"}}}` + resource:      "",
		`"dedupe":"none","authentication":{"allow_unauthenticated":true}` + resource:                                       "",
		`"dedupe":"none","authentication":{"source_ips":["192.0.2.1"]},"event_filter":["push"]` + resource:                 "",
		`"dedupe":"none","is_enabled":false,"authentication":{"client_certificate":{"sans":["a.example.com"]}}` + resource: "",
	} {
		in, err := reading{rules: rules, project: "demo"}.read(mustDecode(t, `{`+text+`}`))
		if err != nil {
			t.Fatal(err)
		}
		warnings := rules.Warnings(in)
		got := each(warnings, func(w Warning) string { return w.Field })
		if strings.Join(got, " ") != want {
			t.Errorf("%s:\ngot  %v\nwant %s", text, warnings, want)
		}
		if all := fmt.Sprint(warnings); strings.Contains(all, "1234567") || strings.Contains(all, "brief") || strings.Contains(all, "pat ") {
			t.Errorf("a secret is shown: %s", all)
		}
	}
}
