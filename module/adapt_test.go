package module_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/hookgate/hookgate"
)

// TestAdapt holds each file of testdata/adapt: a Caddyfile, a line of dashes,
// and the JSON that it adapts to, or the text of its error.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
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
			got, err := adapt(input)
			if !strings.HasPrefix(want, "{") {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("error %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("adapts to\n%s\nwant\n%s", got, want)
			}
			if formatted := string(caddyfile.Format([]byte(input))); strings.TrimSpace(formatted) != strings.TrimSpace(input) {
				t.Errorf("is not formatted; want\n%s", formatted)
			}
		})
	}
}

func adapt(input string) (string, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, config, "", "\t"); err != nil {
		return "", err
	}
	return indented.String(), nil
}
