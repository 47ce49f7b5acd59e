package integrationtests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestGitea makes a real Git server sign the webhooks of a push and of an
// issue, for Gitea, Gogs and GitHub at once, because it sends the headers of
// all three, also with a wrong secret, and asks it for the answers.
func TestGitea(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		gateway.LeaveOut(t, "git is not installed")
	}
	program := builtGitea(t)
	hooks := []struct {
		id, kind, content string
		signature, filter string
		arrives           []string // event types
		answers           []string // to both events, as Gitea shows them
	}{
		{"gitea", "gitea", "json", "gitea " + strconv.Quote(secret), "push issues", []string{"push", "issues"}, []string{"202", "202"}},
		{"gogs", "gogs", "json", "gogs " + strconv.Quote(secret), "push", []string{"push"}, []string{"200", "202"}},
		{"github", "gitea", "json", "github " + strconv.Quote(secret), "issues.opened", []string{"issues"}, []string{"200", "202"}},
		{"form", "gitea", "form", "gitea " + strconv.Quote(secret), "push", []string{"push"}, []string{"200", "202"}},
		{"rotated", "gitea", "json", `gitea "the next secret" ` + strconv.Quote(secret), "push", []string{"push"}, []string{"200", "202"}},
		{"other", "gitea", "json", `gitea "another secret"`, "*", nil, []string{"401", "401"}},
		{"other-hub", "gitea", "json", `github "another secret"`, "*", nil, []string{"401", "401"}},
	}
	sink := gateway.NewSink(t)
	var config strings.Builder
	wanted := 0
	for _, hook := range hooks {
		fmt.Fprintf(&config, "integration %[1]s {\n project demo\n signature %s\n event_filter %s\n resource ticket %[1]s\n}\n", hook.id, hook.signature, hook.filter)
		wanted += len(hook.arrives)
	}
	g := gateway.Start(t, gateway.Config(config.String()+gateway.Ticket(sink), gateway.Edge))
	shown := listenForWebhooks(t, "127.0.0.1")

	s := startGitea(t, program)
	s.api(t, "/user/repos", gateway.M{"name": "demo"})
	pages := make(map[string]string)
	addHook := func(id, kind, content, url string) {
		created := s.api(t, "/repos/tests/demo/hooks", gateway.M{
			"type": kind, "active": true, "events": []string{"push", "issues"},
			"config": gateway.M{"url": url, "content_type": content, "secret": secret},
		})
		pages[id] = fmt.Sprintf("/tests/demo/settings/hooks/%.0f", created["id"])
	}
	for _, hook := range hooks {
		addHook(hook.id, hook.kind, hook.content, "http://"+g.Addr+"/webhooks/"+hook.id)
	}
	addHook("shown", "gitea", "json", shown.url)

	sent := make(map[string]gateway.Delivery)
	s.push(t, "Grüße — 🚀")
	sent["push"] = shown.next(t)
	s.api(t, "/repos/tests/demo/issues", gateway.M{"title": "Größe", "body": "\u2028<b>"})
	sent["issues"] = shown.next(t)
	for event, d := range sent {
		if got := d.Header.Get("X-Gitea-Event"); got != event || !json.Valid(d.Body) {
			t.Fatalf("Gitea sent a %s: %s", got, d.Body)
		}
	}
	gateway.Eventually(t, "all events have arrived", func() bool { return len(sink.Deliveries()) >= wanted })
	arrived := map[string]gateway.Delivery{}
	for _, d := range sink.Deliveries() {
		arrived[d.Header.Get("X-Webhook-Id")+" "+d.Header.Get("X-Webhook-Event")] = d
		if d.Header.Get("X-Webhook-Delivery") == "" || strings.Contains(fmt.Sprint(d.Header), "-Signature") {
			t.Errorf("the sink got the headers %v", d.Header)
		}
	}
	if len(arrived) != wanted || len(sink.Deliveries()) != wanted {
		t.Errorf("%d events arrived, want %d", len(sink.Deliveries()), wanted)
	}
	for _, hook := range hooks {
		for _, event := range hook.arrives {
			// Of the form, the JSON in it arrives.
			if got := arrived[hook.id+" "+event].Body; !bytes.Equal(got, sent[event].Body) {
				t.Errorf("%s: the sink got %q of a %s, sent was %q", hook.id, got, event, sent[event].Body)
			}
		}
		gateway.Eventually(t, "Gitea shows what "+hook.id+" answered", func() bool {
			return slices.Equal(s.answers(t, pages[hook.id]), hook.answers)
		})
	}
	push := sent["push"]
	problem(t, g.Post("/webhooks/gitea", push.Header, flip(push.Body, 1)), http.StatusUnauthorized)
	problem(t, g.Post("/webhooks/other", push.Header, push.Body), http.StatusUnauthorized)
	g.Post("/webhooks/gitea", push.Header, push.Body).Want(t, http.StatusAccepted)
}

