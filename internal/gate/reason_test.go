package gate

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestReasonsAreComplete reads the package: what is written out as a reason
// anywhere must be listed, lest a metric has no counter for it.
func TestReasonsAreComplete(t *testing.T) {
	known := Reasons()
	found := make(map[string]gotoken.Position)
	set := gotoken.NewFileSet()
	for _, file := range sources(t, set, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			if reason := reasonIn(n); reason != nil && reason.Kind == gotoken.STRING {
				text, err := strconv.Unquote(reason.Value)
				if err != nil {
					t.Fatal(err)
				}
				found[text] = set.Position(reason.Pos())
			}
			return true
		})
	}
	if len(found) < 20 {
		t.Fatalf("only %d reasons were found: %v", len(found), slices.Sorted(maps.Keys(found)))
	}
	for reason, position := range found {
		if !slices.Contains(known, reason) {
			t.Errorf("%v: Reasons does not list %q", position, reason)
		}
	}
}

// reasonIn returns the text that a node gives as a reason: the last argument of
// refuse, what is set as Seen.Reason, or the second result beside a claim.
func reasonIn(n ast.Node) *ast.BasicLit {
	var value ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		if called, ok := n.Fun.(*ast.SelectorExpr); ok && called.Sel.Name == "refuse" && len(n.Args) == 2 {
			value = n.Args[1]
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			if field, ok := left.(*ast.SelectorExpr); ok && field.Sel.Name == "Reason" && i < len(n.Rhs) {
				value = n.Rhs[i]
			}
		}
	case *ast.ReturnStmt:
		if len(n.Results) == 2 {
			if made, ok := n.Results[0].(*ast.CompositeLit); ok && isClaim(made.Type) {
				value = n.Results[1]
			}
		}
	}
	text, ok := value.(*ast.BasicLit)
	if !ok || text.Value == `""` {
		return nil
	}
	return text
}

func isClaim(kind ast.Expr) bool {
	name, ok := kind.(*ast.SelectorExpr)
	return ok && name.Sel.Name == "Claim"
}

// TestReasonsOfCredentialsAreComplete does so for the words of those who judge
// a signature or a token.
func TestReasonsOfCredentialsAreComplete(t *testing.T) {
	known := Reasons()
	for dir, kind := range map[string]string{
		"../../module/provider": "signature", "../sender": "signature", "../jwt": "jwt",
	} {
		for _, file := range sources(t, gotoken.NewFileSet(), dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok || len(spec.Values) != 1 || !isReason(spec.Type) {
					return true
				}
				if word, ok := spec.Values[0].(*ast.BasicLit); ok {
					if text, _ := strconv.Unquote(word.Value); text != "" && !slices.Contains(known, kind+"_"+text) {
						t.Errorf("Reasons does not list %s_%s", kind, text)
					}
				}
				return true
			})
		}
	}
}

func isReason(kind ast.Expr) bool {
	switch kind := kind.(type) {
	case *ast.Ident:
		return kind.Name == "Reason"
	case *ast.SelectorExpr:
		return kind.Sel.Name == "Reason"
	}
	return false
}

// sources parses a package's files but for its tests.
func sources(t *testing.T, set *gotoken.FileSet, dir string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, dir+"/"+name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
