package match

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

func pullRequest() *Event {
	return &Event{
		Header:    http.Header{"X-Github-Event": {"pull_request"}, "User-Agent": {"GitHub-Hookshot/1"}},
		Names:     named{"pull_request", "opened", "72d3162e"},
		WebhookID: "hook",
		Project:   "demo",
		Payload: jsondoc.New([]byte(`{"action":"opened","number":7,"big":9007199254740993,"huge":18446744073709551615,"ratio":0.5,
			"pull_request":{"draft":false,"title":"Caf\u00e9","base":{"ref":"main"},"merged_at":null,
			"labels":[{"name":"bug"},{"name":"urgent"}]},"changed":["a.go","b.md"],
			"a.b":"dotted","created_at":"2026-11-23T13:00:00Z"}`)),
	}
}

type named struct{ event, action, delivery string }

func (n named) EventType() (string, error)     { return n.event, nil }
func (n named) EventAction() (string, error)   { return n.action, nil }
func (n named) EventDelivery() (string, error) { return n.delivery, nil }

// of returns an event with nothing but a payload.
func of(payload string) *Event { return &Event{Names: named{}, Payload: jsondoc.New([]byte(payload))} }

func TestMatch(t *testing.T) {
	tests := []struct {
		expression string
		want       bool
		reason     string
	}{
		{``, true, ""},
		{`true`, true, ""},
		{`event == "pull_request" && action == "opened"`, true, ""},
		{`delivery_id == "72d3162e" && webhook_id == "hook" && project == "demo"`, true, ""},
		{`headers["x-github-event"] == "pull_request" && !("x-hub-signature-256" in headers)`, true, ""},
		{`headers["x-other"] == ""`, false, ReasonMissing},
		{`payload.pull_request.base.ref == "main" && !payload.pull_request.draft`, true, ""},
		{`payload.pull_request.draft`, false, ""},
		{`payload.pull_request.title == "Café"`, true, ""},
		{`payload.pull_request.title.matches("^C.f")`, true, ""},
		{`payload.pull_request.merged_at == null`, true, ""},
		{`payload.pull_request.labels.exists(l, l.name == "urgent")`, true, ""},
		{`payload.pull_request.labels[1].name == "urgent" && size(payload.pull_request.labels) == 2`, true, ""},
		{`payload.pull_request.labels.map(l, l.name) == ["bug", "urgent"]`, true, ""},
		{`payload.changed.all(f, f.endsWith(".go"))`, false, ""},
		{`"b.md" in payload.changed && "number" in payload`, true, ""},
		{`payload.exists(k, k == "number")`, true, ""},
		{`payload.number == 7 && payload.number > 6 && payload.number < 7.5 && payload.ratio < 1`, true, ""},
		{`payload.big == 9007199254740993 && payload.big != 9007199254740992`, true, ""},
		{`payload.huge == 18446744073709551615u`, true, ""},
		{`payload.number + 1 == 8`, true, ""},
		{`payload["a.b"] == "dotted"`, true, ""},
		{`has(payload.number) && !has(payload.missing) && !has(payload.pull_request.head)`, true, ""},
		{`timestamp(payload.created_at) > timestamp("2026-01-01T00:00:00Z")`, true, ""},
		{`payload.missing == 1`, false, ReasonMissing},
		{`payload.missing == 1 || event == "pull_request"`, true, ""},
		{`payload.changed[9] == ""`, false, ReasonMissing},
		{`payload.number.startsWith("a")`, false, ReasonType},
		{`payload.number`, false, ReasonType},
		{`int(payload.pull_request.title) == 1`, false, ReasonOther},
		{`payload.number / 0 == 1`, false, ReasonOther},
		{`event == "push"`, false, ""},
	}
	for _, test := range tests {
		x, err := Compile(test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		got, err := x.Match(t.Context(), pullRequest())
		if got != test.want || reason(err) != test.reason {
			t.Errorf("%s: got %v, %v, want %v, %q", test.expression, got, err, test.want, test.reason)
		}
	}
}

// An unreadable payload has no answer, unless none of it is needed.
func TestUnreadable(t *testing.T) {
	for _, test := range []struct {
		expression, payload string
		want                error
	}{
		{`payload.a == 1`, `a=1`, jsondoc.ErrInvalid},
		{`payload.a == 1`, ``, jsondoc.ErrInvalid},
		{`payload.a == 1`, `{"a":1`, jsondoc.ErrInvalid},
		{`payload.a == 1 || event == "push"`, "{\"a\":\"\n\"}", jsondoc.ErrInvalid},
		{`payload.a == 1`, strings.Repeat(`{"a":`, 1<<20), jsondoc.ErrDepth},
		{`payload.b == 1`, `{"a":1,"b":1,"a":2}`, jsondoc.ErrDuplicate},
		{`payload.a == 1 || event == ""`, `a=1`, nil},
		{`event == ""`, `a=1`, nil},
	} {
		x, err := Compile(test.expression)
		if err != nil {
			t.Fatal(err)
		}
		if wanted, err := x.Match(t.Context(), of(test.payload)); !errors.Is(err, test.want) || wanted != (test.want == nil) {
			t.Errorf("%s of %.40q: %v, %v", test.expression, test.payload, wanted, err)
		}
	}
}

func reason(err error) string {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Reason
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestCompileRefuses(t *testing.T) {
	for expression, want := range map[string]string{
		`event ==`:                            "line 1, column",
		"true &&\n  nobody":                   "line 2, column 3: undeclared reference to 'nobody'",
		`event`:                               "true or false",
		`1 + 1`:                               "type int",
		`event == 1`:                          "no matching overload",
		`event.matches("(")`:                  "missing closing )",
		`event.matches(payload.pattern)`:      "must be a literal",
		`event.matches("a" + payload.x)`:      "must be a literal",
		`matches(event, event)`:               "must be a literal",
		`event.matches("(a{30}){10}")`:        "too large",
		`timestamp("never") < timestamp("x")`: "invalid timestamp argument",
		`[1].all(a, [1].all(b, [1].all(c, a == b && b == c)))`: "nesting",
		strings.Repeat("(", 200) + "true":                      "recursion",
		strings.Repeat("!", 1999) + "true":                     "",
		`event == "` + strings.Repeat("x", MaxLength) + `"`:    "at most 2048 bytes",
		`payload.shout().lowerAscii() == ""`:                   "undeclared reference",
	} {
		x, err := Compile(expression)
		if want == "" {
			continue // it must end, however
		}
		if x != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", expression, err, want)
		}
	}
}

// Whatever a payload is, an answer comes soon and in little memory.
func TestMatchIsBounded(t *testing.T) {
	many := func(item string) string {
		return `{"list":[` + strings.Repeat(item+",", (4<<20)/(len(item)+1)) + `0]}`
	}
	tests := map[string]struct{ expression, payload, reason string }{
		"not looked at":    {`event == ""`, `a=1`, ""},
		"a long list":      {`payload.list.exists(x, x == 1)`, many("0"), ReasonPayload},
		"a list not asked": {`has(payload.a)`, many("0"), ""},
		"long text":        {`payload.list[0].contains("y")`, many(`"` + strings.Repeat("x", 3<<20) + `"`), ReasonPayload},
		"doubling":         {`payload.a + payload.a + payload.a + payload.a + payload.a + payload.a == ""`, `{"a":"` + strings.Repeat("x", maxText-2) + `"}`, ReasonCost},
		"much text": {`payload.list.map(x, payload.list[0] + payload.list[0]).size() == 1`,
			`{"list":["` + strings.Repeat("x", 100_000) + `"` + strings.Repeat(`,1`, 10_000) + `]}`, ReasonCost},
		"deep equality": {`payload.list.all(x, payload == payload)`, `{"list":[0` + strings.Repeat(`,0`, 50_000) + `]}`, ReasonCost},
		"many are in":   {`payload.list.all(x, !(1 in payload.list))`, `{"list":[0` + strings.Repeat(`,0`, 50_000) + `]}`, ReasonCost},
		"loops": {`payload.list.all(x, payload.list.all(y, x == y))`,
			`{"list":[0` + strings.Repeat(`,0`, 100_000) + `]}`, ReasonCost},
		"slow pattern": {`payload.list.exists(x, x.matches("(x+x+){20}y"))`,
			`{"list":["` + strings.Repeat("x", 100_000) + `"` + strings.Repeat(`,"`+strings.Repeat("x", 100_000)+`"`, 100) + `]}`, ReasonCost},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			x, err := Compile(test.expression)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = x.Match(t.Context(), of(test.payload))
			t.Logf("%v: %v", time.Since(began), err)
			if reason(err) != test.reason {
				t.Errorf("got %v, want %q", err, test.reason)
			}
		})
	}
}

