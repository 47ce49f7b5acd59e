package match

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// The library's own interpreter determines what an expression means. It is used
// only here, because it knows what a call costs only after making it.
func reference(t testing.TB, expression string, event *Event) (wanted bool, err error) {
	env, err := environment()
	if err != nil {
		t.Fatal(err)
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", expression, issues.Err())
	}
	program, err := env.Program(checked)
	if err != nil {
		return false, err
	}
	headers := make(map[string]string)
	for name, values := range event.Header {
		headers[strings.ToLower(name)] = values[0]
	}
	names := event.Names.(named)
	result, _, err := program.Eval(map[string]any{
		"headers": headers, "event": names.event, "action": names.action, "delivery_id": names.delivery,
		"webhook_id": event.WebhookID, "project": event.Project, "payload": decoded(event.Payload.Payload()),
	})
	if err != nil {
		return false, err
	}
	if b, ok := result.(types.Bool); ok {
		return bool(b), nil
	}
	return false, errors.New("the result is no boolean")
}

// decoded returns the payload with its numbers as an expression sees them.
func decoded(payload []byte) any {
	decoder := json.NewDecoder(strings.NewReader(string(payload)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return types.WrapErr(err)
	}
	return numbered(v)
}

func numbered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = numbered(v[name])
		}
	case []any:
		for i := range v {
			v[i] = numbered(v[i])
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return n
		}
		n, _ := v.Float64()
		return n
	}
	return v
}

// phrases makes expressions out of random numbers.
type phrases struct {
	rand  *rand.Rand
	vars  []string
	loops int
}

func (p *phrases) one(of ...string) string { return of[p.rand.IntN(len(of))] }

func (p *phrases) boolean(depth int) string {
	if depth <= 0 {
		return p.one("true", "false", `payload.yes`, `event == "push"`, `has(payload.n)`, `has(payload.o.missing)`, `payload.missing`, `1/0 == 1`)
	}
	a, b := func() string { return p.boolean(depth - 1) }, func() string { return p.any(depth - 1) }
	switch p.rand.IntN(16) {
	case 0, 1:
		return "(" + a() + " && " + a() + ")"
	case 2, 3:
		return "(" + a() + " || " + a() + ")"
	case 4:
		return "!" + a()
	case 5, 6, 7:
		return "(" + b() + p.one(" == ", " != ") + b() + ")"
	case 8:
		return "(" + b() + p.one(" < ", " <= ", " > ", " >= ") + b() + ")"
	case 9:
		return "(" + b() + " in " + b() + ")"
	case 10:
		return "dyn(" + b() + ")." + p.one("contains", "startsWith", "endsWith") + "(dyn(" + b() + "))"
	case 11:
		return "dyn(" + b() + ").matches(" + p.one(`"a+"`, `"^x"`, `"1"`, `""`) + ")"
	case 12:
		return "(" + a() + " ? " + a() + " : " + a() + ")"
	case 13:
		return "has(dyn(" + b() + ")." + p.one("a", "b", "n") + ")"
	}
	return p.loop(depth, p.one("all", "exists", "exists_one"), a)
}

func (p *phrases) loop(depth int, macro string, body func() string) string {
	over := "dyn(" + p.any(depth-1) + ")"
	if p.loops == maxLoops {
		return p.one("true", "false")
	}
	name := p.one("x", "y")
	p.vars, p.loops = append(p.vars, name), p.loops+1
	text := over + "." + macro + "(" + name + ", " + body() + ")"
	p.vars, p.loops = p.vars[:len(p.vars)-1], p.loops-1
	return text
}

