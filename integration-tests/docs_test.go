package integrationtests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// TestDocumentedConfigurations validates every Caddyfile and every JSON
// configuration in the README and the docs, and runs those that have a site.
func TestDocumentedConfigurations(t *testing.T) {
	t.Parallel()
	root := gateway.Root(t)
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```(caddyfile|json)\n(.*?)^```$")
	sink := gateway.NewSink(t)
	validated, sites := 0, 0
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range block.FindAllSubmatch(text, -1) {
			language, config := string(found[1]), complete(string(found[2]))
			if language == "json" && !strings.Contains(config, `"apps"`) {
				continue // the body of a request or an answer
			}
			validated++
			line := 1 + bytes.Count(text[:bytes.Index(text, found[0])], []byte("\n"))
			dir := t.TempDir()
			g := gateway.New(t, placeFiles(t, dir, config), environment(config)...)
			args := []string{"validate", "--config", filepath.Join(g.Dir, "Caddyfile"), "--adapter", "caddyfile"}
			if language == "json" {
				var compact bytes.Buffer
				if err := json.Compact(&compact, []byte(placeFiles(t, dir, config))); err != nil {
					t.Errorf("%s:%d: %v", file, line, err)
					continue
				}
				g.WriteConfig(compact.String())
				args = []string{"validate", "--config", filepath.Join(g.Dir, "caddy.json")}
			}
			if out, err := g.Command(args...); err != nil {
				t.Errorf("%s:%d: %v\n%s", file, line, err, out)
				continue
			}
			if language == "caddyfile" && strings.Contains(config, "webhooks /") {
				sites++
				t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), line), func(t *testing.T) {
					config, host, servers := moved(t, g, sink, g.Adapt())
					g.WriteConfig(config)
					g.Start()
					refusesOthers(t, g, host, servers)
				})
			}
		}
	}
	t.Logf("%d configurations, %d with a site", validated, sites)
	if validated == 0 || sites == 0 {
		t.Error("the docs show no configuration, or no site")
	}
}

// complete turns a configuration that shows only the contents of the global
// option webhooks into a whole one.
func complete(config string) string {
	for _, option := range []string{"storage ", "trigger ", "retry ", "integration "} {
		if strings.HasPrefix(config, option) {
			return "{\n\twebhooks {\n" + config + "\n\t}\n}\n"
		}
	}
	return config
}

// environment returns a value for every {env.NAME} of a configuration.
func environment(config string) []string {
	var values []string
	for _, found := range regexp.MustCompile(`\{env\.([^}]+)\}`).FindAllStringSubmatch(config, -1) {
		values = append(values, found[1]+"=value-of-"+found[1])
	}
	return values
}

// placeFiles replaces every {file./path} of a configuration by a file that
// exists, and Hookgate's directories by the test's own.
func placeFiles(t *testing.T, dir, config string) string {
	t.Helper()
	secretFile := filepath.Join(dir, "secret")
	if err := os.WriteFile(secretFile, []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config = regexp.MustCompile(`\{file\.[^}]+\}`).ReplaceAllString(config, "{file."+secretFile+"}")
	return strings.ReplaceAll(config, "/var/lib/hookgate", dir)
}

// TestDocumentedCommands runs the commands on the admin API's page, each with
// an integration and an event like those on the page.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			gateway.LeaveOut(t, program+" is not installed")
		}
	}
	page, err := os.ReadFile(filepath.Join(gateway.Root(t), "docs", "admin.md"))
	if err != nil {
		t.Fatal(err)
	}
	sink := gateway.NewSink(t)
	g := gateway.Start(t, gateway.Config("trigger http demo "+sink.URL+"\n", gateway.Edge))
	const id = "github-issues"
	event := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`)
	ran := 0
	for _, found := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllSubmatch(page, -1) {
		commands := string(found[1])
		if !strings.Contains(commands, "$api") {
			continue // sets the variable, or needs certificates
		}
		ran++
		path := gateway.Integration("demo", id)
		if makes := strings.Contains(commands, `"webhook_id"`); makes {
			g.API("DELETE", path+"?force=true", nil)
		} else {
			integration := github(id, "resource", gateway.M{"type": "demo", "id": "desk-1"})
			if answer := g.API("PUT", path, integration); answer.Status != 200 && answer.Status != 201 {
				t.Fatalf("status %d: %s", answer.Status, answer.Body)
			}
			commands = event.ReplaceAllString(commands, push(g, t, id, strconv.Itoa(ran)))
		}
		script := "set -euo pipefail\napi=http://" + g.Admin + "/webhooks\ncurl() { command curl -sS --fail-with-body \"$@\"; }\n" + commands
		command := exec.Command("bash", "-c", script)
		command.Dir = t.TempDir()
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, commands, out)
		}
	}
	if ran < 5 {
		t.Errorf("only %d commands ran", ran)
	}
}
