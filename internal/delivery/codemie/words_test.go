package codemie_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

// TestStackTrace quotes of a stack trace what was raised, wherever the platform
// puts the trace.
func TestStackTrace(t *testing.T) {
	const stack = "Traceback (most recent call last):\n  File \"/app/src/a.py\", line 1, in f\n    g(x)\n    ~^^^\n"
	for text, want := range map[string]string{
		"Internal Server Error. <br> Stacktrace: " + stack + "KeyError: 'W'\n":                           "KeyError: 'W'",
		"AI Agent run failed with error: " + stack + "ValueError: first\nsecond\n":                       "ValueError: first second",
		stack + "a.First\n\nDuring handling of the above exception, another one:\n\n" + stack + "b.Last": "b.Last",
		"...g(x)\n  File \"/app/src/a.py\", line 1, in f\n    g(x)\nKeyError":                            "KeyError",
		"Traceback (most recent call last):\nRuntimeError: no frames":                                    "RuntimeError: no frames",
		stack:                "~^^^",
		"no trace at line 1": "no trace at line 1",
	} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: resourceRoutes["assistant"], Answer: codemietest.Status(422, text)})
		result := b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrStatus)
		if got := strings.TrimSuffix(result.Detail, ": What the platform adds."); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: resourceRoutes["workflow"], Answer: codemietest.Crash})
	result := b.event("workflow", "workflow-1").expect(trigger.Retry, trigger.ErrStatus)
	if result.Detail != `sqlalchemy.exc.OperationalError: connection to server at "db" failed` {
		t.Errorf("detail %q", result.Detail)
	}
}

// FuzzDetail quotes whatever the platform says.
func FuzzDetail(f *testing.F) {
	for _, seed := range []string{"Traceback (most recent call last)", "  File \"a\", line 1\n ", "\n  File \"\", line 9", "x\x00\xff", token} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		platform := codemietest.New(token)
		transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answerOf(platform, r), nil })
		engine, err := codemie.New(codemie.Options{
			URL: "http://codemie.test", Token: func() (string, error) { return token, nil }, Transport: transport,
		})
		if err != nil {
			t.Fatal(err)
		}
		platform.Inject(codemietest.Fault{Route: resourceRoutes["assistant"], Answer: codemietest.Status(422, text)})
		result := engine.Run(t.Context(), &trigger.Attempt{Event: &trigger.Event{Resource: trigger.Resource{Type: "assistant", ID: "x"}}})
		if utf8.RuneCountInString(result.Detail) > 200 || strings.ContainsAny(result.Detail, "\n\r\x00") || strings.Contains(result.Detail, token) {
			t.Errorf("%q: %q", text, result.Detail)
		}
	})
}
