package syntax_test

import (
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/syntax"
)

// matchSlowly is the meaning of a glob, spelled out.
func matchSlowly(glob, text string) bool {
	switch {
	case glob == "":
		return text == ""
	case glob[0] == '*':
		return matchSlowly(glob[1:], text) || text != "" && matchSlowly(glob, text[1:])
	default:
		return text != "" && glob[0] == text[0] && matchSlowly(glob[1:], text[1:])
	}
}

func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"a*b*c", "abc"}, {"ab*ba", "aba"}, {"**", ""}, {"*a*b", "ab-b"}, {"a", "ab"}, {"", ""}, {"*ab*ab", "aab"}, {"a*b", "aXb"}, {"*", ""}, {"a*a", "a"}, {"**a*", "bab"}, {"pull_request.*", "pull_request.opened"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, glob, text string) {
		if len(glob) > 16 || len(text) > 24 || strings.Count(glob, "*") > 4 {
			return // the reference is slow, on purpose
		}
		got := syntax.NewGlob(glob).Match(text)
		if want := matchSlowly(glob, text); got != want {
			t.Errorf("%q matches %q: %v, want %v", glob, text, got, want)
		}
		// path.Match means the same by what has no meaning of its own there.
		if strings.ContainsAny(glob, `[]?\/`) || strings.Contains(text, "/") {
			return
		}
		if want, err := path.Match(glob, text); err == nil && got != want {
			t.Errorf("%q matches %q: %v, want %v as path.Match says", glob, text, got, want)
		}
	})
}

func TestGlobAgreesWithTheMeaning(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	draw := func(alphabet string, most int) string {
		text := make([]byte, random.IntN(most+1))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(text)
	}
	for range 50_000 {
		glob, text := draw("ab.*", 8), draw("ab.", 10)
		if got, want := syntax.NewGlob(glob).Match(text), matchSlowly(glob, text); got != want {
			t.Fatalf("%q matches %q: %v, want %v (seed %d)", glob, text, got, want, seed)
		}
	}
}

func isLower(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz.") == ""
}

func TestTemplate(t *testing.T) {
	for _, test := range []struct {
		text string
		want []syntax.Part
	}{
		{"", nil},
		{"a", []syntax.Part{{Text: "a"}}},
		{"{a}", []syntax.Part{{Name: "a"}}},
		{"{a}{b.c}", []syntax.Part{{Name: "a"}, {Name: "b.c"}}},
		{"x {a} y", []syntax.Part{{Text: "x "}, {Name: "a"}, {Text: " y"}}},
		{`\{a\} {b`, []syntax.Part{{Text: "{a} {b"}}},
		{`\\{a}`, []syntax.Part{{Text: `\{a}`}}},
		{`\n\`, []syntax.Part{{Text: `\n\`}}},
		{`{"a": {b}}`, []syntax.Part{{Text: `{"a": `}, {Name: "b"}, {Text: "}"}}},
		{"{{a}}", []syntax.Part{{Text: "{"}, {Name: "a"}, {Text: "}"}}},
		{"{} {A} {", []syntax.Part{{Text: "{} {A} {"}}},
	} {
		if got := syntax.Template(test.text, isLower); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

// FuzzTemplate writes the parts down again with every literal brace escaped, and
// takes that apart: it must come to the same.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"x {a} y", `\{a\} {b`, `\\{a}`, `{"a": {b}}`, `{a\}b}`, "{{a}}"} {
		f.Add(seed)
	}
	escape := strings.NewReplacer("{", `\{`, "}", `\}`)
	f.Fuzz(func(t *testing.T, text string) {
		parts := syntax.Template(text, isLower)
		var again strings.Builder
		for i, p := range parts {
			switch {
			case (p.Text == "") == (p.Name == ""), p.Name != "" && !isLower(p.Name):
				t.Fatalf("%q: the part %q", text, p)
			case p.Text != "" && i > 0 && parts[i-1].Text != "":
				t.Fatalf("%q: two literals follow each other", text)
			case p.Name != "":
				again.WriteString("{" + p.Name + "}")
			default:
				again.WriteString(escape.Replace(p.Text))
			}
		}
		if got := syntax.Template(again.String(), isLower); !slices.Equal(got, parts) {
			t.Errorf("%q: got %q, and of its escaped form %q", text, parts, got)
		}
	})
}

func TestIsConnectionHeader(t *testing.T) {
	for name, want := range map[string]bool{
		"Connection": true, "keep-alive": true, "TE": true, "Trailer": true, "transfer-Encoding": true, "Upgrade": true,
		"Host": false, "Connections": false, "": false, "T": false,
	} {
		if got := syntax.IsConnectionHeader(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]struct{ printable, control bool }{
		"": {true, false}, "a b~": {true, false}, "ä": {false, false}, "a\nb": {false, true}, "\x7f": {false, true}, "\x00": {false, true},
		"\xff": {false, false}, "\u0085": {false, false},
	} {
		if syntax.IsPrintable(text) != want.printable || syntax.HasControl(text) != want.control {
			t.Errorf("%q: printable %v, control %v", text, syntax.IsPrintable(text), syntax.HasControl(text))
		}
	}
}
