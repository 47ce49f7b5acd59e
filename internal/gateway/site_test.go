package gateway

import (
	"slices"
	"testing"
)

// Of several sites the one that serves the fewest projects has a project's
// address, in whichever order the handlers came.
func TestAddressOfAProject(t *testing.T) {
	all := Site{Prefix: "/webhooks/"}
	allNamed := Site{"/webhooks/", "https://all.example.com/webhooks/", nil}
	allToo := Site{"/webhooks/", "https://also.example.com/webhooks/", nil}
	two := Site{"/two/", "https://two.example.com/two/", []string{"demo", "other"}}
	one := Site{"/one/", "https://one.example.com/one/", []string{"demo"}}
	bare := Site{"/bare/", "", []string{"demo"}}
	for _, test := range []struct {
		name   string
		public string
		sites  []Site
		demo   string
		third  string
	}{
		{"no site", "", nil, "/webhooks/", "/webhooks/"},
		{"no site, but an address", "https://x.example.com/w/", nil, "https://x.example.com/w/", "https://x.example.com/w/"},
		{"one for all", "", []Site{all}, "/webhooks/", "/webhooks/"},
		{"an address of its own", "https://x.example.com/w/", []Site{allNamed}, allNamed.PublicURL, allNamed.PublicURL},
		{"two for all", "", []Site{allToo, all, allNamed}, allNamed.PublicURL, allNamed.PublicURL},
		{"the fewest projects", "", []Site{allNamed, two, one}, one.PublicURL, allNamed.PublicURL},
		{"some projects", "https://x.example.com/w/", []Site{two, all}, two.PublicURL, "https://x.example.com/w/"},
		{"some projects and no others", "", []Site{two}, two.PublicURL, "/webhooks/"},
		{"no address", "", []Site{bare, allNamed}, "/bare/", allNamed.PublicURL},
		{"no address but the app's", "https://x.example.com/w/", []Site{bare, allNamed}, "https://x.example.com/w/", allNamed.PublicURL},
		{"one of two has an address", "", []Site{bare, one}, one.PublicURL, "/webhooks/"},
	} {
		for range 2 {
			a := &Configuration{settings: Settings{PublicURL: test.public}, sites: test.sites}
			if demo, third := a.base("demo"), a.base("third"); demo != test.demo || third != test.third {
				t.Errorf("%s: %s and %s, want %s and %s", test.name, demo, third, test.demo, test.third)
			}
			slices.Reverse(test.sites)
		}
	}
}
