package settings_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/delivery/codemie/settings"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
)

// webhook is a setting with these values, and what every one needs.
func webhook(values map[string]any) string {
	all := map[string]any{
		"webhook_id": "hook", "is_enabled": true, "github_webhook_secret": "s3cret",
		"resource_type": "assistant", "resource_id": "8f0c",
	}
	list := []map[string]any{}
	for key, value := range values {
		all[key] = value
	}
	for key, value := range all {
		if value != "absent" {
			list = append(list, map[string]any{"key": key, "value": value})
		}
	}
	text, _ := json.Marshal(map[string]any{
		"id": "1", "project_name": "demo", "alias": "A", "credential_type": "Webhook", "credential_values": list,
	})
	return string(text)
}

func read(t *testing.T, text string) []settings.Setting {
	t.Helper()
	list, err := settings.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestForm(t *testing.T) {
	const resource = `"resource":{"type":"assistant","id":"8f0c"}`
	const none = `"secure_header":null`
	for name, test := range map[string]struct {
		values map[string]any
		want   string // what is in the form
		note   string
	}{
		"github":                {nil, `"authentication":{` + none + `,"signature":{"provider":"github","secrets":["s3cret"]},"require_sha256_signature":true,"allow_unauthenticated":false},"event_filter":[],` + resource, ""},
		"with SHA-1":            {map[string]any{"github_require_sha256": false}, `"require_sha256_signature":false`, ""},
		"with SHA-256 by null":  {map[string]any{"github_require_sha256": nil}, `"require_sha256_signature":true`, ""},
		"with a filter":         {map[string]any{"github_event_filter": " pull_request, push,,push "}, `"event_filter":["pull_request","push"]`, ""},
		"enabled by a text":     {map[string]any{"is_enabled": "false"}, `"is_enabled":true`, "counts as enabled"},
		"disabled by absence":   {map[string]any{"is_enabled": "absent"}, `"is_enabled":false`, "counts as disabled"},
		"disabled by null":      {map[string]any{"is_enabled": nil}, `"is_enabled":false`, ""},
		"disabled by nothing":   {map[string]any{"is_enabled": ""}, `"is_enabled":false`, ""},
		"disabled by zero":      {map[string]any{"is_enabled": 0}, `"is_enabled":false`, ""},
		"gitlab":                {map[string]any{"github_webhook_secret": "absent", "gitlab_webhook_token": "t"}, `"authentication":{` + none + `,"signature":{"provider":"gitlab","secrets":["t"]},"allow_unauthenticated":false},"event_filter":[]`, ""},
		"gitlab's actions":      {map[string]any{"github_webhook_secret": "", "gitlab_webhook_token": "t", "gitlab_event_filter": "open,approved,unapproved"}, `"event_filter":["merge_request.open","merge_request.approved","merge_request.unapproved"]`, "events other than merge requests"},
		"a secure header":       {map[string]any{"github_webhook_secret": "absent", "secure_header_name": "X-Key", "secure_header_value": "v"}, `"secure_header":{"name":"X-Key","value":"v"},"signature":null`, ""},
		"both":                  {map[string]any{"secure_header_name": "X-Key", "secure_header_value": "v"}, `"secure_header":{"name":"X-Key","value":"v"},"signature":{"provider":"github"`, "the secure header alone"},
		"a header's name":       {map[string]any{"secure_header_name": "X-Key"}, none, "a name without a value"},
		"a filter of no secret": {map[string]any{"gitlab_event_filter": "open"}, `"event_filter":[]`, "gitlab_event_filter is left out"},
	} {
		t.Run(name, func(t *testing.T) {
			list := read(t, `{"data":[`+webhook(test.values)+`]}`)
			if len(list) != 1 {
				t.Fatalf("%d webhooks", len(list))
			}
			form, notes, refusal := list[0].Form()
			if refusal != "" {
				t.Fatal(refusal)
			}
			text, _ := json.Marshal(form)
			if !strings.Contains(string(text), test.want) {
				t.Errorf("%s\nlacks %s", text, test.want)
			}
			if all := strings.Join(notes, "; "); !strings.Contains(all, test.note) || test.note == "" && all != "" {
				t.Errorf("notes %q", all)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		values map[string]any
		want   string
	}{
		{map[string]any{"github_webhook_secret": "absent"}, "fails open"},
		{map[string]any{"github_webhook_secret": nil}, "fails open"},
		{map[string]any{"github_webhook_secret": "absent", "secure_header_name": "X-Key"}, "fails open"},
		{map[string]any{"secure_header_name": "X-Key", "secure_header_value": codemietest.Mask}, "masks the value of the secure header"},
		{map[string]any{"github_webhook_secret": codemietest.Mask}, "masks the GitHub webhook secret"},
		{map[string]any{"github_webhook_secret": "absent", "gitlab_webhook_token": codemietest.Mask}, "masks the GitLab secret token"},
		{map[string]any{"gitlab_webhook_token": "t"}, "each of the two senders"},
		{map[string]any{"github_webhook_secret": 7}, "github_webhook_secret is not a text"},
		{map[string]any{"webhook_id": "absent"}, "no webhook ID"},
		{map[string]any{"webhook_id": "a b"}, `the webhook ID "a b"`},
		{map[string]any{"resource_type": "absent"}, `its resource type ""`},
		{map[string]any{"resource_type": "ticket"}, `its resource type "ticket"`},
		{map[string]any{"resource_id": ""}, `its resource ID ""`},
		{map[string]any{"resource_id": "a/../b"}, `its resource ID "a/../b"`},
	} {
		list := read(t, `[`+webhook(test.values)+`]`)
		_, _, refusal := list[0].Form()
		if !strings.Contains(refusal, test.want) {
			t.Errorf("%v: %q", test.values, refusal)
		}
		if strings.Contains(refusal, "s3cret") {
			t.Errorf("%v: %q shows the secret", test.values, refusal)
		}
	}
	list := read(t, `[`+strings.Replace(webhook(nil), `"demo"`, `"a b"`, 1)+`]`)
	if _, _, refusal := list[0].Form(); !strings.Contains(refusal, `the project name "a b"`) {
		t.Errorf("%q", refusal)
	}
}

func TestRead(t *testing.T) {
	one, other := webhook(nil), strings.Replace(webhook(nil), `"id":"1"`, `"id":"2"`, 1)
	git := strings.Replace(one, `"Webhook"`, `"Git"`, 1)
	for text, want := range map[string]int{
		`{"data":[` + one + `,` + git + `],"pagination":{"page":0,"pages":2}}` + "\n" + `{"data":[` + one + `,` + other + `]}`: 2,
		`[` + one + `]`: 1,
		`[]`:            0,
		`{"data":[]}`:   0,
		`{"data":[{"credential_type":"Webhook"}]}`: 1,
	} {
		if list := read(t, text); len(list) != want {
			t.Errorf("%s: %d", text, len(list))
		}
	}
	for _, text := range []string{"", "{}", "<html>", `{"error":{"message":"no"}}`, `"x"`, `[1]`, `{"data":7}`, `{"data":[]} tail`} {
		if list, err := settings.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %v", text, list)
		}
	}
	endless := strings.NewReader(`{"data":[],"x":"` + strings.Repeat("x", 65<<20))
	if _, err := settings.Read(endless); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Error(err)
	}
}

func TestFetch(t *testing.T) {
	platform := codemietest.New("token")
	for i := range 250 {
		kind := "Webhook"
		if i%10 == 0 {
			kind = "Git"
		}
		platform.AddSetting(codemietest.Setting{Project: "demo", Alias: fmt.Sprint(i), Type: kind, Values: []codemietest.Value{
			{Key: "webhook_id", Value: fmt.Sprint("hook-", i)},
		}})
	}
	server := httptest.NewServer(http.StripPrefix("/api", platform))
	t.Cleanup(server.Close)
	for _, address := range []string{server.URL + "/api", server.URL + "/api/", server.URL + "/api/v1/settings/project?page=7&per_page=1"} {
		list, err := settings.Fetch(t.Context(), http.DefaultTransport, address, "token")
		if err != nil || len(list) != 225 {
			t.Errorf("%s: %d, %v", address, len(list), err)
		}
	}
	for address, want := range map[string]string{
		server.URL:                       "404",
		"ftp://host":                     "neither a file nor",
		"http://user:pass@host":          "user name or password",
		"http://127.0.0.1:1":             "asking the platform",
		server.URL + "/api/v1/settings/": "404",
	} {
		if _, err := settings.Fetch(t.Context(), http.DefaultTransport, address, "token"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := settings.Fetch(t.Context(), http.DefaultTransport, server.URL+"/api", "wrong"); err == nil || !strings.Contains(err.Error(), "refuses the token") {
		t.Error(err)
	}
	login := httptest.NewServer(http.RedirectHandler("/login", http.StatusFound))
	t.Cleanup(login.Close)
	if _, err := settings.Fetch(t.Context(), http.DefaultTransport, login.URL, "token"); err == nil || !strings.Contains(err.Error(), "sign-in page") {
		t.Error(err)
	}
}

// TestFetchEnds asks a platform that always has one more page.
func TestFetchEnds(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		fmt.Fprint(w, `{"data":[`+webhook(nil)+`],"pagination":{"pages":1000000}}`)
	}))
	t.Cleanup(server.Close)
	if _, err := settings.Fetch(t.Context(), http.DefaultTransport, server.URL, "token"); err == nil || asked > 1000 {
		t.Errorf("%d pages, %v", asked, err)
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{`[` + webhook(nil) + `]`, `{"data":[` + webhook(nil) + `]}{"data":[]}`, `[{"credential_type":"Webhook","credential_values":[{"key":"is_enabled","value":[]}]}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := settings.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, s := range list {
			if form, _, refusal := s.Form(); (form == nil) == (refusal == "") {
				t.Fatalf("%v, %q", form, refusal)
			}
		}
	})
}
