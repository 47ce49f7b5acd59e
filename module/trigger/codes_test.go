package trigger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestErrorCodesAreComplete reads the constants of this package.
func TestErrorCodesAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "trigger.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Err") && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok {
				code, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				declared = append(declared, code)
			}
		}
		return true
	})
	listed := ErrorCodes()
	slices.Sort(declared)
	slices.Sort(listed)
	if len(declared) < 19 || !slices.Equal(declared, listed) {
		t.Errorf("declared %v\nlisted %v", declared, listed)
	}
}
