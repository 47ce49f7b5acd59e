package module_test

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/hookgate/hookgate"
	"github.com/hookgate/hookgate/module/internal/goldentest"
)

// TestAdapt holds whole Caddyfiles against their JSON or their error.
func TestAdapt(t *testing.T) {
	goldentest.Run(t, "testdata/adapt", func(input string) (json.RawMessage, error) {
		config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
		return config, err
	})
}
