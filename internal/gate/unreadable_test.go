package gate

import (
	"net/http"
	"testing"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
)

// That a body says nothing and that it cannot be read are two answers, wherever a
// sender names its event.
func TestUnreadableBody(t *testing.T) {
	broken := []string{
		"{\"type\":\"a\",\"event_type\":\"a\",\"text\":\"one\ntwo\"}", // a raw line break
		`{"type":"a","event_type":"a"`,
		`{"type":"a","event_type":"a","type":"b"}`,
		`{"type":"a","event_type":"a","nested":{"b":1,"\u0062":2}}`,
		"\xff\xfe{\x00\"\x00t\x00y\x00p\x00e\x00\"\x00:\x00\"\x00a\x00\"\x00}\x00", // UTF-16
		"type=a&event_type=a",
		"",
	}
	silent := []string{`{}`, `[]`, `"a"`, "\xef\xbb\xbf{}", `{"type":{"a":1}}`}
	by := func(sender string, filter ...string) *integration.Integration {
		return github(func(it *integration.Integration) {
			it.Authentication = integration.Authentication{Credentials: credential.NewSet(&credential.SecureHeader{Name: "X-Token", Value: credential.NewSecret(theSecret)}, &credential.Signature{Provider: sender, Secrets: secrets(theSecret)}), Match: integration.MatchAny}
			it.EventFilter, it.Dedupe = filter, integration.DedupeNone
		})
	}
	for _, test := range []struct {
		name   string
		in     *integration.Integration
		header http.Header
		bodies []string
		status int
		reason string
	}{
		{"type in the body", by("datadog", "a"), nil, broken, 400, "body_unreadable"},
		{"any type", by("datadog", "*"), nil, broken, 400, "body_unreadable"},
		{"no filter", by("datadog"), nil, broken, 202, ""},
		{"silent", by("datadog", "a"), nil, silent, 200, ""},
		{"type in a header", by("github", "push"), http.Header{"X-Github-Event": {"push"}}, broken, 202, ""},
		{"another type", by("github", "push", "pu*"), http.Header{"X-Github-Event": {"issues"}}, broken, 200, ""},
		{"action in the body", by("github", "issues.opened"), http.Header{"X-Github-Event": {"issues"}}, broken, 400, "body_unreadable"},
		{"any action", by("github", "*.opened"), http.Header{"X-Github-Event": {"issues"}}, broken, 400, "body_unreadable"},
		{"silent about the action", by("github", "issues.opened"), http.Header{"X-Github-Event": {"issues"}}, silent, 200, ""},
		{"kind in the body", by("gitlab", "merge_request"), http.Header{"X-Gitlab-Event": {"Merge Request Hook"}}, broken, 400, "body_unreadable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newBackend(t, test.in), New(Settings{}))
			for i, body := range test.bodies {
				header := test.header.Clone()
				if header == nil {
					header = make(http.Header)
				}
				header.Set("X-Token", theSecret)
				got := s.post(t, "/webhooks/hook", header, body)
				if seen := s.lastSeen(t, i+1); got.status != test.status || seen.Reason != test.reason {
					t.Errorf("%q: %d %s, %q", body, got.status, got.body, seen.Reason)
				}
			}
		})
	}
}