func (p *phrases) any(depth int) string {
	if len(p.vars) > 0 && p.rand.IntN(3) == 0 {
		return "dyn(" + p.one(p.vars...) + ")"
	}
	if depth <= 0 {
		return "dyn(" + p.one(`1`, `-3`, `2u`, `1.5`, `1.0`, `0.0`, `"a"`, `"aé"`, `b"a"`, `null`, `true`, `[]`, `[1, "a"]`, `{}`, `{"a": 1}`, `{1: "b"}`,
			`payload`, `payload.n`, `payload.big`, `payload.list`, `payload.o`, `payload.text`, `payload.missing`, `payload.nested`, `headers`, `event`, `int`, `string`,
			`timestamp("2026-01-02T03:04:05Z")`, `duration("90m")`, `9223372036854775807`, `payload.time`, `payload.span`) + ")"
	}
	a := func() string { return "dyn(" + p.any(depth-1) + ")" }
	switch p.rand.IntN(14) {
	case 0, 1, 2:
		return "(" + a() + p.one(" + ", " - ", " * ", " / ", " % ") + a() + ")"
	case 3:
		return "-" + a()
	case 4:
		return p.one("size", "type", "dyn", "bool", "bytes", "double", "int", "string", "uint", "timestamp", "duration") + "(" + a() + ")"
	case 5:
		return a() + "[" + a() + "]"
	case 6:
		return a() + "." + p.one("a", "b", "n", "o")
	case 7:
		return "[" + a() + ", " + a() + "]"
	case 8:
		return "{" + p.one(`"a"`, `"b"`, `1`, `2u`, `true`) + ": " + a() + "}"
	case 9:
		return "(" + p.boolean(depth-1) + " ? " + a() + " : " + a() + ")"
	case 10:
		return a() + "." + p.one("getFullYear()", "getMonth()", "getDayOfYear()", "getDate()", "getDayOfMonth()", "getDayOfWeek()", "getHours()", "getMinutes()",
			"getSeconds()", "getMilliseconds()", `getHours("+02:30")`, `getDate("Europe/Berlin")`, `getMinutes("-03:30")`)
	case 11:
		return p.loop(depth, "filter", func() string { return p.boolean(depth - 1) })
	case 12:
		return p.loop(depth, "map", func() string { return p.any(depth - 1) })
	}
	return p.boolean(depth - 1)
}

var referencePayload = `{"yes":true,"n":7,"big":18446744073709551615,"list":[1,2.0,"a",null,[1],{"a":1}],"text":"1aé","nested":[{"a":"x","b":[1,2]},{"a":"y","b":[]}],
	"o":{"a":1,"b":"a","n":null,"o":{"a":[true]}},"time":"2026-11-23T13:00:00.5+01:00","span":"1h30m"}`

// differs compares an expression's answer with that of the reference.
func differs(t *testing.T, expression string) {
	t.Helper()
	x, err := Compile(expression)
	if err != nil {
		if !strings.Contains(err.Error(), "costs too much") && !strings.Contains(err.Error(), "at most") && !strings.Contains(err.Error(), "written out") {
			t.Errorf("%s: %v", expression, err)
		}
		return
	}
	event := pullRequest()
	event.Names, event.Payload = named{"push", "", "d"}, jsondoc.New([]byte(referencePayload))
	got, gotErr := x.Match(t.Context(), event)
	want, wantErr := reference(t, expression, event)
	if wantErr != nil && strings.Contains(wantErr.Error(), "internal error") {
		return // a fault of the library
	}
	if got != want || (gotErr == nil) != (wantErr == nil) {
		t.Errorf("%s:\n  %v, %v\n  %v, %v of the reference", expression, got, gotErr, want, wantErr)
	}
}

// There is no empty text: the library lets a loop iterate over it, but over no
// other text.
func TestReference(t *testing.T) {
	for seed := range uint64(500) {
		differs(t, phrase(t, seed))
	}
}

func FuzzReference(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { differs(t, phrase(t, seed)) })
}

// Whatever an expression meets, little work is done for it.
func FuzzWork(f *testing.F) {
	f.Add(uint64(1), `"`+strings.Repeat("x", 1000)+`"`, uint16(2000))
	f.Add(uint64(2), `{"a":[1,2,{"b":"1e9"}]}`, uint16(9000))
	f.Add(uint64(3), `1`, uint16(60000))
	f.Fuzz(func(t *testing.T, seed uint64, item string, n uint16) {
		x, err := Compile(phrase(t, seed))
		items := strings.TrimSuffix(strings.Repeat(item+",", min(int(n), 1+(4<<20)/(len(item)+1))), ",")
		event := of(`{"list":[` + items + `],"nested":[{"a":[` + items + `]}],"o":{"a":` + item + `},"text":` + item + `,"n":` + item + `}`)
		if err != nil || event.Payload.Err() != nil {
			return
		}
		began := time.Now()
		_, err = newRun(t.Context().Done(), event, len(event.Payload.Payload())).evaluate(x.whole)
		if took := time.Since(began); took > Patience {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// phrase makes an expression that has the types that it needs.
func phrase(t *testing.T, seed uint64) string {
	env, err := environment()
	if err != nil {
		t.Fatal(err)
	}
	p := &phrases{rand: rand.New(rand.NewPCG(seed, 1))}
	for {
		text := p.boolean(1 + int(seed%5))
		if _, issues := env.Compile(text); issues.Err() == nil {
			return text
		}
	}
}
