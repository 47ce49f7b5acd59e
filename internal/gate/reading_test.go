package gate

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/match"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/provider"
	"github.com/hookgate/hookgate/module/trigger"
)

// readers are all that look into a body, each of which finds the member `branch`, or
// fails.
var readers = map[string]func(t *testing.T, text string) (string, bool){
	"event type": func(t *testing.T, text string) (string, bool) {
		m := readAs(t, text)
		name, err := m.EventType()
		return name, err == nil
	},
	"delivery ID": func(t *testing.T, text string) (string, bool) {
		m := readAs(t, text)
		name, err := m.EventDelivery()
		return name, err == nil
	},
	"action": func(t *testing.T, text string) (string, bool) {
		m := readAs(t, text)
		name, err := m.EventAction()
		return name, err == nil
	},
	"lookup": func(_ *testing.T, text string) (string, bool) {
		d := jsondoc.New([]byte(text))
		return d.Value().Get("branch").Text(), d.Err() == nil
	},
	"match": func(t *testing.T, text string) (string, bool) {
		return byGuesses(t, text, `payload.branch == `)
	},
	"match by key": func(t *testing.T, text string) (string, bool) {
		return byGuesses(t, text, `payload.filter(k, k == "branch").map(k, payload[k])[0] == `)
	},
	"field": func(t *testing.T, text string) (string, bool) {
		return shaped(t, text, "branch")
	},
	"field by a pattern": func(t *testing.T, text string) (string, bool) {
		return shaped(t, text, "b?anch")
	},
}

func readAs(t *testing.T, text string) *sender.Message {
	at := []provider.Place{{JSON: "branch"}}
	p, err := sender.Compile(&provider.Description{
		Name: "mine", Schemes: []provider.Scheme{{Header: "X-Token", Algorithm: provider.Token}}, Event: at, Delivery: at, Action: provider.Paths{"branch"},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := new(sender.Message)
	if _, err := m.Read(p, http.Header{}, jsondoc.New([]byte(text)), nil, &Route{}); err != nil {
		t.Fatal(err)
	}
	return m
}

// guesses are what the member may say.
var guesses = []string{"main", "evil", "x\uFFFDy", "é", "", "a\x00b", "\U0001F680", "a/b"}

func byGuesses(t *testing.T, text, expression string) (string, bool) {
	for _, guess := range guesses {
		quoted, err := json.Marshal(guess)
		if err != nil {
			t.Fatal(err)
		}
		x, err := match.Compile(expression + string(quoted))
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := x.Match(t.Context(), &match.Event{Names: new(sender.Message), Payload: jsondoc.New([]byte(text))})
		if jsondoc.Unreadable(err) {
			return "", false
		}
		if wanted {
			return guess, true
		}
	}
	return "", true
}

func shaped(t *testing.T, text, path string) (string, bool) {
	shape, err := payload.Compile(payload.Spec{Fields: map[string]string{"branch": path}})
	if err != nil {
		t.Fatal(err)
	}
	event, err := shape.Apply(&trigger.Event{Body: []byte(text)})
	if err != nil {
		return "", false
	}
	var fields struct{ Branch *string }
	if err := json.Unmarshal(event.Body, &fields); err != nil {
		t.Fatalf("%s: %v", event.Body, err)
	}
	if fields.Branch == nil {
		return "", true
	}
	return *fields.Branch, true
}

// Whoever looks into a body reads the same in it, or cannot read it.
func TestOneReading(t *testing.T) {
	const unreadable = "unreadable"
	for text, want := range map[string]string{
		`{"branch":"main"}`:                                      "main",
		`{"branch":"evil","branch":"main"}`:                      unreadable,
		`{"branch":"main","br\u0061nch":"evil"}`:                 unreadable,
		`{"br\u0061nch":"main"}`:                                 "main",
		`{"Branch":"evil","branch":"main","BRANCH":"evil"}`:      "main",
		`{"branch":"main","Branch":"evil"}`:                      "main",
		`{"Branch":"main"}`:                                      "",
		`{"branch ":"evil","branch":"main"}`:                     "main",
		`{"branch\u0000":"evil","branch":"main"}`:                "main",
		`{"a":{"branch":"evil"},"branch":"main"}`:                "main",
		`{"a":"\",\"branch\":\"evil","branch":"main"}`:           "main",
		`{"a":"\\","branch":"main"}`:                             "main",
		`{"branch":"m\u0061\u0069n"}`:                            "main",
		`{"branch":"\u00e9"}`:                                    "é",
		`{"branch":"x\ud800y"}`:                                  "x\uFFFDy",
		`{"branch":"x\udc00y"}`:                                  "x\uFFFDy",
		"{\"branch\":\"x\xffy\"}":                                "x\uFFFDy",
		`{"branch":"\ud83d\ude80"}`:                              "\U0001F680",
		`{"branch":"a\u0000b"}`:                                  "a\x00b",
		`{"branch":"a\/b"}`:                                      "a/b",
		"{\"branch\":\"ma\nin\"}":                                unreadable,
		"{\"branch\":\"main\"}\x00":                              unreadable,
		`{"branch":"main"} {"branch":"evil"}`:                    unreadable,
		`{"branch":"main",}`:                                     unreadable,
		`{'branch':'main'}`:                                      unreadable,
		`{branch:"main"}`:                                        unreadable,
		`/**/{"branch":"main"}`:                                  unreadable,
		`{"branch":"main"`:                                       unreadable,
		"\xef\xbb\xbf{\"branch\":\"main\"}":                      "main",
		"\xff\xfe{\x00}\x00":                                     unreadable,
		"\ufeff\ufeff{}":                                         unreadable,
		`{"branch":"main","n":NaN}`:                              unreadable,
		`{"branch":"main","n":01}`:                               unreadable,
		`{"branch":"main","n":1e999999}`:                         "main",
		`{"branch":"main","n":` + strings.Repeat("9", 400) + `}`: "main",
		`{"branch":"main","a":` + strings.Repeat("[", 255) + strings.Repeat("]", 255) + `}`: "main",
		`{"branch":"main","a":` + strings.Repeat("[", 256) + strings.Repeat("]", 256) + `}`: unreadable,
		`{"branch":"main","a":[{"b":1,"b":2}]}`:                                             unreadable,
		`["branch","main"]`:                                                                 "",
		`"branch"`:                                                                          "",
		``:                                                                                  unreadable,
		`branch=main`:                                                                       unreadable,
	} {
		for name, read := range readers {
			got, ok := read(t, text)
			if !ok {
				got = unreadable
			}
			if isHeader := name == "event type" || name == "delivery ID" || name == "action"; isHeader && !syntax.IsPrintable(want) {
				if got != "" {
					t.Errorf("%s of %.60q: got %q, which is no name", name, text, got)
				}
				continue
			}
			if got != want {
				t.Errorf("%s of %.60q: got %q, want %q", name, text, got, want)
			}
		}
	}
}
