package module

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// What JSON may hold and no Caddyfile can say is refused.
func TestSiteOptionsInJSON(t *testing.T) {
	for handler, want := range map[string]string{
		`"projects":null,"public_url":""`:                      "",
		`"projects":["demo"],"public_url":"https://a.example"`: "",
		`"projects":[]`:                       "projects needs at least one name",
		`"projects":["a b"]`:                  "'a b' cannot be a project",
		`"projects":["a","a"]`:                "'a' is repeated",
		`"public_url":"ftp://a.example/"`:     "public_url must be an http or https URL",
		`"public_url":"{env.NOT_SET_AT_ALL}"`: "public_url: ",
		`"publicurl":"https://a.example/"`:    "unknown field",
	} {
		t.Setenv("XDG_DATA_HOME", t.TempDir())
		var config caddy.Config
		if err := json.Unmarshal([]byte(`{"apps":{"http":{"servers":{"s":{"listen":["127.0.0.1:0"],"routes":[{"handle":[{"handler":"webhooks",`+handler+`}]}]}}}}}`), &config); err != nil {
			t.Fatal(err)
		}
		err := caddy.Validate(&config)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", handler, err)
		}
	}
}
