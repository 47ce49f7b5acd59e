package integrationtests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// columns is how wide a line of a document may be, except in tables and code:
// longer ones cannot be read in a diff.
const columns = 100

// plainer lists phrases that this project does not use, with what to write
// instead.
var plainer = map[string]*regexp.Regexp{
	"reports whether": regexp.MustCompile(`(?i)\bsays whether\b`),
	"again":           regexp.MustCompile(`(?i)\banew\b`),
	"timeout":         regexp.MustCompile(`(?i)\btime-outs?\b`),
	"lookup":          regexp.MustCompile(`(?i)\blook-ups?\b`),
	"lowercase":       regexp.MustCompile(`(?i)\blower-case\b`),
}

// TestPlainWords looks for phrases that have a plainer equivalent.
func TestPlainWords(t *testing.T) {
	t.Parallel()
	for path, text := range texts(t, ".go", ".md") {
		if path == "integration-tests/prose_test.go" {
			continue
		}
		for n, line := range strings.Split(text, "\n") {
			for better, phrase := range plainer {
				if found := phrase.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: write %q", path, n+1, found, better)
				}
			}
		}
	}
}

// TestDocumentsAreWrapped checks the width of the documents.
func TestDocumentsAreWrapped(t *testing.T) {
	t.Parallel()
	for path, text := range texts(t, ".md") {
		for n, line := range prose(text) {
			width := utf8.RuneCountInString(line)
			oneWord := !strings.Contains(strings.TrimLeft(line, " -"), " ")
			if width > columns && !oneWord && !strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "#") {
				t.Errorf("%s:%d: %d columns, at most %d", path, n+1, width, columns)
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ (.*)`)
	// dropped is what GitHub leaves out of a heading's anchor.
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks follows the links between documents, and to files of the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	root := gateway.Root(t)
	documents := texts(t, ".md")
	anchors := make(map[string][]string)
	for path, text := range documents {
		for _, line := range prose(text) {
			if found := heading.FindStringSubmatch(line); found != nil {
				title := dropped.ReplaceAllString(strings.ToLower(found[1]), "")
				anchors[path] = append(anchors[path], strings.ReplaceAll(title, " ", "-"))
			}
		}
	}
	followed := 0
	for path, text := range documents {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			followed++
			to := path
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(path), target))
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: %s does not exist", path, found[1])
			} else if anchor != "" && !slices.Contains(anchors[to], anchor) {
				t.Errorf("%s: %s has no such heading", path, found[1])
			}
		}
	}
	if followed < 100 {
		t.Errorf("only %d links were followed", followed)
	}
}

// texts returns the files of the repository with these extensions, by path.
func texts(t *testing.T, extensions ...string) map[string]string {
	t.Helper()
	root := gateway.Root(t)
	found := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains(extensions, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d files, %v", len(found), err)
	}
	return found
}

// prose returns the lines of a document, with those of code blocks empty.
func prose(text string) []string {
	all := strings.Split(text, "\n")
	code := false
	for n, line := range all {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			code = !code
		}
		if code || fence {
			all[n] = ""
		}
	}
	return all
}
