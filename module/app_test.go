package module

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestNullIsTheDefault: a configuration in which a field is null is one that
// leaves it out.
func TestNullIsTheDefault(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for _, field := range []string{"public_url", "storage", "retry", "concurrency", "limits", "retention", "triggers", "integrations"} {
		text := newBench(t).config(func(app map[string]any) {
			delete(app, "integrations") // for it needs the trigger
			app[field] = nil
		})
		var config caddy.Config
		if err := json.Unmarshal(text, &config); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&config); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}
