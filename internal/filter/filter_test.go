package filter

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/syntax"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		entries []string
		name    string
		want    bool
	}{
		{nil, "push", true},
		{nil, "ping", true},
		{[]string{"push"}, "push", true},
		{[]string{"push"}, "Push", false},
		{[]string{"push"}, "pus", false},
		{[]string{"push"}, "pushed", false},
		{[]string{"push"}, "", false},
		{[]string{"push", "pull_request.opened"}, "pull_request.opened", true},
		{[]string{"pull_request.opened"}, "pull_request", false},
		{[]string{"pull_request.*"}, "pull_request.opened", true},
		{[]string{"pull_request.*"}, "pull_request", false},
		{[]string{"pull_request*"}, "pull_request", true},
		{[]string{"*"}, "anything at all.even.dots", true},
		{[]string{"*"}, "ping", false},
		{[]string{"p*g"}, "ping", false},
		{[]string{"ping*"}, "ping", false},
		{[]string{"*", "ping"}, "ping", true},
		{[]string{"*.opened"}, "issues.opened", true},
		{[]string{"*.opened"}, "issues.reopened", false},
		{[]string{"a*b*c"}, "abc", true},
		{[]string{"a*b*c"}, "aXbYc", true},
		{[]string{"a*b*c"}, "acb", false},
		{[]string{"ab*ba"}, "aba", false}, // prefix and suffix may not share a character
		{[]string{"ab*ba"}, "abba", true},
		{[]string{"a**b"}, "ab", true},
		{[]string{"jira:issue_*"}, "jira:issue_updated", true},
		{[]string{"Merge Request Hook"}, "Merge Request Hook", true},
		{[]string{"pu\u017fh"}, "push", false},
	}
	for _, test := range tests {
		if got := New(test.entries).Match(test.name); got != test.want {
			t.Errorf("New(%q).Match(%q) = %v, want %v", test.entries, test.name, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	f := New([]string{"p*", "push"})
	if !f.Names("push") || f.Names("ping") || f.Names("p*") {
		t.Error("Names must know exact entries only")
	}
	if New(nil).Names("push") {
		t.Error("an empty filter names nothing")
	}
}

func TestMatchAny(t *testing.T) {
	tests := []struct {
		entries []string
		names   []string
		want    bool
	}{
		{nil, nil, true},
		{[]string{"push"}, nil, false},
		{[]string{"*"}, nil, false},
		{[]string{"a.b"}, []string{"a", "a.b"}, true},
		{[]string{"a.b"}, []string{"a", "b"}, false},
	}
	for _, test := range tests {
		if got := New(test.entries).MatchAny(slices.Values(test.names)); got != test.want {
			t.Errorf("New(%q).MatchAny(%q) = %v, want %v", test.entries, test.names, got, test.want)
		}
	}
}

// The largest filter against the names that would make a backtracking matcher
// try everything: it must be far from the exponential, and cheap.
func TestMatchIsLinear(t *testing.T) {
	entries := make([]string, 200)
	for i := range entries {
		entries[i] = strings.Repeat("a", 30) + "*" + strings.Repeat("a", 30) + "*" + strings.Repeat("a", 30) + "*" + strings.Repeat("a", 30) + "*b"
	}
	f, name := New(entries), strings.Repeat("a", 512)
	start := time.Now()
	for range 100 {
		if f.Match(name) {
			t.Fatal("matched")
		}
	}
	if spent := time.Since(start); spent > 5*time.Second {
		t.Errorf("100 matches took %v", spent)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("pull_request.*", "pull_request.opened")
	f.Add("a*b*c", "abc")
	f.Add("**", "")
	f.Add("ping", "ping")
	f.Fuzz(func(t *testing.T, entry, name string) {
		want := syntax.NewGlob(entry).Match(name)
		if name == ping {
			want = entry == ping
		}
		if got := New([]string{entry}).Match(name); got != want {
			t.Errorf("entry %q, name %q: got %v, want %v", entry, name, got, want)
		}
	})
}
