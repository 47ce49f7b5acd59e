package integrationtests

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestInlineFailure: if an application is down, no credential gets into Caddy's
// log, of whatever kind and wherever in the request, even with no log
// configured.
func TestInlineFailure(t *testing.T) {
	t.Parallel()
	integration := func(id, lines string) string {
		return fmt.Sprintf("integration %s {\nproject demo\n%s\n}\n", id, lines)
	}
	second, third, fourth := gateway.FreeAddr(t), gateway.FreeAddr(t), gateway.FreeAddr(t)
	const down = `
	route {
		webhooks /webhooks/* {
			inline
		}
		webhooks /kept/* {
			inline
			forward_credentials
		}
		reverse_proxy 127.0.0.1:1
	}
`
	g := gateway.Start(t, fmt.Sprintf(`{
	admin {$ADMIN}
	persist_config off
	auto_https off
	webhooks {
		%s
	}
}
http://:{$PORT} {
	bind 127.0.0.1
%[2]s
}
http://%[3]s {
%[2]s
	handle_errors 5xx {
		header X-Page sorry
		respond "{err.status_code} at {uri}" 503
	}
}
http://%[4]s {
%[2]s
	handle_errors {
		reverse_proxy 127.0.0.1:1
	}
}
http://%[5]s {
	route {
		webhooks {
			inline
		}
		error /webhooks/* "{query} is wrong" 418
	}
}
`, integration("github", "signature github CANARY-github")+
		integration("gitlab", "signature gitlab CANARY-gitlab")+
		integration("header", "secure_header X-Own-Key CANARY-header")+
		integration("basic", "basic user CANARY-basic")+
		integration("bearer", "bearer CANARY-bearer")+
		integration("both", "match all\nsecure_header X-Own-Key CANARY-header\nsignature standard-webhooks whsec_Q0FOQVJZMDEyMzQ1Njc4OWFiY2RlZg==")+
		integration("custom", "signature custom CANARY-custom {\nheader X-Their-Token\nalgorithm token\n}"),
		down, second, third, fourth))
	secrets := map[string]http.Header{
		"github": gateway.GitHub("CANARY-github", "push", "1", body),
		"gitlab": gateway.GitLab("CANARY-gitlab", "Push Hook", "1"),
		"header": gateway.Headers("X-Own-Key", "CANARY-header"),
		"basic":  gateway.Headers("Authorization", "Basic dXNlcjpDQU5BUlktYmFzaWM="),
		"bearer": gateway.Headers("Authorization", "Bearer CANARY-bearer"),
		"custom": gateway.Headers("X-Their-Token", "CANARY-custom"),
	}
	signatures := []string{secrets["github"].Get("X-Hub-Signature-256")}
	requests := 0
	post := func(addr, path string, header http.Header, status int) *gateway.Answer {
		t.Helper()
		requests++
		answer, err := g.Try("POST", "http://"+addr+path+"?token=CANARY-query", header, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status != status {
			t.Errorf("%s gets %d: %s", path, answer.Status, answer.Body)
		}
		return answer
	}
	for id, header := range secrets {
		for _, prefix := range []string{"/webhooks/", "/kept/"} {
			post(g.Addr, prefix+id, header, 502)
			post(third, prefix+id, header, 502)
			answer := post(second, prefix+id, header, 503)
			if want := "502 at " + prefix + id + "?token=CANARY-query"; string(answer.Body) != want || answer.Header.Get("X-Page") != "sorry" {
				t.Errorf("the error route answers %s, %v", answer.Body, answer.Header)
			}
		}
	}
	post(fourth, "/webhooks/bearer", secrets["bearer"], 418)
	gateway.Eventually(t, "the failures are in the log", func() bool {
		return strings.Count(g.Logs(), "the next handler has failed") >= 4*len(secrets)
	})
	log := g.Logs()
	for _, secret := range append(signatures, "CANARY", "Q0FOQVJZ", "dXNlcjpD", "DQU5BUlk") {
		if at := strings.Index(log, secret); at >= 0 {
			t.Errorf("%s is in the log: %.600s", secret, log[max(0, at-500):])
		}
	}
	for _, want := range []string{"connection refused", `"webhook_id":"gitlab"`, `"status":502`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not have %s", want)
		}
	}
}

