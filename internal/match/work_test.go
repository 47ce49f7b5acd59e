package match

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// sum is a list that is added up so many times.
func sum(n int, list string) string {
	if n == 1 {
		return list
	}
	return "(" + sum(n/2, list) + "+" + sum(n-n/2, list) + ")"
}

func listOf(item string, n int) string {
	return `{"l":[` + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + `]}`
}

func nested(levels int, inside string) string {
	return strings.Repeat(`{"a":`, levels) + inside + strings.Repeat("}", levels)
}

// heavy are expressions whose work lies where a count of steps does not see it: in
// one call, in what a call returns, in the payload.
var heavy = map[string]struct{ expression, payload string }{
	"in over added lists":        {`[payload.l].exists(x, [` + sum(128, "[1]") + `].exists(y, 2 in ` + sum(128, "[1]") + `))`, listOf("1", 22_000)},
	"in over lists added again":  {`[payload.l].exists(x, ` + sum(128, "[x]") + `.exists(y, 2 in ` + sum(128, "[x]") + `))`, listOf("1", 22_000)},
	"in over added payloads":     {`[payload.l].exists(x, [` + sum(128, "x") + `].exists(y, 2 in ` + sum(128, "y") + `))`, listOf("1", 22_000)},
	"in over growing lists":      {`[payload.l].exists(x, payload.l.exists(y, 2 in x + x + x + x + x + x + x + x))`, listOf("1", 22_000)},
	"in, nothing is":             {`payload.l.all(x, payload.l.all(y, !(2 in payload.l)))`, listOf("1", 22_000)},
	"lists added":                {`payload.l.map(x, payload.l + payload.l + payload.l).size() == 1`, listOf("1", 22_000)},
	"lists added and kept":       {`payload.l.map(x, payload.l).map(x, x + x).size() == 1`, listOf("1", 2_000)},
	"texts added":                {`payload.l.map(x, x + x + x + x).size() == 1`, listOf(`"`+strings.Repeat("x", 1000)+`"`, 400)},
	"texts compared":             {`payload.l.all(x, payload.l.all(y, x == y))`, listOf(`"`+strings.Repeat("x", 10_000)+`"`, 400)},
	"texts ordered":              {`payload.l.all(x, payload.l.all(y, x <= y))`, listOf(`"`+strings.Repeat("x", 10_000)+`"`, 400)},
	"lists compared":             {`payload.l.all(x, payload.l == payload.l)`, listOf("1", 22_000)},
	"objects compared":           {`payload.l.all(x, x == payload.l[0])`, listOf(`{"a":{"b":[1,2,3]},"c":"x","d":null}`, 20_000)},
	"deep values compared":       {`payload.l.all(x, x == payload.l[0])`, listOf(nested(200, "1"), 2_000)},
	"deep and wide":              {`payload` + strings.Repeat(".a", 40) + ` == 1`, nested(200, `"`+strings.Repeat("x", 2<<20)+`"`)},
	"all of it":                  {`payload == payload`, listOf(`{"a":{"b":[1,2,3]},"c":"x","d":null}`, 20_000)},
	"a list of all":              {`[payload, payload, payload].map(x, x.l).all(y, y == payload.l)`, listOf("{}", 22_000)},
	"contains":                   {`payload.l.all(x, !x.contains(payload.l[1] + "y"))`, listOf(`"`+strings.Repeat("x", 50_000)+`"`, 200)},
	"contains what begins alike": {`payload.l.all(x, !x.contains("` + strings.Repeat("a", 1500) + `b"))`, listOf(`"`+strings.Repeat("a", 50_000)+`"`, 200)},
	"a pattern":                  {`payload.l.exists(x, x.matches("(a|a?)+b(a|a?)+b(a|a?)+c"))`, listOf(`"`+strings.Repeat("a", 50_000)+`"`, 200)},
	"a large pattern":            {`payload.l.exists(x, x.matches("(.*a){20}.{60}b"))`, listOf(`"`+strings.Repeat("a", 9_000)+`"`, 200)},
	"patterns":                   {`payload.l.all(x, !x.matches("(?i)(aa|ab|ac|ad|ae){10}z"))`, listOf(`"`+strings.Repeat("aB", 500)+`"`, 20_000)},
	"sizes":                      {`payload.l.all(x, size(x) > 0)`, listOf(`"`+strings.Repeat("é", 5_000)+`"`, 400)},
	"conversions":                {`payload.l.all(x, string(bytes(x)) == x)`, listOf(`"`+strings.Repeat("é", 5_000)+`"`, 400)},
	"numbers in texts":           {`payload.l.exists(x, double(x) == 0.5)`, listOf(`"1.`+strings.Repeat("9", 1000)+`"`, 20_000)},
	"no times":                   {`payload.l.exists(x, timestamp(x) < timestamp(0) || duration(x) < duration("1s"))`, listOf(`"`+strings.Repeat("9", 1000)+`"`, 20_000)},
	"times":                      {`payload.l.all(x, timestamp(x).getHours("Europe/Berlin") >= 0)`, listOf(`"2026-11-23T13:00:00Z"`, 20_000)},
	"no keys":                    {`payload.l.exists(x, payload[x] == 1)`, listOf(`"`+strings.Repeat("k", 1_000)+`"`, 20_000)},
	"keys":                       {`payload.all(x, x in payload)`, `{` + manyMembers(50_000) + `}`},
	"maps":                       {`payload.l.map(x, {"a": x, "b": payload.l, x: 1}).size() == 1`, listOf("1", 22_000)},
	"errors":                     {`payload.l.exists(x, x.a.b || x / 0 == 1 || [x][9] == 1 || -x)`, listOf("1", 22_000)},
	"choices":                    {`payload.l.all(x, (x == 1 ? payload.l : [x]).size() > 0)`, listOf("1", 22_000)},
	"loops":                      {`payload.l.all(x, payload.l.all(y, x == y))`, listOf("1", 100_000)},
	"filters":                    {`payload.l.filter(x, payload.l.filter(y, x == y).size() == 0).size() == 1`, listOf("1", 22_000)},
	"escapes":                    {`payload.l.all(x, x == x)`, listOf(`"`+strings.Repeat(`\u00e9`, 1000)+`"`, 700)},
	"long numbers":               {`payload.l.all(x, x > 0)`, listOf("1"+strings.Repeat("0", 300), 20_000)},
	"one long number":            {`payload.l[0] > 0`, listOf("1"+strings.Repeat("0", 1<<20), 1)},
	"many members":               {`payload.l.all(x, x.a == 1)`, listOf(`{"a":1,"b":2}`, 300_000)},
	"many items":                 {`payload.l.size() == 1`, listOf("1", 400_000)},
	"types":                      {`payload.l.all(x, type(x) == int && type(payload) == map && dyn(x) == x)`, listOf("1", 22_000)},
	"headers":                    {`payload.l.all(x, headers.all(h, headers[h] == headers[h]))`, listOf("1", 22_000)},
}

