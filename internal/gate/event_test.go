package gate

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/jsondoc"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/storage"
)

func TestDuplicates(t *testing.T) {
	other := push + " "
	for _, test := range []struct {
		mode     integration.Dedupe
		delivery string
		body     string
		status   int
		answer   string
	}{
		{integration.DedupeDelivery, "d-1", push, 200, "duplicate"},
		{integration.DedupeDelivery, "d-2", push, 202, "accepted"},
		{integration.DedupeDelivery, "d-1", other, 202, "accepted"},
		{integration.DedupeBody, "d-2", push, 200, "duplicate"},
		{integration.DedupeBody, "d-1", other, 202, "accepted"},
		{integration.DedupeNone, "d-1", push, 202, "accepted"},
	} {
		b := newBackend(t, github(func(it *integration.Integration) { it.Dedupe = test.mode }))
		s := serve(t, b, New(Settings{}))
		first := s.post(t, "/webhooks/hook", signed("push", "d-1", push), push)
		got := s.post(t, "/webhooks/hook", signed("push", test.delivery, test.body), test.body)
		if first.status != 202 || got.status != test.status || !strings.HasPrefix(got.body, `{"status":"`+test.answer+`","id":"0`) {
			t.Errorf("%s, %s, %q: %d, then %d %s", test.mode, test.delivery, test.body, first.status, got.status, got.body)
		}
	}
}

func TestWithoutDeliveryIDNothingIsADuplicate(t *testing.T) {
	header := signed("push", "", push)
	delete(header, "X-Github-Delivery")
	for mode, status := range map[integration.Dedupe]int{integration.DedupeDelivery: 202, integration.DedupeBody: 200} {
		s := serve(t, newBackend(t, github(func(it *integration.Integration) { it.Dedupe = mode })), New(Settings{}))
		s.post(t, "/webhooks/hook", header, push)
		if got := s.post(t, "/webhooks/hook", header, push); got.status != status {
			t.Errorf("%s: status %d, want %d", mode, got.status, status)
		}
	}
}

// The border between delivery ID and body is part of what is compared.
func TestDedupeIsFramed(t *testing.T) {
	key := func(mode integration.Dedupe, delivery, body string) string {
		v := newVisit()
		v.route = &Route{Integration: &integration.Integration{Dedupe: mode}}
		v.body, v.payload = []byte(body), []byte(body)
		if _, err := v.content.message.Read(sender.Guess(nil), nil, jsondoc.New(v.body), nil, v.route); err != nil {
			t.Fatal(err)
		}
		v.content.message.DeliveryID = delivery
		dedupe := v.dedupe()
		if dedupe.Key != nil && (dedupe.Window.Hours() != 72 || dedupe.Requeues != 5) {
			t.Errorf("window %v, requeues %d", dedupe.Window, dedupe.Requeues)
		}
		return string(dedupe.Key)
	}
	keys := map[string]bool{
		key(integration.DedupeDelivery, "ab", "c"): true,
		key(integration.DedupeDelivery, "a", "bc"): true,
		key(integration.DedupeBody, "a", "abc"):    true,
		key(integration.DedupeBody, "a", "bc"):     true,
	}
	if len(keys) != 4 {
		t.Errorf("%d different keys", len(keys))
	}
	if key(integration.DedupeBody, "a", "c") != key(integration.DedupeBody, "b", "c") {
		t.Error("the delivery ID counts where only the body should")
	}
}

func TestFailedEventIsQueuedAgain(t *testing.T) {
	b := newBackend(t, github())
	s := serve(t, b, New(Settings{}))
	s.post(t, "/webhooks/hook", signed("push", "d-1", push), push)
	b.log.failAll()
	for n := range 7 {
		got := s.post(t, "/webhooks/hook", signed("push", "d-1", push), push)
		status, answer, outcome := 202, accepted(1), Requeued
		if n >= 5 {
			status, answer, outcome = 200, `{"status":"duplicate","id":"`+storage.ID{15: 1}.String()+`"}`, Duplicate
		}
		if got.status != status || got.body != answer || s.lastSeen(t, n+2).Outcome != outcome {
			t.Errorf("copy %d: %d %s, seen %s", n+1, got.status, got.body, s.lastSeen(t, n+2).Outcome)
		}
	}
}

