package guest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestSecret warns of literal text, without showing it.
func TestSecret(t *testing.T) {
	t.Setenv("A_SECRET", "s3cret")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, warnings := range map[string]int{"s3cret": 1, "{env.A_SECRET}": 0, "{file." + file + "}": 0, "": 0} {
		core, logs := observer.New(zapcore.DebugLevel)
		got, err := Secret(zap.New(core), "token", value)
		if err != nil || (value != "" && got != "s3cret") || logs.Len() != warnings {
			t.Errorf("%q: %q, %v, %d warnings", value, got, err, logs.Len())
		}
		for _, entry := range logs.All() {
			if strings.Contains(entry.Message, "s3cret") || entry.ContextMap()["option"] != "token" {
				t.Errorf("warning %+v", entry)
			}
		}
	}
}

func TestTransportDefaults(t *testing.T) {
	for raw, want := range map[string]string{
		"":                    `{"compression":false,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"http"}`: `{"compression":false,"network_proxy":{"from":"none"},"protocol":"http"}`,
		`{"protocol":"http","compression":true,"network_proxy":{"from":"url","url":"x"}}`: `{"compression":true,"network_proxy":{"from":"url","url":"x"},"protocol":"http"}`,
		`{"protocol":"http","forward_proxy_url":"x"}`:                                     `{"compression":false,"forward_proxy_url":"x","protocol":"http"}`,
		`{"protocol":"other"}`: `{"protocol":"other"}`,
	} {
		got, err := TransportDefaults(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
}
