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

// TestStrayEnds: what an editor, a shell or an env file adds to a secret is taken
// off where it is sure, and refused where it is not.
func TestStrayEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	for value, want := range map[string]struct{ env, file bool }{
		"CANARY":              {true, true},
		"CANARY\n":            {true, true},
		"CANARY\r\n":          {true, true},
		"CANARY\n\n":          {false, false},
		"\nCANARY":            {false, false},
		"CANARY ":             {false, false},
		`"CANARY"`:            {false, false},
		"'CANARY":             {false, false},
		"\ufeffCANARY":        {false, false},
		"\xff\xfeC\x00A\x00":  {false, false},
		"CANARY\u200b":        {false, false},
		"can't be so bad\r\n": {true, true},
	} {
		if !strings.Contains(value, "\x00") {
			t.Setenv("A_SECRET", value)
		}
		if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]bool{"{env.A_SECRET}": want.env, "{file." + file + "}": want.file} {
			got, err := Token(zap.NewNop(), "token", text)
			if (err == nil) != want || want && got != strings.TrimRight(value, "\r\n") {
				t.Errorf("%q in %s: %q, %v", value, text, got, err)
			}
			if err != nil && (strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), text)) {
				t.Errorf("%q in %s: %v", value, text, err)
			}
			if err := Check("Bearer " + text + " {webhook.project}"); (err == nil) != want {
				t.Errorf("%q in a header with %s: %v", value, text, err)
			}
			if expanded, err := Expand(text); want && (err != nil || expanded != got) {
				t.Errorf("%q in %s expands to %q, %v", value, text, expanded, err)
			}
		}
	}
	t.Setenv("A_SECRET", "CANARY\n")
	if _, err := Token(zap.NewNop(), "token", "{env.A_SECRET}\n"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a line break in the configuration: %v", err)
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