func TestFilter(t *testing.T) {
	gitlab := func(it *integration.Integration) {
		it.Authentication = integration.Authentication{Credentials: credential.NewSet(&credential.Signature{Provider: "gitlab", Secrets: secrets("t")}), Match: integration.MatchAny}
	}
	jira := func(it *integration.Integration) { it.Authentication.Credentials.Signature().Provider = "jira" }
	mine := func(it *integration.Integration) {
		it.Authentication = integration.Authentication{Credentials: credential.NewSet(&credential.Bearer{Tokens: secrets("t")}), Match: integration.MatchAny}
	}
	const opened = `{"action":"opened","number":1}`
	const merge = `{"object_kind":"merge_request","object_attributes":{"action":"open"}}`
	const issue = `{"webhookEvent":"jira:issue_updated"}`
	gitlabHeader := http.Header{"X-Gitlab-Token": {"t"}, "X-Gitlab-Event": {"Merge Request Hook"}}
	for _, test := range []struct {
		change func(*integration.Integration)
		filter string
		header http.Header
		body   string
		wanted bool
	}{
		{nil, "", signed("pull_request", "1", opened), opened, true},
		{nil, "pull_request", signed("pull_request", "1", opened), opened, true},
		{nil, "pull_request.opened", signed("pull_request", "1", opened), opened, true},
		{nil, "pull_request.closed", signed("pull_request", "1", opened), opened, false},
		{nil, "Pull_request", signed("pull_request", "1", opened), opened, false},
		{nil, "*.opened", signed("pull_request", "1", opened), opened, true},
		{gitlab, "Merge Request Hook", gitlabHeader, merge, true},
		{gitlab, "merge_request", gitlabHeader, merge, true},
		{gitlab, "merge_request.open", gitlabHeader, merge, true},
		{gitlab, "merge_request.close", gitlabHeader, merge, false},
		{gitlab, "issue*", gitlabHeader, merge, false},
		{jira, "jira:issue_*", http.Header{"X-Hub-Signature": {signature(issue)}}, issue, true},
		{jira, "jira:issue_created", http.Header{"X-Hub-Signature": {signature(issue)}}, issue, false},
		{mine, "push", http.Header{"Authorization": {"Bearer t"}, "X-Github-Event": {"push"}}, push, true},
		{mine, "Push Hook", http.Header{"Authorization": {"Bearer t"}, "X-Gitlab-Event": {"Push Hook"}}, push, true},
		{mine, "*", http.Header{"Authorization": {"Bearer t"}}, push, false},
		{mine, "", http.Header{"Authorization": {"Bearer t"}}, push, true},
	} {
		it := github()
		if test.change != nil {
			test.change(it)
		}
		if test.filter != "" {
			it.EventFilter = []string{test.filter}
		}
		s := serve(t, newBackend(t, it), New(Settings{}))
		status := 200
		if test.wanted {
			status = 202
		}
		if got := s.post(t, "/webhooks/hook", test.header, test.body); got.status != status {
			t.Errorf("filter %q, %v: %d %s", test.filter, test.header, got.status, got.body)
		}
	}
}

func TestForm(t *testing.T) {
	b := newBackend(t, github(func(it *integration.Integration) { it.EventFilter = []string{"pull_request.opened"} }))
	s := serve(t, b, New(Settings{}))
	const payload = `{"action":"opened","title":"ü + & ="}`
	body := "payload=" + url.QueryEscape(payload)
	header := signed("pull_request", "1", body)
	for i, kind := range []string{"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded ; charset=utf-8", "application/x-www-form-urlencoded; charset"} {
		header.Set("Content-Type", kind)
		header.Set("X-Github-Delivery", fmt.Sprint(i))
		if got := s.post(t, "/webhooks/hook", header, body); got.status != 202 {
			t.Fatalf("%s: %+v", kind, got)
		}
		event := b.log.last(t)
		if string(event.Body) != payload || event.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: stored %q as %q", kind, event.Body, event.Header)
		}
	}
	// The signature is over the form, not over what is in it.
	header.Set("X-Hub-Signature-256", signature(payload))
	if got := s.post(t, "/webhooks/hook", header, body); got.status != 401 {
		t.Errorf("signed inside: %d", got.status)
	}
}

// A form of a sender that is not known to use forms is a body like any other.
func TestFormOfAnother(t *testing.T) {
	b := newBackend(t, github(func(it *integration.Integration) { it.Authentication.Credentials.Signature().Provider = "jira" }))
	s := serve(t, b, New(Settings{}))
	const body = "payload=1"
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Hub-Signature": {signature(body)}}
	if got := s.post(t, "/webhooks/hook", header, body); got.status != 202 || string(b.log.last(t).Body) != body {
		t.Errorf("got %+v", got)
	}
}

func TestStoredHeadersHoldNoSecret(t *testing.T) {
	it := github(ways(integration.Authentication{Credentials: credential.NewSet(&credential.SecureHeader{Name: "X-Key", Value: credential.NewSecret("canary-1")}, &credential.Signature{Provider: "github", Secrets: secrets("canary-2", theSecret)}), Match: integration.MatchAny}))
	b := newBackend(t, it)
	s := serve(t, b, New(Settings{}))
	header := signed("push", "d", push)
	header["X-Key"] = []string{"canary-1"}
	header["User-Agent"] = []string{"canary-2"}
	header["Traceparent"] = []string{"canary-1"}
	header["X-Github-Hook-Id"] = []string{strings.Repeat("x", maxStored+1)}
	header["Content-Type"] = []string{"text/plain; x=\xff"}
	header["Authorization"] = []string{"Bearer other"}
	if got := s.post(t, "/webhooks/hook", header, push); got.status != 202 {
		t.Fatalf("got %+v", got)
	}
	if got := asText(b.log.last(t).Header); got != `{"X-Github-Delivery":["d"],"X-Github-Event":["push"]}` {
		t.Errorf("kept %s", got)
	}
	// A header with a credential is not kept either, also where the credential is
	// none of the secrets and the header is one that events have.
	it = github(ways(integration.Authentication{Credentials: credential.NewSet(&credential.SecureHeader{Name: "X-Key", Value: credential.NewSecret("canary-1")}, &credential.JWT{Issuer: "none", Audience: "a", Header: "traceparent"}), Match: integration.MatchAny}))
	route, err := Compile(it)
	if err != nil {
		t.Fatal(err)
	}
	v := newVisit()
	v.route, v.content.provider = route, sender.Guess(nil)
	v.r = &http.Request{Header: http.Header{"Traceparent": {"a.token.x"}, "User-Agent": {"sender"}}}
	if got := asText(v.storedHeader()); got != `{"User-Agent":["sender"]}` {
		t.Errorf("kept %s", got)
	}
}

