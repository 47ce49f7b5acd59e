// Package guesttest holds what the tests of the triggers' Caddy modules have in
// common.
package guesttest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/module/trigger"
)

const namespace = "webhooks.triggers."

// Golden holds each file of testdata: what follows `trigger` in a Caddyfile, a
// line of ten dashes, and the JSON that it adapts to, or the text of its error.
func Golden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, found := strings.Cut(string(content), "\n----------\n")
			if !found {
				t.Fatal("no line of ten dashes")
			}
			want = strings.TrimSpace(want)
			adapted, err := Adapt(input)
			if !strings.HasPrefix(want, "{") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("error %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, adapted, "", "\t"); err != nil {
				t.Fatal(err)
			}
			if got := indented.String(); got != want {
				t.Errorf("adapts to\n%s\nwant\n%s", got, want)
			}
			if formatted := string(caddyfile.Format([]byte(input))); strings.TrimSpace(formatted) != strings.TrimSpace(input) {
				t.Errorf("is not formatted; want\n%s", formatted)
			}
		})
	}
}

// Adapt returns the JSON of what follows `trigger` in a Caddyfile.
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

// Load provisions the trigger that the input adapts to.
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
