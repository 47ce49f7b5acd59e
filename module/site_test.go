package module

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// Of several sites the one that serves the fewest projects has a project's
// address, in whichever order the handlers came.
func TestAddressOfAProject(t *testing.T) {
	all := site{prefix: "/webhooks/"}
	allNamed := site{"/webhooks/", "https://all.example.com/webhooks/", nil}
	allToo := site{"/webhooks/", "https://also.example.com/webhooks/", nil}
	two := site{"/two/", "https://two.example.com/two/", []string{"demo", "other"}}
	one := site{"/one/", "https://one.example.com/one/", []string{"demo"}}
	bare := site{"/bare/", "", []string{"demo"}}
	for _, test := range []struct {
		name   string
		public string
		sites  []site
		demo   string
		third  string
	}{
		{"no site", "", nil, "/webhooks/", "/webhooks/"},
		{"no site, but an address", "https://x.example.com/w/", nil, "https://x.example.com/w/", "https://x.example.com/w/"},
		{"one for all", "", []site{all}, "/webhooks/", "/webhooks/"},
		{"an address of its own", "https://x.example.com/w/", []site{allNamed}, allNamed.publicURL, allNamed.publicURL},
		{"two for all", "", []site{allToo, all, allNamed}, allNamed.publicURL, allNamed.publicURL},
		{"the fewest projects", "", []site{allNamed, two, one}, one.publicURL, allNamed.publicURL},
		{"some projects", "https://x.example.com/w/", []site{two, all}, two.publicURL, "https://x.example.com/w/"},
		{"some projects and no others", "", []site{two}, two.publicURL, "/webhooks/"},
		{"no address", "", []site{bare, allNamed}, "/bare/", allNamed.publicURL},
		{"no address but the app's", "https://x.example.com/w/", []site{bare, allNamed}, "https://x.example.com/w/", allNamed.publicURL},
		{"one of two has an address", "", []site{bare, one}, one.publicURL, "/webhooks/"},
	} {
		for range 2 {
			a := &App{PublicURL: test.public, sites: test.sites}
			if demo, third := a.base("demo"), a.base("third"); demo != test.demo || third != test.third {
				t.Errorf("%s: %s and %s, want %s and %s", test.name, demo, third, test.demo, test.third)
			}
			slices.Reverse(test.sites)
		}
	}
}

// What JSON may hold and no Caddyfile can say is refused.
func TestSiteOptionsInJSON(t *testing.T) {
	for handler, want := range map[string]string{
		`"projects":null,"public_url":""`:                      "",
		`"projects":["demo"],"public_url":"https://a.example"`: "",
		`"projects":[]`:                       "at least one is needed",
		`"projects":["a b"]`:                  "'a b' can be no project",
		`"projects":["a","a"]`:                "'a' is given twice",
		`"public_url":"ftp://a.example/"`:     "public_url: it must be an http or https URL",
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
