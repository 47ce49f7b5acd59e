package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/delivery/codemietest"
)

// gatewayWith is an admin API with some integrations, which records what is
// written.
func gatewayWith(t *testing.T, integrations map[string]string) (address string, writes *[]string) {
	t.Helper()
	writes = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodGet {
			*writes = append(*writes, r.Method+" "+r.URL.Path+" "+string(body))
		}
		text, found := integrations[strings.TrimPrefix(r.URL.Path, "/webhooks/projects/")]
		switch {
		case r.URL.Path == "/webhooks/status":
			fmt.Fprint(w, `{"triggers":[{"resource_type":"assistant"},{"resource_type":"workflow"}]}`)
		case strings.Contains(string(body), `"taken"`):
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"error":"webhook_id: it is another project's"}`)
		case r.Method == http.MethodGet && !found:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":"no such integration"}`)
		case found:
			fmt.Fprint(w, text)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, "{}")
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), writes
}

func setting(id string, values ...codemietest.Value) codemietest.Setting {
	all := []codemietest.Value{
		{Key: "webhook_id", Value: id}, {Key: "is_enabled", Value: true},
		{Key: "resource_type", Value: "assistant"}, {Key: "resource_id", Value: "8f0c"},
	}
	return codemietest.Setting{Project: "demo", Alias: "A", Type: "Webhook", Values: append(all, values...)}
}

func TestImport(t *testing.T) {
	secret := codemietest.Value{Key: "github_webhook_secret", Value: "s3cret"}
	platform := codemietest.New("token")
	indexed := setting("datasource", secret)
	indexed.Values[2].Value = "datasource"
	for _, s := range []codemietest.Setting{
		setting("fresh", secret), setting("same", secret), setting("other", secret), setting("taken", secret), setting("declared", secret),
		setting("open"), setting("masked", codemietest.Value{Key: "secure_header_name", Value: "X-Key"}, codemietest.Value{Key: "secure_header_value", Value: "v"}),
		indexed,
		{Project: "demo", Alias: "Jira", Type: "Jira"},
	} {
		platform.AddSetting(s)
	}
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	t.Setenv(tokenVariable, "token")
	const same = `{"alias":"A","is_enabled":true,"authentication":{"secure_header":null,"signature":{"provider":"github","secrets":["********5d41"]},"require_sha256_signature":true},"event_filter":[],"resource":{"type":"assistant","id":"8f0c"},"managed_by":"%s"}`
	address, writes := gatewayWith(t, map[string]string{
		"demo/integrations/same":     fmt.Sprintf(same, "api"),
		"demo/integrations/other":    strings.Replace(fmt.Sprintf(same, "api"), `"alias":"A"`, `"alias":"B"`, 1),
		"demo/integrations/declared": fmt.Sprintf(same, "config"),
	})
	try := func(args ...string) (map[string]imported, importReport, error) {
		t.Helper()
		out, err := run(t, "", append([]string{"import", "codemie", server.URL, "--json", "--address", address}, args...)...)
		var report importReport
		if err := json.Unmarshal([]byte(out), &report); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if strings.Contains(out, "s3cret") {
			t.Errorf("the secret is shown: %s", out)
		}
		items := make(map[string]imported)
		for _, item := range report.Items {
			items[item.WebhookID] = item
		}
		return items, report, err
	}
	expect := func(items map[string]imported, want map[string]string) {
		t.Helper()
		if len(items) != len(want) {
			t.Errorf("%d items", len(items))
		}
		for id, text := range want {
			if got := items[id].Result + ": " + items[id].Reason; !strings.Contains(got, text) {
				t.Errorf("%s: %s, want %s", id, got, text)
			}
		}
	}
	want := map[string]string{
		"fresh": "imported", "same": "unchanged", "other": "refused: it exists here and differs in alias", "taken": "imported",
		"declared": "refused: it is declared", "open": "refused: the platform fails open", "masked": "refused: the platform masks",
		"datasource": "refused: no trigger here serves",
	}
	items, report, err := try()
	expect(items, want)
	if !report.DryRun || len(*writes) > 0 || err != nil {
		t.Errorf("%+v, %v, %v", report, *writes, err)
	}
	want["taken"] = "refused: webhook_id: it is another project's (409)"
	items, report, err = try("--apply")
	expect(items, want)
	if err == nil || report.DryRun || report.Imported != 1 || report.Unchanged != 1 || report.Refused != 6 || len(*writes) != 2 {
		t.Errorf("%+v, %v", report, *writes)
	}
	if got := strings.Join(*writes, "\n"); !strings.Contains(got, `POST /webhooks/projects/demo/integrations {"webhook_id":"fresh","alias":"A"`) {
		t.Error(got)
	}
	*writes = nil
	want["same"], want["other"] = "imported: replaces the secret", "imported: replaces alias"
	items, _, _ = try("--apply", "--overwrite")
	expect(items, want)
	if got := strings.Join(*writes, "\n"); !strings.Contains(got, `PATCH /webhooks/projects/demo/integrations/other {`) {
		t.Error(got)
	}
	if items, _, err := try("--project", "search"); len(items) != 0 || err != nil {
		t.Errorf("%v, %v", items, err)
	}
}

// TestImportFromAFile prints for people.
func TestImportFromAFile(t *testing.T) {
	address, writes := gatewayWith(t, nil)
	const list = `{"data":[{"project_name":"demo","alias":"A\u001b[2J","credential_type":"Webhook","credential_values":[
		{"key":"webhook_id","value":"hook"},{"key":"is_enabled","value":"false"},{"key":"gitlab_webhook_token","value":"s3cret"},
		{"key":"resource_type","value":"workflow"},{"key":"resource_id","value":"w"}]}]}`
	file := filepath.Join(t.TempDir(), "settings.json")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{file}, {"-"}} {
		out, err := run(t, list, append([]string{"import", "codemie", "--address", address}, args...)...)
		if err != nil || !strings.Contains(out, `imported  demo     hook        A?[2J  is_enabled is the text "false" there`) ||
			!strings.Contains(out, "nothing was changed: 1 would be imported, 0 unchanged, 0 refused; add --apply to import") {
			t.Errorf("%v\n%s", err, out)
		}
	}
	out, err := run(t, list, "import", "codemie", "-", "--apply", "--address", address)
	if err != nil || !strings.Contains(out, "1 imported, 0 unchanged, 0 refused") || len(*writes) != 1 {
		t.Errorf("%v\n%s%v", err, out, *writes)
	}
}

func TestImportErrors(t *testing.T) {
	address, _ := gatewayWith(t, nil)
	t.Setenv(tokenVariable, "")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"https://codemie.test":                                 "CODEMIE_TOKEN",
		"https://codemie.test --token-file " + empty:           "it is empty",
		"https://codemie.test --token-file /nowhere":           "no such file",
		"- --apply --dry-run":                                  "cannot be combined",
		"/nowhere/settings.json":                               "no such file",
		empty:                                                  "not a list of the platform's settings",
		"https://user:pass@codemie.test --token-file " + token: "user name or password",
	} {
		if out, err := run(t, "", append([]string{"import", "codemie", "--address", address}, strings.Fields(args)...)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
	if _, err := run(t, "[]", "import", "codemie", "-", "--address", "127.0.0.1:1"); err == nil {
		t.Error("without a gateway")
	}
}
