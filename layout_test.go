package hookgate_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layout is what docs/developer.md tells of the folders.
type layout struct {
	rooms  map[string]string   // by the folders of packages
	arrows map[string][]string // from each room that is drawn
}

var (
	tableRow   = regexp.MustCompile("^\\| ([a-z]+) \\| (`[^|]*`) \\|")
	drawnRoom  = regexp.MustCompile(`^    ([a-z]+)\[`)
	drawnArrow = regexp.MustCompile(`^    ([a-z]+) --> ([a-z &]+)$`)
	quoted     = regexp.MustCompile("`([^`]*)`")
)

// readLayout reads the table and the picture.
func readLayout(t *testing.T) layout {
	t.Helper()
	text, err := os.ReadFile("docs/developer.md")
	if err != nil {
		t.Fatal(err)
	}
	l := layout{make(map[string]string), make(map[string][]string)}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if row := tableRow.FindStringSubmatch(line); row != nil {
			first := ""
			for _, name := range quoted.FindAllStringSubmatch(row[2], -1) {
				folder := name[1]
				if below, found := strings.CutPrefix(folder, "…/"); found {
					folder = path.Join(first, below)
				} else {
					first = folder
				}
				if room, twice := l.rooms[folder]; twice {
					t.Errorf("%s stands in the table twice, as %s and %s", folder, room, row[1])
				}
				l.rooms[folder] = row[1]
			}
		}
		if room := drawnRoom.FindStringSubmatch(line); room != nil {
			l.arrows[room[1]] = append([]string{}, l.arrows[room[1]]...)
		}
		if arrow := drawnArrow.FindStringSubmatch(line); arrow != nil {
			l.arrows[arrow[1]] = append(l.arrows[arrow[1]], strings.Split(arrow[2], " & ")...)
		}
	}
	if len(l.rooms) < 40 || len(l.arrows) < 10 {
		t.Fatalf("read %d folders and %d rooms from the document", len(l.rooms), len(l.arrows))
	}
	return l
}

// imports returns the folders that each package's folder imports, tests left out. The
// file at the root stands for its folder.
func imports(t *testing.T) map[string]map[string]bool {
	t.Helper()
	const module = "github.com/hookgate/hookgate"
	found := make(map[string]map[string]bool)
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case "integration-tests", "tools", "caddyfile-examples", "docs", "testdata", ".git", "bin":
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		folder := filepath.ToSlash(filepath.Dir(name))
		if folder == "." {
			folder = "hookgate.go"
		}
		if found[folder] == nil {
			found[folder] = make(map[string]bool)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			if imported, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/"); ours {
				found[folder][imported] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestLayout holds docs/developer.md to the code: the table names each package's
// folder, and the picture has an arrow for each import between two of its rooms and no
// other. Rooms that are not drawn import no drawn one, and no arrow leads back.
func TestLayout(t *testing.T) {
	l := readLayout(t)
	packages := imports(t)
	real := make(map[string]map[string]bool)
	for folder, imported := range packages {
		room, named := l.rooms[folder]
		if !named {
			t.Errorf("the table does not name %s", folder)
			continue
		}
		if real[room] == nil {
			real[room] = make(map[string]bool)
		}
		for other := range imported {
			if to := l.rooms[other]; to != room {
				real[room][to] = true
			}
		}
	}
	for folder := range l.rooms {
		if packages[folder] == nil {
			t.Errorf("the table names %s, which has no package", folder)
		}
	}
	drawn := func(room string) bool { return l.arrows[room] != nil }
	for room, to := range real {
		var want []string
		for other := range to {
			if drawn(other) {
				want = append(want, other)
			}
		}
		slices.Sort(want)
		got := slices.Sorted(slices.Values(l.arrows[room]))
		switch {
		case !drawn(room) && len(want) > 0:
			t.Errorf("%s is not drawn, and imports %v", room, want)
		case !slices.Equal(got, want):
			t.Errorf("%s --> %s is drawn; in the code it is %s --> %s", room, strings.Join(got, " & "), room, strings.Join(want, " & "))
		}
	}
	for room := range l.arrows {
		if real[room] == nil {
			t.Errorf("%s is drawn, and has no folder", room)
		}
		if leadsTo(l.arrows, room, room, map[string]bool{}) {
			t.Errorf("the arrows from %s lead back to it", room)
		}
	}
}

// leadsTo reports whether a way leads from one room to another.
func leadsTo(arrows map[string][]string, from, to string, seen map[string]bool) bool {
	for _, next := range arrows[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if leadsTo(arrows, next, to, seen) {
				return true
			}
		}
	}
	return false
}
