package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// A project that has reached its limit of integrations, or of bytes, is told
// which limit it is. Other projects are not affected.
func TestLimitsOnIntegrations(t *testing.T) {
	a := newAPI(t)
	limits := func(l storage.IntegrationLimits) { a.Storage.Integrations().(storage.IntegrationLimiter).SetLimits(l) }
	one := func(id string) string { return strings.Replace(github, `"hook"`, `"`+id+`"`, 1) }
	usage := func(want string) {
		t.Helper()
		a.want(a.do("GET", list, ""), 200, `"usage":{`+want)
	}
	limits(storage.IntegrationLimits{Integrations: 2})
	a.want(a.do("POST", list, one("a")), 201)
	a.want(a.do("PUT", list+"/b", one("b")), 201)
	usage(`"integrations":2,"reserved_ids":0,"bytes":`)
	const full = "the limit project_integrations is reached"
	a.want(a.do("POST", list, one("c")), 409, full)
	a.want(a.do("PUT", list+"/c", one("c")), 409, full)
	a.want(a.do("DELETE", list+"/a", ""), 204)
	usage(`"integrations":1,"reserved_ids":1,"bytes":`)
	a.want(a.do("POST", list, one("c")), 409, full)
	a.want(a.do("PUT", strings.Replace(list, "demo", "other", 1)+"/c", one("c")), 201)
	for range 3 { // what already exists does not count again
		a.want(a.do("POST", list, one("a")), 201)
		a.want(a.do("DELETE", list+"/a", ""), 204)
	}
	a.want(a.do("PATCH", list+"/b", `{"alias":"x"}`), 200)

	limits(storage.IntegrationLimits{Bytes: 3000})
	const large = "the limit project_integration_bytes is reached"
	grown := fmt.Sprintf(`{"event_filter":["%s"]}`, strings.Join(strings.Fields(strings.Repeat(strings.Repeat("e", 100)+" ", 40)), `","`))
	a.want(a.do("PATCH", list+"/b", grown), 409, large)
	a.want(a.do("PATCH", list+"/b", `{"alias":"a little more"}`), 200)
	limits(storage.IntegrationLimits{})
	a.want(a.do("PATCH", list+"/b", grown), 200)
	limits(storage.IntegrationLimits{Bytes: 3000})
	a.want(a.do("PATCH", list+"/b", `{"alias":"more than a little more"}`), 409, large)
	a.want(a.do("PATCH", list+"/b", `{"event_filter":[],"alias":"less"}`), 200)
	a.want(a.do("DELETE", list+"/b", ""), 204)
	if all := a.want(a.do("GET", "/webhooks/integrations", ""), 200); all.json["usage"] != nil {
		t.Errorf("all projects have a usage: %s", all.text)
	}
}
