package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const folder = "../../../docs/senders"

// The pages are those of the table as it is.
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
			t.Errorf("%s belongs to no provider", file.Name())
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