func manyMembers(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `,"n%d":%d`, i, i)
	}
	return text.String()[1:]
}

// An evaluation ends after little work, whatever it is called with.
func TestWorkIsBounded(t *testing.T) {
	for name, test := range heavy {
		t.Run(name, func(t *testing.T) {
			x, err := Compile(test.expression)
			if err != nil {
				t.Fatal(err)
			}
			event := of(test.payload)
			if err := event.Payload.Err(); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err = newRun(t.Context().Done(), event, len(test.payload)).evaluate(x.whole)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			memory := after.TotalAlloc - before.TotalAlloc
			t.Logf("%s with a payload of %d KiB: %v, %v, %d KiB of memory", reason(err), len(test.payload)>>10, err, took, memory>>10)
			// It is some milliseconds, and some tens where the payload is large.
			if took > Patience || memory > 48<<20 {
				t.Errorf("it took %v and %d bytes", took, memory)
			}
		})
	}
}

// What costs too much for every event is refused when it is saved.
func TestConstantWorkIsRefused(t *testing.T) {
	numbers := "[" + strings.TrimSuffix(strings.Repeat("1,", 160), ",") + "]"
	for _, expression := range []string{
		numbers + `.all(x, ` + numbers + `.all(y, x == y))`,
		`payload.l.all(x, x == 1) || ` + numbers + `.exists(x, ` + numbers + `.exists(y, x != y))`,
		numbers + `.map(x, ` + numbers + `.map(y, x + y)).size() == payload.n`,
	} {
		if _, err := Compile(expression); err == nil || !strings.Contains(err.Error(), "costs too much") {
			t.Errorf("%.50s: %v", expression, err)
		}
	}
}
