package payload

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

const somePayload = `{"name":{"first":"Tom","last":"Anderson"},"age":37,"children":["Sara","Alex","Jack"],"fav.movie":"Deer Hunter","":{"":1},
	"friends":[{"first":"Dale","last":"Murphy","age":44,"nets":["ig","fb","tw"],"on":true},{"first":"Roger","last":"Craig","age":68,"nets":["fb","tw"],"on":false},
		{"first":"Jane","last":"Murphy","age":47,"nets":["ig","tw"],"x":null},7,"Dale",null,[1,[2,3]],-1.5e1,"true",[{"first":"Bo"}]],
	"#":"hash","0":"zero","deep":[[[{"a":[{"a":1},{"a":2}]}]]],"users":{"u1":{"n":1},"u2":{"m":2},"x3":{"m":3}},"é":"\u00e9\"x"}`

func lookUp(t *testing.T, payload, text string) (jsondoc.Value, error) {
	t.Helper()
	p, err := parsePath(text)
	if err != nil {
		return jsondoc.Value{}, err
	}
	values, err := pick(jsondoc.New([]byte(payload)).Value(), []path{p})
	if err != nil {
		return jsondoc.Value{}, err
	}
	return values[0], nil
}

func TestPaths(t *testing.T) {
	for text, want := range map[string]string{
		`name.last`: `"Anderson"`, `age`: `37`, `children`: `["Sara","Alex","Jack"]`, `children.1`: `"Alex"`, `children.#`: `3`, `fav\.movie`: `"Deer Hunter"`,
		`child*.2`: `"Jack"`, `c?ildren.0`: `"Sara"`, `friends.1.last`: `"Craig"`, `friends.#.first`: `["Dale","Roger","Jane"]`, `.`: `1`,
		`friends.#(last=="Murphy").first`: `"Dale"`, `friends.#(last=="Murphy")#.first`: `["Dale","Jane"]`, `friends.#(age>45)#.last`: `["Craig","Murphy"]`,
		`friends.#(first%"D*").last`: `"Murphy"`, `friends.#(first!%"D*").last`: `"Craig"`, `friends.#(nets.#(=="fb"))#.first`: `["Dale","Roger"]`,
		`friends.#.first|0`: `"Dale"`, `friends.#(on==~true).first`: `"Dale"`, `friends.#(x==~null)#.first`: `["Dale","Roger","Jane"]`, `friends.#(=="Dale")`: `"Dale"`,
		`friends.#(age)#|#`: `3`, `friends.#(age)#.#`: `[]`, `friends.#(none)`: ``, `friends.#(none)#`: `[]`, `friends.#(none)#.a`: `[]`, `missing`: ``, `age.x`: ``,
		`#`: `"hash"`, `0`: `"zero"`, `deep.0.0.0.a.#.a`: `[1,2]`, `deep.#.#.#.a.#.a`: `[[[[1,2]]]]`, `users.*.m`: `2`, `users.u2.m`: `2`, `\#`: `"hash"`,
		`friends.#(last==Murphy).age`: `44`, `friends.#( age >= 47 ).first`: `"Roger"`, `friends.#(first=="a\"b)")`: ``, `é`: `"\u00e9\"x"`, `friends.#.nets.#`: `[3,2,2]`,
		`friends|1|last`: `"Craig"`, `friends.#[last="Craig"].age`: `68`, `friends.#(on).on`: `true`, `friends.#(<8)`: `7`, `@this`: ``, `children.-1`: ``, `children.01`: ``,
	} {
		if text == whole {
			want = string(jsondoc.New([]byte(somePayload)).Value().Raw())
		}
		if got, err := lookUp(t, somePayload, text); err != nil || string(got.Raw()) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got.Raw(), err, want)
		}
	}
	for _, text := range []string{`a.#(b`, `a.#(b)c`, `a.#()`, `a.#(b!c)`, `a.#(b=="\x")`, `a.#("b"`, `a.!b`, `a|{b}`, `a.#(@this)`, strings.Repeat("#.", maxHashes) + "#", strings.Repeat("*a", maxStars+1),
		`a.#(b.#(c.#(d.#(e))))|#(f)|#(g)|#(h)`, strings.Repeat("#(a)#|", 42) + "a"} {
		if _, err := lookUp(t, somePayload, text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

// ways makes a path out of random numbers.
func ways(random *rand.Rand, top, depth int) string {
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	var text strings.Builder
	for i := range 1 + random.IntN(4) {
		if i > 0 {
			// What a pipe does within a query depends on what it meets.
			text.WriteString(one(".", ".", ".", ".|"[top:top+1]))
		}
		switch {
		case random.IntN(4) == 0 && depth > 0:
			text.WriteString("#(" + one("", ways(random, 0, depth-1)) + one("", "==", "!=", "<", "<=", ">", ">=", "%", "!%", "=") + one(`"Dale"`, `"*a*"`, `44`, `true`, `~true`, `~false`, `~null`, `~*`, `"~true"`, `Murphy`, `"x?"`) + ")" + one("", "#"))
		default:
			text.WriteString(one("name", "first", "friends", "friends", "age", "nets", "on", "children", "#", "#", "0", "1", "6", "users", "*", "u*", "?1", "deep", "a", "x", "fav\\.movie", "m", "\\#"))
		}
	}
	return text.String()
}

// Paths mean the same as in the library that invented them.
func TestPathsOfGJSON(t *testing.T) {
	compared := 0
	for seed := range uint64(60_000) {
		text := ways(rand.New(rand.NewPCG(seed, 2)), 1, 2)
		got, err := lookUp(t, somePayload, text)
		if err != nil {
			continue
		}
		compared++
		want := gjson.Get(somePayload, text)
		if strings.ContainsAny(text, "*?") && strings.Contains(text, "#(") {
			continue // there a pattern goes no further when the query finds something else
		}
		if want.Raw == "[]" && strings.Contains(text, ")#") && strings.Contains(text, "|") {
			continue // there a pipe is left out when the query finds nothing
		}
		if string(got.Raw()) != strings.TrimSpace(want.Raw) {
			t.Errorf("%s: got %s, want %s", text, got.Raw(), want.Raw)
		}
	}
	t.Logf("%d paths", compared)
}

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		text, pattern string
		want          bool
	}{
		{"", "", true}, {"", "*", true}, {"a", "", false}, {"abc", "a?c", true}, {"aéc", "a?c", true}, {"abc", "*c", true}, {"abcbc", "a*bc", true}, {"abcb", "a*bc", false},
		{"ab", "a**b**", true}, {"a", "a?", false}, {"xaxbx", "*a*b*", true}, {"é", "??", false}, {"éa", "*a", true},
	} {
		if got := glob(test.text, test.pattern); got != test.want {
			t.Errorf("%q, %q: %v", test.text, test.pattern, got)
		}
	}
}