func TestEventForSeveralResources(t *testing.T) {
	b := newBackend(t, github(func(it *integration.Integration) {
		it.Resources = []integration.Resource{{Type: "assistant", ID: "a"}, {Type: "ticket", ID: "b"}, {Type: "assistant", ID: "c"}}
	}))
	s := serve(t, b, New(Settings{}))
	// One of them has no trigger: nothing is stored for the others.
	if got := s.post(t, "/webhooks/hook", signed("push", "d", push), push); got.status != 503 || got.header.Get("Retry-After") == "" || b.log.count() != 0 {
		t.Fatalf("got %+v, stored %d", got, b.log.count())
	}
	b.mu.Lock()
	b.types["ticket"] = true
	b.mu.Unlock()
	if got := s.post(t, "/webhooks/hook", signed("push", "d", push), push); got.status != 202 || got.body != accepted(1) {
		t.Fatalf("got %+v", got)
	}
	first := b.log.last(t)
	if got := fmt.Sprint(first.ResourceType, " ", first.ResourceID, " ", b.log.further); got != "assistant a [{ticket b} {assistant c}]" || b.log.count() != 1 {
		t.Errorf("stored for %s", got)
	}
}

// Copies at once: one is accepted, the others are its duplicates.
func TestCopiesAtOnce(t *testing.T) {
	b := newBackend(t, github())
	s := serve(t, b, New(Settings{}))
	statuses := make(chan int, 20)
	var group sync.WaitGroup
	for range cap(statuses) {
		group.Go(func() { statuses <- s.post(t, "/webhooks/hook", signed("push", "d", push), push).status })
	}
	group.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	if count[202] != 1 || count[200] != 19 {
		t.Errorf("statuses %v", count)
	}
}

// A request that waits for the store holds a reference to the backend until
// it is answered.
func TestBackendIsHeldUntilTheAnswer(t *testing.T) {
	b := newBackend(t, github())
	held := int64(0)
	b.log.during = func() { held = b.held.Load() }
	s := serve(t, b, New(Settings{}))
	s.post(t, "/webhooks/hook", signed("push", "d", push), push)
	s.lastSeen(t, 1)
	if held != 1 || b.held.Load() != 0 {
		t.Errorf("%d references during, %d after", held, b.held.Load())
	}
}

func BenchmarkServe(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := &backend{types: map[string]bool{"assistant": true}, flight: NewFlight(0), routes: map[string]*Route{}}
			n.put(b, github())
			config := n.config()
			config.Events = emptyLog{}
			g := New(Settings{})
			body := strings.Repeat("x", size)
			header := signed("push", "d", body)
			release := func() {}
			acquire := func() (*Config, func(), error) { return config, release, nil }
			b.ReportAllocs()
			b.SetBytes(int64(size))
			b.RunParallel(func(p *testing.PB) {
				reader := strings.NewReader(body)
				for p.Next() {
					reader.Reset(body)
					r := &http.Request{
						Method: http.MethodPost, URL: &url.URL{Path: "/webhooks/hook"}, Header: header,
						Body: io.NopCloser(reader), ContentLength: int64(size), ProtoMajor: 1,
					}
					if seen := g.Serve(discard{http.Header{}}, r, "192.0.2.1", acquire); seen.StatusCode != 202 {
						b.Fatal(seen)
					}
				}
			})
		})
	}
}

// A sender that gives up once its event is here may never send it again.
func TestStoredWithoutSender(t *testing.T) {
	b := newBackend(t, github())
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhooks/hook", strings.NewReader(push))
	maps.Copy(r.Header, signed("push", "1", push))
	cancel()
	seen := New(Settings{}).Serve(httptest.NewRecorder(), r, "", b.Acquire)
	if seen.Outcome != Accepted || b.log.count() != 1 {
		t.Errorf("%s (%s), %d events", seen.Outcome, seen.Reason, b.log.count())
	}
	if b.log.within <= 0 || b.log.within > 8*time.Second {
		t.Errorf("the storage had %v", b.log.within)
	}
}
