package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/module/storage"
)

func TestIntegrations(t *testing.T) {
	a := newAPI(t)
	created := a.want(a.do("POST", list, github), 201, `"webhook_url":"https://hooks.example.com/webhooks/hook"`, `"basic":null`)
	if created.header.Get("Location") != hook || created.header.Get("ETag") == "" || created.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", created.header)
	}
	read := a.want(a.do("GET", hook, ""), 200)
	if read.text != created.text || read.header.Get("ETag") != created.header.Get("ETag") {
		t.Errorf("%s\n%s", created.text, read.text)
	}
	a.want(a.do("POST", list, github), 409)
	if again := a.want(a.do("PUT", hook, read.text), 200); again.text != read.text || again.header.Get("ETag") != read.header.Get("ETag") {
		t.Errorf("what changes nothing is a change: %s", again.text)
	}
	a.want(a.do("PUT", hook, github, "If-Match", read.header.Get("ETag")), 200)
	a.want(a.do("PUT", hook, github, "If-Match", read.header.Get("ETag")), 412)
	a.want(a.do("PUT", hook, github, "If-None-Match", "*"), 412)
	a.want(a.do("PUT", hook, github, "If-Match", ""), 412)
	a.want(a.do("PUT", list+"/new", strings.Replace(github, `"hook"`, `"new"`, 1), "If-None-Match", "*"), 201)
	a.want(a.do("PATCH", hook, `{"alias":"a & b"}`, "Content-Type", "application/merge-patch+json"), 200, `"alias":"a & b"`)
	a.want(a.do("PATCH", hook, `{"alias":7}`), 400, "alias: ")
	a.want(a.do("PATCH", hook, `{"alias":"c"}`, "If-Match", `"x"`), 412)
	a.want(a.do("PATCH", list+"/none", `{}`), 404)
	a.want(a.do("DELETE", hook+"?force=yes", ""), 400, "force")
	a.want(a.do("DELETE", hook, "", "If-Match", `"x"`), 412)
	a.want(a.do("DELETE", hook, ""), 204)
	a.want(a.do("DELETE", hook, ""), 404)
	a.want(a.do("GET", hook, ""), 404)
	a.want(a.do("POST", "/webhooks/projects/other/integrations", github), 409)
	a.want(a.do("POST", list, github), 201)
}