// To find fields costs no more than a number of readings of the payload, and little
// memory, whatever the paths are.
func TestWorkIsBounded(t *testing.T) {
	list := func(item string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	many := func(path string) map[string]string {
		fields := make(map[string]string)
		for i := range maxFields {
			fields[fmt.Sprintf("f%d", i)] = path
		}
		return fields
	}
	for name, test := range map[string]struct {
		path, payload string
		fails         bool
	}{
		"lists again and again": {"#(a)#|#(a)#|#(a)#|#(a)#|#(a)#|#(a)#", list(`{"a":"x"}`, 100_000), true},
		"lists of lists":        {"#.#.#.#.#.a", list(list(list(list(list(`{"a":1}`, 3), 3), 3), 3), 2_000), true},
		"within each other":     {`#(a.#(b.#(c.#(d=="e"))))#`, list(`{"a":[{"b":[{"c":[{"d":"x"}]}]}]}`, 30_000), true},
		"patterns":              {"*a*a*a*a*a*b", `{` + strings.Repeat(`"`+strings.Repeat("a", 1000)+`",`, 0) + `"` + strings.Repeat("a", 1<<20) + `":1}`, true},
		"patterns of values":    {`#(%"*a*a*a*a*a*b")`, list(`"`+strings.Repeat("a", 1000)+`"`, 1000), true},
		"deep":                  {strings.TrimSuffix(strings.Repeat("a.", 120), "."), strings.Repeat(`{"a":`, 200) + `"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat("}", 200), false},
		"deep patterns":         {strings.TrimSuffix(strings.Repeat("?.", 120), "."), strings.Repeat(`{"a":`, 200) + `"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat("}", 200), true},
		"the whole":             {whole, list(`{"a":"x"}`, 100_000), false},
		"a long text":           {"a", `{"a":"` + strings.Repeat(`\u00e9`, 200_000) + `"}`, false},
		"the last":              {"z", `{"a":` + list(`"x"`, 200_000) + `,"z":1}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			fields := many(test.path)
			if name == "deep" {
				fields = map[string]string{"deep": test.path, "f": "none"}
			}
			s, err := Compile(Spec{Fields: fields})
			if err != nil {
				t.Fatal(err)
			}
			event := pullRequest()
			event.Body = []byte(test.payload)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			shaped, err := s.Apply(event)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			memory := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d KiB: %v, %d KiB, %v", len(test.payload)>>10, took, memory>>10, err)
			if errors.Is(err, ErrCost) != test.fails || !test.fails && len(shaped.Body) > 1<<20 {
				t.Errorf("got %v", err)
			}
			if took > 5*time.Second || memory > 160<<20 {
				t.Errorf("it took %v and %d bytes", took, memory)
			}
		})
	}
}
