package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"github", "gitlab", "gitlab-signing", "gitea", "slack", "is_enabled", "webhook_id", "id"}
	for text, want := range map[string]string{
		"githb":                  "github",
		"GitHub":                 "github",
		"gihtub":                 "github",
		"gitlba":                 "gitlab",
		"gitlab_signing":         "gitlab-signing",
		"isEnabled":              "is_enabled",
		"webhookId":              "webhook_id",
		"slak":                   "slack",
		"ad":                     "id",
		"":                       "",
		"x":                      "",
		"bitbucket":              "",
		"sl":                     "",
		"ğithub":                 "github",
		strings.Repeat("g", 200): "",
	} {
		if got := Nearest(text, names); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := Nearest("github", nil); got != "" {
		t.Errorf("got %q of no names", got)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"abcd", "acbd", 1}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"abcdef", "uvwxyz", 4},
	} {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got := distance([]rune(pair[0]), []rune(pair[1]), 4); got != test.want {
				t.Errorf("%q: %d, want %d", pair, got, test.want)
			}
		}
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("gihtub", "github")
	f.Fuzz(func(t *testing.T, text, name string) {
		if near := Nearest(text, []string{name}); near != "" && near != name {
			t.Errorf("%q: %q", text, near)
		}
		if text != "" && len(text) <= maxLength && Nearest(text, []string{name, text}) != text && !strings.EqualFold(name, text) {
			t.Errorf("%q is not itself", text)
		}
	})
}
