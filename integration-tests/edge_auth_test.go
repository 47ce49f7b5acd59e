package integrationtests

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// credentials are the integrations of TestEdgeAuthentication by ID: the options
// in the Caddyfile.
var credentials = map[string]string{
	"header":       `secure_header X-Secure-Header "open sesame"`,
	"github":       `signature github "It's a Secret to Everybody"`,
	"github-sha1":  "signature github \"It's a Secret to Everybody\"\nrequire_sha256_signature off",
	"rotation":     `signature github "It's a Secret to Everybody" "the secret before the rotation"`,
	"gitlab":       `signature gitlab glpat-for-tests`,
	"jira":         `signature jira "It's a Secret to Everybody"`,
	"basic":        `basic user "pass:word"`,
	"bearer":       `bearer first-token second-token`,
	"any":          "secure_header X-Secure-Header \"open sesame\"\nsignature github \"It's a Secret to Everybody\"\nrequire_sha256_signature off",
	"any-sha256":   "secure_header X-Secure-Header \"open sesame\"\nsignature github \"It's a Secret to Everybody\"",
	"all":          "secure_header X-Secure-Header \"open sesame\"\nsignature github \"It's a Secret to Everybody\"\nmatch all",
	"all-basic":    "secure_header X-Secure-Header \"open sesame\"\nbasic user \"pass:word\"\nmatch all",
	"header-basic": "secure_header X-Secure-Header \"open sesame\"\nbasic user \"pass:word\"",
	"open":         "allow_unauthenticated",
}