// TestInlineFailureInside: the error routes of a route around the handler
// answer too, and pass what they cannot answer to the server's.
func TestInlineFailureInside(t *testing.T) {
	t.Parallel()
	g := gateway.New(t, "")
	const text = `{"admin":{"listen":%q,"config":{"persist":false}},"apps":{
		"webhooks":{"integrations":[{"webhook_id":"gitlab","project":"demo","authentication":{"signature":{"provider":"gitlab","secrets":["CANARY"]}}}]},
		"http":{"servers":{"s":{"listen":[%q],"routes":[{"handle":[{"handler":"subroute",
			"routes":[{"handle":[{"handler":"webhooks","inline":true},{"handler":"reverse_proxy","upstreams":[{"dial":"127.0.0.1:1"}]}]}],
			"errors":{"routes":[%s]}}]}],
			"errors":{"routes":[{"handle":[{"handler":"static_response","status_code":503,"body":"the server's"}]}]}}}}}}`
	for around, want := range map[string]string{
		`{"handle":[{"handler":"static_response","status_code":503,"body":"{http.error.status_code} around"}]}`:  "502 around",
		`{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"127.0.0.1:1"}]}]}`:                          "the server's",
		`{"match":[{"path":["/elsewhere"]}],"handle":[{"handler":"static_response","body":"not meant for it"}]}`: "",
	} {
		g.WriteConfig(strings.Join(strings.Fields(fmt.Sprintf(text, g.Admin, g.Addr, around)), " "))
		g.Start()
		answer := g.Post("/webhooks/gitlab?token=CANARY", gateway.GitLab("CANARY", "Push Hook", "1"), body)
		if string(answer.Body) != want || answer.Status != 503 && answer.Status != 502 {
			t.Errorf("%d %s, want %q", answer.Status, answer.Body, want)
		}
		g.Stop()
		if strings.Contains(strings.ReplaceAll(g.Logs(), g.Admin, ""), "CANARY") {
			t.Error("the secret is in the log")
		}
	}
}

// TestLogsThatShowCredentials: loading warns about each log that would write a
// webhook's credentials, by its name, and about no other.
func TestLogsThatShowCredentials(t *testing.T) {
	t.Parallel()
	const (
		headers = "request>headers delete\n"
		query   = "request>uri regexp \"\\?.*\" \"\"\n"
	)
	filter := func(lines ...string) string { return "format filter {\n" + strings.Join(lines, "") + "}\n" }
	dir := t.TempDir()
	output := func(name string) string { return "output file " + filepath.Join(dir, name) + "\n" }
	config := func(global, site, other string) string {
		log := func(lines string) string {
			if lines == "" {
				return ""
			}
			return "log {\n" + strings.TrimPrefix(lines, "-") + "}\n"
		}
		return fmt.Sprintf("{\nadmin {$ADMIN}\npersist_config off\nauto_https off\nhttp_port {$PORT}\n%s}\n"+
			"http://hooks.example.com {\nbind 127.0.0.1\n%swebhooks /webhooks/*\nrespond 404\n}\n"+
			"http://other.example.com {\nbind 127.0.0.1\n%srespond 404\n}\n", log(global), log(site), log(other))
	}
	g := gateway.Start(t, config("", "", ""))
	read := 0
	for _, test := range []struct {
		name                string
		global, site, other string // "-" is a log without options
		want                []string
	}{
		{"no log", "", "", "", nil},
		{"the site's", "", "-", "", []string{"default: request>headers request>uri"}},
		{"the site's, in a file", "", output("a"), "", []string{"log0: request>headers request>uri"}},
		{"the site's, without headers", "", output("b") + filter(headers), "", []string{"log0: request>uri"}},
		{"the site's, without query", "", output("c") + filter(query), "", []string{"log0: request>headers"}},
		{"the site's, without both", "", output("d") + filter(headers, query), "", nil},
		{"the site's, without the address", "", output("e") + filter(headers, "request>uri delete\n"), "", nil},
		{"the site's, one parameter replaced", "", output("f") + filter(headers, "request>uri query {\nreplace token x\n}\n"), "", nil},
		{"the site's, one header deleted", "", output("g") + filter("request>headers>X-Hub-Signature-256 delete\n", query), "", []string{"log0: request>headers"}},
		{"another site's", "", "", output("h"), nil},
		{"the global one", "level INFO\n", "", "", []string{"default: request>headers request>uri"}},
		{"the global one, without both", filter(headers, query), "", "", nil},
		{"both, the global one without", filter(headers, query), output("i"), "", []string{"log0: request>headers request>uri"}},
		{"both without", filter(headers, query), output("j") + filter(headers, query), "-", nil},
		{"both without, at the global one", filter(headers, query), "-", "", nil},
	} {
		g.Reload(config(test.global, test.site, test.other))
		log := g.Logs()
		var got []string
		for line := range strings.Lines(log[read:]) {
			if _, found, ok := strings.Cut(line, "a log shows the credentials of webhook requests"); ok {
				name := between(found, `"log":"`, `"`)
				got = append(got, name+": "+strings.NewReplacer(`"`, "", ",", " ").Replace(between(found, `"shows":[`, "]")))
			}
		}
		read = len(log)
		if strings.Join(got, "; ") != strings.Join(test.want, "; ") {
			t.Errorf("%s: warned of %q, want %q", test.name, got, test.want)
		}
	}
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}
