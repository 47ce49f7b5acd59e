package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestToken warns of literal text, without showing it.
func TestToken(t *testing.T) {
	t.Setenv("A_SECRET", "s3cret")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("s3cret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, warnings := range map[string]int{"s3cret": 1, "{env.A_SECRET}": 0, "{file." + file + "}": 0, "": 0} {
		core, logs := observer.New(zapcore.DebugLevel)
		got, err := Token(zap.New(core), "token", value)
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

// TestWarnLiteralBraces: a brace makes no placeholder.
func TestWarnLiteralBraces(t *testing.T) {
	t.Setenv("A_SECRET", "s3cret")
	for text, warnings := range map[string]int{
		"a{b": 1, "a}b": 1, "{": 1, `\{env.A_SECRET\}`: 1, `\{"a"\}`: 1,
		"a{env.A_SECRET}": 0, "{env.NOT_SET}": 0, "Bearer {webhook.project}": 0,
	} {
		core, logs := observer.New(zapcore.DebugLevel)
		if WarnLiteral(zap.New(core), "token", text); logs.Len() != warnings {
			t.Errorf("%q: %d warnings, want %d", text, logs.Len(), warnings)
		}
	}
}

// TestExpandQuotesPlaceholdersOnly: a secret with braces must not reach the
// log, the name of a variable that is missing should.
func TestExpandQuotesPlaceholdersOnly(t *testing.T) {
	for text, quoted := range map[string]bool{"abc{s3cret}": false, "{env.NOT_SET_s3cret}": true, "{file./nowhere/s3cret}": true} {
		if got, err := Expand(text); err == nil || got != "" || strings.Contains(err.Error(), "s3cret") != quoted {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
