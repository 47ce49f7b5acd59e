package triggertest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/module/trigger"
)

const namespace = "webhooks.triggers."

// Adapt returns the JSON of what follows `trigger` in a Caddyfile, such as
// `http ticket https://desk.example.com`.
func Adapt(input string) (json.RawMessage, error) {
	tokens, err := caddyfile.Tokenize([]byte(input), "Caddyfile")
	if err != nil {
		return nil, err
	}
	d := caddyfile.NewDispenser(tokens)
	d.Next()
	name := d.Val()
	module, err := caddyfile.UnmarshalModule(d, namespace+name)
	if err != nil {
		return nil, err
	}
	if d.Next() {
		return nil, d.Errf("unexpected %s after the trigger", d.Val())
	}
	return caddyconfig.JSONModuleObject(module, "module", name, nil), nil
}

// Load provisions the trigger that the input adapts to; see Adapt. It is cleaned
// up at the end of the test. Modules of Caddy that the input names have to be
// imported, such as those of caddy/v2/modules/standard.
func Load(t *testing.T, input string) (trigger.Trigger, error) {
	t.Helper()
	adapted, err := Adapt(input)
	if err != nil {
		t.Fatal(err)
	}
	return LoadJSON(t, adapted)
}

// LoadJSON provisions the trigger of a configuration in JSON, as the app does.
func LoadJSON(t *testing.T, config json.RawMessage) (trigger.Trigger, error) {
	t.Helper()
	host := struct {
		TriggersRaw []json.RawMessage `caddy:"namespace=webhooks.triggers inline_key=module"`
	}{[]json.RawMessage{config}}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	loaded, err := ctx.LoadModule(&host, "TriggersRaw")
	if err != nil {
		return nil, err
	}
	return loaded.([]any)[0].(trigger.Trigger), nil
}