func TestMatchIsInterrupted(t *testing.T) {
	x, err := Compile(`payload.all(x, x == 0)`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	event := of(`[0` + strings.Repeat(`,0`, 10_000) + `]`)
	if _, err := newRun(ctx.Done(), event, 20_000).evaluate(x.whole); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
}

// Evaluations of one project wait for each other, and those of another one for none of
// them; large payloads do not keep the small ones waiting.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, err := Compile(`payload.size() == 0`)
		if err != nil {
			t.Fatal(err)
		}
		match := func(project, payload string) error {
			event := of(payload)
			event.Project = project
			_, err := x.Match(t.Context(), event)
			return err
		}
		tiny, big := `[]`, `[]`+strings.Repeat(" ", largeSize)
		for range max(1, runtime.GOMAXPROCS(0)/2) {
			end, err := takeTurn(t.Context(), "busy", largeSize)
			if err != nil {
				t.Fatal(err)
			}
			defer end()
		}
		began := time.Now()
		if err := errors.Join(match("busy", tiny), match("other", big), match("other", tiny)); err != nil || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := match("busy", big); !errors.Is(err, ErrBusy) || time.Since(began) != Patience {
			t.Errorf("without a turn, after %v: %v", time.Since(began), err)
		}
	})
}

// An error is logged: it shows nothing of the payload.
func TestErrorShowsNothing(t *testing.T) {
	x, err := Compile(`timestamp(payload.a) < timestamp(0)`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = x.Match(t.Context(), of(`{"a":"hunter2"}`))
	var failed *Error
	if !errors.As(err, &failed) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(failed.Detail(), "hunter2") {
		t.Errorf("got %v: %v", err, errors.Unwrap(err))
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{`payload.a.b == 1`, `event.matches("a+")`, `[1,2].exists(x, x == 1)`, `((((`,
		`"\u0000" in headers`, `payload[0]["x"]`, "\xff", `{1:2}.all(k, true)`, `!!!!!!!-1`, `timestamp("2026-01-01T00:00:00Z")`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Compile(text)
		if err != nil {
			return
		}
		began := time.Now()
		x.Match(t.Context(), pullRequest())
		if spent := time.Since(began); spent > Patience {
			t.Errorf("%q took %v", text, spent)
		}
	})
}

func FuzzMatch(f *testing.F) {
	var expressions []*Expression
	for _, text := range []string{
		`payload.a.b == 1 || payload.a.exists(x, x.c > 2)`,
		`payload[0].a.matches("^(a|b)*c") && payload == payload`,
		`payload.all(x, x == "a" || string(x) == "1" || size(x) > 2)`,
		`int(payload.a) + int(payload.b) == 3 && timestamp(payload.c) > timestamp(0)`,
	} {
		x, err := Compile(text)
		if err != nil {
			f.Fatal(err)
		}
		expressions = append(expressions, x)
	}
	for _, seed := range []string{`{"a":{"b":1}}`, `[{"a":"aabbc"}]`, `{"a":1e999,"b":-0,"c":"2026-01-01T00:00:00Z"}`,
		`{"a":"\ud800"}`, `[[[[`, `""`, "\xef\xbb\xbf[]", `{"a":99999999999999999999}`, `{"":{"":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, x := range expressions {
			if _, err := x.Match(t.Context(), of(string(payload))); errors.Is(err, ErrInterrupted) {
				t.Errorf("%q took too long", payload)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, payload := range map[string][]byte{
		"small": pullRequest().Payload.Payload(),
		"25MiB": []byte(`{"list":[` + strings.Repeat(`{"name":"value","n":1},`, 1_100_000) + `{}],"pull_request":{"base":{"ref":"main"}}}`),
	} {
		b.Run(name, func(b *testing.B) {
			x, err := Compile(`event == "pull_request" && payload.pull_request.base.ref == "main"`)
			if err != nil {
				b.Fatal(err)
			}
			event := pullRequest()
			b.ReportAllocs()
			for b.Loop() {
				event.Payload.Reset(payload)
				if wanted, err := x.Match(b.Context(), event); !wanted || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
