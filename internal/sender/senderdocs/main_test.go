package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const folder = "../../../docs/senders"

// TestPagesAreFresh compares the pages with the table.
func TestPagesAreFresh(t *testing.T) {
	all := pages()
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || string(got) != want {
			t.Errorf("%s is stale: run `go generate ./internal/sender`", name)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, found := all[file.Name()]; !found {
			t.Errorf("%s does not belong to a provider", file.Name())
		}
	}
}

func TestPagesSayEverything(t *testing.T) {
	for name, text := range pages() {
		if strings.Contains(text, "%!") || strings.Contains(text, "<>") {
			t.Errorf("%s has a gap", name)
		}
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 30)
	for name, test := range map[string]struct{ text, want string }{
		"a short line":   {"- short\n", "- short\n"},
		"a paragraph":    {long + "end\n", strings.Repeat("word ", 19) + "word\n" + strings.Repeat("word ", 10) + "end\n"},
		"a list item":    {"- " + long + "end\n", "- " + strings.Repeat("word ", 18) + "word\n  " + strings.Repeat("word ", 11) + "end\n"},
		"inline code":    {long[:90] + "`a b c d e f g h`\n", long[:89] + "\n`a b c d e f g h`\n"},
		"a code block":   {"```\n" + long + "\n```\n", "```\n" + long + "\n```\n"},
		"a table's row":  {"| " + long + "|\n", "| " + long + "|\n"},
		"exactly enough": {strings.Repeat("x", columns-1) + "\n", strings.Repeat("x", columns-1) + "\n"},
	} {
		if got := wrap(test.text); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, test.want)
		}
	}
}
