// Package goldentest compares Caddyfiles with what they adapt to.
package goldentest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Run checks each .caddyfiletest file of a folder: a Caddyfile, a line of ten
// dashes, and the JSON that it adapts to, or the text of its error.
func Run(t *testing.T, folder string, adapt func(input string) (json.RawMessage, error)) {
	files, err := filepath.Glob(filepath.Join(folder, "*.caddyfiletest"))
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
			check(t, input, strings.TrimSpace(want), adapt)
		})
	}
}

func check(t *testing.T, input, want string, adapt func(string) (json.RawMessage, error)) {
	adapted, err := adapt(input)
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
}