func TestNoSecretIsShown(t *testing.T) {
	a := newAPI(t)
	for _, got := range []answer{
		a.do("POST", list, github), a.do("GET", hook, ""), a.do("PUT", hook, github), a.do("PATCH", hook, `{"alias":"x"}`),
		a.do("GET", list, ""), a.do("GET", "/webhooks/integrations", ""), a.do("POST", list, github),
		a.do("PUT", hook, strings.Replace(github, `"github"`, `"CANARY-long"`, 1)),
		a.do("PUT", hook, strings.Replace(github, `["CANARY-long"]`, `[{"CANARY":1}]`, 1)),
		a.do("PUT", hook, github+"CANARY"),
	} {
		if strings.Contains(got.text, "CANARY") {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
}

func TestBodies(t *testing.T) {
	a := newAPI(t)
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json; charset=latin1", "application/json; x"} {
		a.want(a.do("POST", list, github, "Content-Type", kind), 415)
		a.want(a.do("PUT", hook, github, "Content-Type", kind), 415)
		a.want(a.do("PATCH", hook, github, "Content-Type", kind), 415)
	}
	a.want(a.do("PUT", hook, github, "Content-Encoding", "gzip"), 415)
	a.want(a.do("PUT", hook, github, "Content-Type", "Application/JSON; charset=UTF-8"), 201)
	a.want(a.do("PUT", hook, `{"alias":"`+strings.Repeat("x", maxBody)+`"}`), 413)
	r, err := http.NewRequest("PUT", a.server.URL+hook, io.MultiReader(strings.NewReader(strings.Repeat(" ", maxBody+1)))) // without a length
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	a.want(a.read(response), 413)
	a.want(a.do("PUT", hook, "", "Content-Type", "application/json"), 400)
}

// The endpoint's own time for a request does not cut a slow body short.
func TestSlowBody(t *testing.T) {
	a := newAPI(t)
	server := httptest.NewUnstartedServer(a.server.Config.Handler)
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	defer server.Close()
	body, writer := io.Pipe()
	go func() {
		half := len(github) / 2
		_, _ = io.WriteString(writer, github[:half])
		<-time.After(2 * server.Config.ReadTimeout)
		_, _ = io.WriteString(writer, github[half:])
		writer.Close()
	}()
	r, err := http.NewRequest("PUT", server.URL+hook, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	a.want(a.read(response), 201)
}

func TestPaths(t *testing.T) {
	a := newAPI(t)
	a.want(a.do("PUT", hook, github), 201)
	for _, target := range []string{
		hook + "%2Fevents", "/webhooks/projects/demo%2fintegrations", list + "/%2e%2e", list + "/%2E", list + "/a%2eb",
		"/webhooks/projects/de%2Emo/integrations", "/webhooks/st%2Fatus",
		"/webhooks/projects/demo%5Cother/integrations", list + "/hook%5c", list + "/../hook", "/webhooks/./status", list + "/.", "/webhooks/..",
		"/webhooks//status", "//webhooks/status", "/webhooks/status/", "/webhooks/", list + "/", hook + "/",
		"/webhooks/projects/-demo/integrations", "/webhooks/projects/d%20emo/integrations", "/webhooks/projects/.demo/integrations",
		"/webhooks/projects/" + strings.Repeat("a", 129) + "/integrations", "/webhooks/projects/d%C3%A4/integrations",
		list + "/_hook", list + "/a.b", list + "/hook%00", list + "/h%C3%B6ok", list + "/" + strings.Repeat("a", 129), list + "/hook%0A",
		hook + "/events/x", hook + "/events/" + strings.Repeat("u", 26), hook + "/events/" + strings.Repeat("0", 25),
	} {
		for _, method := range []string{"GET", "DELETE"} {
			if got := a.raw(method, target); got.status != 400 {
				t.Errorf("%s %s: %d %s", method, target, got.status, got.text)
			}
		}
	}
	a.want(a.raw("GET", "/webhooks/projects/%64emo/integrations/h%6Fok"), 200)
	for _, target := range []string{"/webhooks", "/webhooks/x", "/webhooks/projects", "/webhooks/projects/demo", "/webhooks/status/x", "/webhooks/integrations/hook", hook + "/x", hook + "/events/" + strings.Repeat("0", 26) + "/x"} {
		a.want(a.raw("GET", target), 404)
	}
	for target, allow := range map[string]string{
		"/webhooks/status":       "GET",
		"/webhooks/integrations": "GET",
		list:                     "GET, POST",
		hook:                     "DELETE, GET, PATCH, PUT",
		hook + "/events":         "GET",
		hook + "/events/" + strings.Repeat("0", 26): "GET",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if strings.Contains(allow, method) {
				continue
			}
			if got := a.want(a.raw(method, target), 405); got.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q", method, target, got.header.Get("Allow"))
			}
		}
	}
}

func FuzzPath(f *testing.F) {
	f.Add("/webhooks/projects/demo/integrations/hook")
	f.Add("/webhooks/%2e%2e/a//b/./%5c")
	f.Fuzz(func(t *testing.T, path string) {
		segments, err := split(path)
		if err != nil {
			return
		}
		for _, segment := range segments {
			if segment == "" || segment == "." || segment == ".." || strings.Contains(segment, "/") {
				t.Errorf("%q: %q", path, segments)
			}
		}
	})
}

func TestLists(t *testing.T) {
	a := newAPI(t)
	for _, place := range []string{"demo/a", "demo/b", "demo/c", "other/d"} {
		project, id, _ := strings.Cut(place, "/")
		a.want(a.do("PUT", "/webhooks/projects/"+project+"/integrations/"+id, strings.Replace(github, `"hook"`, `"`+id+`"`, 1)), 201)
	}
	pages := func(path string) (ids string, cursors []string) {
		cursor := ""
		for {
			got := a.want(a.do("GET", path+"?limit=1&cursor="+cursor, ""), 200)
			for _, item := range got.json["items"].([]any) {
				ids += item.(map[string]any)["webhook_id"].(string)
			}
			if cursor = got.json["next_cursor"].(string); cursor == "" {
				return ids, cursors
			}
			cursors = append(cursors, cursor)
		}
	}
	own, cursors := pages(list)
	all, allCursors := pages("/webhooks/integrations")
	if own != "abc" || all != "abcd" {
		t.Errorf("%s, %s", own, all)
	}
	if got := a.do("GET", "/webhooks/projects/empty/integrations", ""); got.text != `{"items":[],"next_cursor":"","usage":{"integrations":0,"reserved_ids":0,"bytes":0}}`+"\n" {
		t.Errorf("%s", got.text)
	}
	a.want(a.do("GET", "/webhooks/projects/other/integrations?cursor="+cursors[0], ""), 404)
	a.want(a.do("GET", list+"?cursor="+allCursors[0], ""), 404)
	for _, query := range []string{"limit=0", "limit=-1", "limit=501", "limit=x", "limit=1&limit=2", "cursor=!", "cursor=YQ", "limit=%zz",
		"cursor=" + encodeCursor([]string{"integrations", "demo"}, []string{"demo"}),
		"cursor=" + encodeCursor([]string{"integrations", "demo"}, []string{"demo", "declared/x"}),
		"cursor=" + encodeCursor([]string{"integrations", "demo"}, []string{"-", "x"})} {
		a.want(a.do("GET", list+"?"+query, ""), 400)
	}
}