// builtGitea returns the path of Gitea's binary.
func builtGitea(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("senders", "gitea", "bin", "gitea"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		gateway.LeaveOut(t, "Gitea is not built, as .ci/run does")
	}
	return path
}

// gitea is a running Git server with an administrator.
type gitea struct {
	program, config, dir, url string
	token                     string
	browser                   *http.Client
}

const (
	giteaUser     = "tests"
	giteaPassword = "not-a-secret"
)

// startGitea starts the server with an administrator who is logged in. Its
// templates and translations are in the module that it was built from.
func startGitea(t *testing.T, program string) *gitea {
	t.Helper()
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "code.gitea.io/gitea")
	list.Dir = filepath.Join("senders", "gitea")
	files, err := list.Output()
	if err != nil {
		t.Fatalf("looking for Gitea's module: %v", err)
	}
	addr := gateway.FreeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil) // never fails
	s := &gitea{program: program, dir: t.TempDir(), url: "http://" + addr, browser: &http.Client{Jar: jar, Timeout: gateway.Patience}}
	s.config = filepath.Join(s.dir, "app.ini")
	settings := fmt.Sprintf(`
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
WORK_PATH = %[1]s
[server]
STATIC_ROOT_PATH = %[2]s
HTTP_ADDR = %[3]s
HTTP_PORT = %[4]s
ROOT_URL = %[5]s/
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
[security]
INSTALL_LOCK = true
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[log]
MODE = console
LEVEL = Warn
`, s.dir, bytes.TrimSpace(files), host, port, s.url)
	if err := os.WriteFile(s.config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(program, "web", "--config", s.config)
	process.Env = s.environment()
	startSender(t, "Gitea", process, os.Interrupt)
	gateway.Eventually(t, "Gitea answers", func() bool {
		answer, err := s.browser.Get(s.url + "/api/healthz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	s.logIn(t)
	return s
}

// environment restricts Gitea, which writes Git's global configuration, to its
// own files.
func (s *gitea) environment() []string {
	return append(os.Environ(), "HOME="+s.dir, "GIT_CONFIG_GLOBAL="+filepath.Join(s.dir, "gitconfig"), "GIT_TERMINAL_PROMPT=0")
}

// logIn creates the administrator, with a token for the API and a session for
// the pages.
func (s *gitea) logIn(t *testing.T) {
	t.Helper()
	create := exec.Command(s.program, "admin", "user", "create", "--config", s.config, "--admin", "--must-change-password=false",
		"--username", giteaUser, "--password", giteaPassword, "--email", "tests@example.com",
		"--access-token", "--access-token-scopes", "all")
	create.Env = s.environment()
	out, err := create.Output()
	if err != nil {
		t.Fatalf("making an administrator: %v\n%s", err, out)
	}
	words := strings.Fields(string(out))
	s.token = words[len(words)-1]
	answer, err := s.browser.PostForm(s.url+"/user/login", url.Values{"user_name": {giteaUser}, "password": {giteaPassword}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}

// api creates something through the server's API.
func (s *gitea) api(t *testing.T, path string, body gateway.M) gateway.M {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	header := gateway.Headers("Authorization", "token "+s.token, "Content-Type", "application/json")
	answer, err := gateway.Do(s.browser, http.MethodPost, s.url+"/api/v1"+path, header, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return answer.Want(t, http.StatusCreated).JSON(t)
}

var giteaStatus = regexp.MustCompile(`(?:green|red) label">([0-9]+)<`)

// answers returns the statuses on a hook's page, in order.
func (s *gitea) answers(t *testing.T, page string) []string {
	t.Helper()
	answer, err := gateway.Do(s.browser, http.MethodGet, s.url+page, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var statuses []string
	for _, found := range giteaStatus.FindAllSubmatch(answer.Want(t, http.StatusOK).Body, -1) {
		statuses = append(statuses, string(found[1]))
	}
	slices.Sort(statuses)
	return statuses
}

// push pushes one empty commit.
func (s *gitea) push(t *testing.T, message string) {
	t.Helper()
	work := filepath.Join(s.dir, "work")
	remote := strings.Replace(s.url, "://", "://"+giteaUser+":"+giteaPassword+"@", 1) + "/" + giteaUser + "/demo"
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main", work},
		{"-C", work, "-c", "user.name=tests", "-c", "user.email=tests@example.com", "commit", "--quiet", "--allow-empty", "--message", message},
		{"-C", work, "push", "--quiet", remote, "main"},
	} {
		git := exec.Command("git", args...)
		git.Env = s.environment()
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args[:min(3, len(args))], err, out)
		}
	}
}