func TestEdgeAuthentication(t *testing.T) {
	t.Parallel()
	var options strings.Builder
	options.WriteString("allow_unauthenticated\n")
	for id, lines := range credentials {
		fmt.Fprintf(&options, "integration %s {\nproject demo\nresource ticket T-1\n%s\n}\n", id, lines)
	}
	g, _ := edge(t, options.String())

	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	good, good1 := gateway.SHA256(secret, body), gateway.SHA1(secret, body)
	bad, bad1 := gateway.SHA256("wrong", body), gateway.SHA1("wrong", body)
	const (
		header = "X-Secure-Header"
		sha256 = "X-Hub-Signature-256"
		sha1   = "X-Hub-Signature"
		auth   = "Authorization"
	)
	tests := []struct {
		id      string
		headers []string
		want    int
	}{
		{"header", []string{header, headerValue}, 202},
		{"header", []string{"x-secure-header", headerValue}, 202},
		{"header", []string{header, "open sesamE"}, 401},
		{"header", []string{header, "open sesame2"}, 401},
		{"header", []string{header, ""}, 401},
		{"header", []string{header, headerValue, header, headerValue}, 401},
		{"header", []string{header, headerValue, header, "wrong"}, 401},
		{"header", []string{header, "wrong", header, headerValue}, 401},
		{"header", []string{header, headerValue + ", " + headerValue}, 401},
		{"header", []string{header, "open\xffsesame"}, 401},
		{"header", []string{header, "öpen sesame"}, 401},
		{"header", nil, 401},
		{"header", []string{sha256, good}, 401},

		{"github", []string{sha256, good}, 202},
		{"github", []string{sha256, bad}, 401},
		{"github", []string{sha256, strings.ToUpper(good)}, 401},
		{"github", []string{sha256, "sha256=" + strings.ToUpper(good[7:])}, 401},
		{"github", []string{sha256, good[7:]}, 401},
		{"github", []string{sha256, good[:70]}, 401},
		{"github", []string{sha256, good + "00"}, 401},
		{"github", []string{sha256, ""}, 401},
		{"github", []string{sha256, "sha256="}, 401},
		{"github", []string{sha256, "sha1=" + good[7:]}, 401},
		{"github", []string{sha256, good1}, 401},
		{"github", []string{sha256, good, sha256, good}, 401},
		{"github", []string{sha256, good, sha256, bad}, 401},
		{"github", []string{sha256, good + ", " + good}, 401},
		{"github", []string{sha256, "sha256=\xff\xfe"}, 401},
		{"github", []string{sha1, good1}, 401},
		{"github", []string{sha256, good, sha1, bad1}, 202},
		{"github", []string{sha256, gateway.SHA256("", body)}, 401},

		{"github-sha1", []string{sha256, good}, 202},
		{"github-sha1", []string{sha1, good1}, 202},
		{"github-sha1", []string{sha1, bad1}, 401},
		{"github-sha1", []string{sha256, bad, sha1, good1}, 401},
		{"github-sha1", []string{sha256, "", sha1, good1}, 401},
		{"github-sha1", []string{sha256, good, sha1, bad1}, 202},
		{"github-sha1", []string{sha1, good1, sha1, good1}, 401},
		{"github-sha1", nil, 401},

		{"rotation", []string{sha256, good}, 202},
		{"rotation", []string{sha256, gateway.SHA256(oldSecret, body)}, 202},
		{"rotation", []string{sha256, bad}, 401},

		{"gitlab", []string{"X-Gitlab-Token", token}, 202},
		{"gitlab", []string{"X-Gitlab-Token", token + "x"}, 401},
		{"gitlab", []string{"X-Gitlab-Token", ""}, 401},
		{"gitlab", []string{"X-Gitlab-Token", token, "X-Gitlab-Token", token}, 401},
		{"gitlab", []string{"X-Gitlab-Token", "glp\xe4t"}, 401},
		{"gitlab", nil, 401},

		{"jira", []string{sha1, good}, 202},
		{"jira", []string{sha1, bad}, 401},
		{"jira", []string{sha1, good1}, 401},
		{"jira", []string{sha256, good}, 401},

		{"basic", []string{auth, basic("user:pass:word")}, 202},
		{"basic", []string{auth, strings.Replace(basic("user:pass:word"), "Basic", "bAsIc", 1)}, 202},
		{"basic", []string{auth, basic("user:wrong")}, 401},
		{"basic", []string{auth, basic("User:pass:word")}, 401},
		{"basic", []string{auth, basic("userpass:word")}, 401},
		{"basic", []string{auth, basic("user")}, 401},
		{"basic", []string{auth, "Basic"}, 401},
		{"basic", []string{auth, "Basic !!!"}, 401},
		{"basic", []string{auth, "Bearer first-token"}, 401},
		{"basic", []string{auth, basic("user:pass:word"), auth, basic("user:pass:word")}, 401},
		{"basic", nil, 401},

		{"bearer", []string{auth, "Bearer first-token"}, 202},
		{"bearer", []string{auth, "bearer second-token"}, 202},
		{"bearer", []string{auth, "Bearer third-token"}, 401},
		{"bearer", []string{auth, "Bearer "}, 401},
		{"bearer", []string{auth, "first-token"}, 401},
		{"bearer", []string{auth, "Bearer first-token", auth, "Bearer second-token"}, 401},
		{"bearer", nil, 401},

		{"any", []string{header, headerValue}, 202},
		{"any", []string{sha256, good}, 202},
		{"any", []string{header, headerValue, sha256, good}, 202},
		{"any", []string{header, headerValue, sha256, bad}, 401},
		{"any", []string{header, "wrong", sha256, good}, 401},
		{"any", []string{header, "", sha256, good}, 401},
		{"any", []string{header, headerValue, sha256, ""}, 401},
		{"any", []string{header, headerValue, sha1, bad1}, 401},
		{"any", nil, 401},

		{"any-sha256", []string{header, headerValue}, 401},
		{"any-sha256", []string{sha256, good}, 202},
		{"any-sha256", []string{header, headerValue, sha256, good}, 202},
		{"any-sha256", []string{header, headerValue, sha1, good1}, 401},

		{"all", []string{header, headerValue, sha256, good}, 202},
		{"all", []string{header, headerValue}, 401},
		{"all", []string{sha256, good}, 401},
		{"all", []string{header, "wrong", sha256, good}, 401},
		{"all", []string{header, headerValue, sha256, bad}, 401},

		{"all-basic", []string{header, headerValue, auth, basic("user:pass:word")}, 202},
		{"all-basic", []string{header, headerValue}, 401},
		{"all-basic", []string{auth, basic("user:pass:word")}, 401},

		{"header-basic", []string{header, headerValue}, 202},
		{"header-basic", []string{auth, basic("user:pass:word")}, 202},
		{"header-basic", []string{header, headerValue, auth, basic("user:wrong")}, 401},
		{"header-basic", []string{header, headerValue, auth, ""}, 401},

		{"open", nil, 202},
	}
	var refused *gateway.Answer
	for i, test := range tests {
		name := fmt.Sprintf("%d %s %q", i, test.id, test.headers)
		all := []string{"X-GitHub-Event", "push"}
		all = append(all, test.headers...)
		answer := g.Raw(g.Addr, "POST /webhooks/"+test.id+" HTTP/1.1\n"+lines(all)+fmt.Sprintf("Content-Length: %d", len(body)), string(body))
		if answer.Status != test.want {
			t.Errorf("%s: status %d, want %d: %s", name, answer.Status, test.want, answer.Body)
		}
		if answer.Status != http.StatusUnauthorized {
			continue
		}
		if refused == nil {
			refused = answer
			problem(t, answer, 401)
		}
		same(t, name, refused, answer)
	}
}

// lines writes header fields as they appear on the wire.
func lines(pairs []string) string {
	var text strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		text.WriteString(pairs[i] + ": " + pairs[i+1] + "\n")
	}
	return text.String()
}

func TestEdgeUnauthenticatedNeedsBothSwitches(t *testing.T) {
	t.Parallel()
	sink := gateway.NewSink(t)
	g := gateway.New(t, gateway.Config("integration open {\nproject demo\nallow_unauthenticated\nresource ticket T-1\n}\n"+gateway.Ticket(sink), gateway.Edge))
	if out := g.StartFails(); !strings.Contains(out, "allow_unauthenticated") {
		t.Errorf("the error names no field:\n%s", out)
	}
}
