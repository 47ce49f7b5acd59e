package placeholder

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"github.com/hookgate/hookgate/module/trigger"
)

var hostile = []string{
	"plain", "", ".", "..", "a/b", `a\b`, "a?b#c", "%2e%2e", "%00", "{webhook.id}", "{env.HOME}", "a\r\nb: c", "\x00",
	"\xff\xfe", "ä😀", `"},{"`, "\\u0022", " ", "@evil.test", "//evil.test", ";a=b", "\u2028", strings.Repeat("a", 1000),
}

// FuzzURL puts any value into the path and the query: the host stays, and the
// value is one whole segment and one whole parameter.
func FuzzURL(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	a, err := ParseURL("https://desk.test:8443/a/{webhook.alias}/b?x={webhook.alias}&y=1", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		built, err := a.For(&trigger.Event{Alias: value})
		if err != nil {
			return
		}
		again, err := url.Parse(built.String())
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if again.Scheme != "https" || again.Host != "desk.test:8443" || again.User != nil || again.Fragment != "" {
			t.Fatalf("%q leads to %s", value, again)
		}
		segments := strings.Split(again.EscapedPath(), "/")
		if len(segments) != 4 || segments[1] != "a" || segments[3] != "b" {
			t.Fatalf("%q: path %s", value, again.EscapedPath())
		}
		if text, err := url.PathUnescape(segments[2]); err != nil || text != value || text == "." || text == ".." {
			t.Fatalf("%q: segment %q", value, segments[2])
		}
		query, err := url.ParseQuery(again.RawQuery)
		if err != nil || len(query) != 2 || query.Get("x") != value || query.Get("y") != "1" {
			t.Fatalf("%q: query %s", value, again.RawQuery)
		}
	})
}

// FuzzHeader lets nothing through that ends a header line.
func FuzzHeader(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if safe, err := escapeHeader(value); err == nil && (safe != value || !httpguts.ValidHeaderFieldValue(safe)) {
			t.Fatalf("%q passes as %q", value, safe)
		}
	})
}

// FuzzBody keeps a JSON template JSON, whatever the value, and expands no
// value.
func FuzzBody(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	body, err := ParseJSON(`{"a": {"b": "<{webhook.alias}>"}, "c": "{webhook.id}"}`, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text, err := body.For(&trigger.Event{Alias: value, WebhookID: "the-id"})
		if err != nil {
			t.Fatal(err)
		}
		var decoded struct {
			A struct{ B string }
			C string
		}
		if err := json.Unmarshal(text, &decoded); err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		want := "<" + string([]rune(value)) + ">"
		if decoded.A.B != want || decoded.C != "the-id" {
			t.Fatalf("%q: %s", value, text)
		}
	})
}

// FuzzTemplate never panics, and what has no placeholder stays as it is.
func FuzzTemplate(f *testing.F) {
	for _, text := range append(hostile, "{", "}", "{}", `\{x\}`, `\`, "{webhook.id", "{{webhook.id}}", "{webhook.}") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := parse(text, nil)
		if err != nil {
			return
		}
		got, err := parts.render(sampleEvent, escapeHeader)
		if err == nil && !strings.ContainsAny(text, `{\`) && got != text {
			t.Fatalf("%q became %q", text, got)
		}
		_, _ = ParseURL(text, nil)
		_, _ = ParseURL("https://desk.test"+text, nil)
	})
}