func TestStatus(t *testing.T) {
	a := newAPI(t)
	now := time.Now()
	held := Holdings{
		Health:   storage.Health{State: "ok"},
		Disk:     &storage.Disk{SizeBytes: 7, FreeBytes: 8},
		Counts:   storage.Counts{Pending: 1, Failed: 2, OldestPending: now.Add(-90 * time.Second)},
		Limits:   &storage.Limits{Disk: 100, Backlog: 50, Events: 40},
		Usage:    &storage.Usage{DiskBytes: 6, Events: 5, PendingBytes: 4, Counted: true, PurgedDelivered: 3, PurgedFailed: 9},
		Stored:   &storage.IntegrationUsage{Integrations: 13, ReservedIDs: 14, Bytes: 15},
		InFlight: 11, InFlightLimit: 12, Now: now, ClockJump: new(time.Duration),
		Triggers: []adminapi.Trigger{{ResourceType: "ticket", State: "closed", InFlight: 2, Open: adminapi.OpenCircuits{Projects: 1, Resources: 3}}},
	}
	a.Holdings = func() Holdings { return held }
	got := a.want(a.do("GET", "/webhooks/status", ""), 200)
	want := `{"store":{"state":"ok","size_bytes":7,"disk_free_bytes":8,"failed_at":null,"integrations":13,"reserved_ids":14},` +
		`"events":{"pending":1,"failed":2,"oldest_pending_seconds":90,"pending_bytes":4,"stored":5,"counted":true,"purged_delivered":3,"purged_failed":9},` +
		`"limits":{"disk":{"limit":100,"used":6},"backlog":{"limit":50,"used":1},"integration_events":{"limit":40,"used":0},"in_flight":{"limit":12,"used":11}},` +
		`"largest":null,"clock":{"jump_seconds":0},"triggers":[{"resource_type":"ticket","state":"closed","in_flight":2,"open":{"projects":1,"resources":3}}]}` + "\n"
	if got.text != want {
		t.Errorf("got  %s\nwant %s", got.text, want)
	}
	held.Triggers = nil
	held.Health.FailedAt = time.Date(2026, 11, 23, 13, 5, 12, 384e6, time.UTC)
	held.Usage.Largest = storage.Share{Project: "demo", WebhookID: "hook", Events: 3, Bytes: 5}
	*held.ClockJump = -time.Hour
	held.Counts.OldestPending = now.Add(time.Hour) // its clock was ahead
	a.want(a.do("GET", "/webhooks/status", ""), 200, `"triggers":[]`, `"clock":{"jump_seconds":-3600}`, `"failed_at":"2026-11-23T13:05:12.384Z"`, `"oldest_pending_seconds":0`,
		`"largest":{"project":"demo","webhook_id":"hook","events":3,"bytes":5}`, `"integration_events":{"limit":40,"used":3}`)

	// What a storage does not know is left out.
	held = Holdings{Health: held.Health, Counts: held.Counts, InFlightLimit: 12, Now: now}
	got = a.want(a.do("GET", "/webhooks/status", ""), 200)
	want = `{"store":{"state":"ok","failed_at":"2026-11-23T13:05:12.384Z"},"events":{"pending":1,"failed":2,"oldest_pending_seconds":0},` +
		`"limits":{"in_flight":{"limit":12,"used":0}},"largest":null,"triggers":[]}` + "\n"
	if got.text != want {
		t.Errorf("got  %s\nwant %s", got.text, want)
	}
}
