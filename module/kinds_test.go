package module

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/credential/credentialtest"
)

// The Caddyfile and the documents know each kind of credential.
func TestKinds(t *testing.T) {
	credentialtest.Complete(t, credential.Kinds())
	page := func(name string) string {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	api, operator := page("admin.md"), page("operator.md")
	credentialtest.Each(t, func(t *testing.T, e credentialtest.Example) {
		d := caddyfile.NewTestDispenser("webhooks {\nintegration hook {\nproject demo\n" + e.Caddyfile + "\n}\n}")
		d.Next()
		app := new(App)
		if err := app.UnmarshalCaddyfile(d); err != nil {
			t.Fatal(err)
		}
		var declared struct{ Authentication map[string]any }
		if err := json.Unmarshal(app.Integrations[0], &declared); err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal([]byte(e.Form), &want); err != nil {
			t.Fatal(err)
		}
		if got := declared.Authentication; len(got) != 1 || !reflect.DeepEqual(got[e.Name], want) {
			t.Errorf("declared as %v, want %v", got, want)
		}
		if line := app.place("hook", "authentication."+e.Name+".any[0]"); !strings.HasSuffix(line, ":4") {
			t.Errorf("it stands at %q", line)
		}
		if !strings.Contains(api, "\n| `"+e.Name+"` |") || !strings.Contains(operator, "`"+e.Name+" ") {
			t.Error("the documents do not have it")
		}
	})
}
