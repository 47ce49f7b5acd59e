package codemie_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

const (
	token       = "secret-token-1"
	chatRoute   = "POST /v1/assistants/{id}/model"
	createRoute = "POST /v1/conversations"
	executions  = "POST /v1/workflows/{id}/executions"
	taskRoute   = "GET /v1/tasks/{id}"
	rootPath    = "/code-assistant-api"
)

// bench is the stand-in behind a real connection, with a trigger before it.
type bench struct {
	*codemietest.Platform
	t       *testing.T
	options codemie.Options
	trigger atomic.Pointer[codemie.Platform]
	token   atomic.Value
	address string
}

func newBench(t *testing.T, changes ...func(*codemie.Options)) *bench {
	t.Helper()
	b := &bench{Platform: codemietest.New(token), t: t}
	b.token.Store(token)
	b.AddAssistant("assistant-1", "demo")
	b.AddWorkflow("workflow-1", "demo")
	server := httptest.NewServer(http.StripPrefix(rootPath, b.Platform))
	transport := &http.Transport{}
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	b.address = server.Listener.Addr().String()
	b.options = codemie.Options{
		URL:          server.URL + rootPath + "/",
		Token:        func() (string, error) { return b.token.Load().(string), nil },
		Timeout:      5 * time.Second,
		PollInterval: time.Millisecond,
		Transport:    transport,
	}
	b.reload(changes...)
	return b
}

// reload changes the options. What the trigger keeps in memory is forgotten.
func (b *bench) reload(changes ...func(*codemie.Options)) {
	b.t.Helper()
	for _, change := range changes {
		change(&b.options)
	}
	platform, err := codemie.New(b.options)
	if err != nil {
		b.t.Fatal(err)
	}
	b.trigger.Store(platform)
}

// delivery is an event with its saved progress.
type delivery struct {
	bench  *bench
	event  trigger.Event
	saved  []byte
	fail   bool
	result trigger.Result
	// The event grows older by past, besides the time that its runs take: by
	// what a run asks to wait, or by age if that is more.
	age, past time.Duration
	began     time.Time
}

func (b *bench) event(kind, id string) *delivery {
	return &delivery{bench: b, began: time.Now(), event: trigger.Event{
		ID: "01EVENT", WebhookID: "hook", Project: "demo", Alias: "PR review", Type: "pull_request",
		Resource: trigger.Resource{Type: kind, ID: id},
		Header:   http.Header{"X-Github-Event": {"pull_request"}},
		Body:     []byte(`{"action":"opened"}`),
	}}
}

func (d *delivery) run(ctx context.Context) trigger.Result {
	return d.bench.trigger.Load().Run(ctx, &trigger.Attempt{
		Event: &d.event, Number: 1, IdempotencyKey: d.event.ID, Progress: d.saved, Age: d.past + time.Since(d.began),
		Save: func(ctx context.Context, progress []byte) error {
			if d.fail {
				return errors.New("the storage is unavailable")
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.saved = append([]byte(nil), progress...)
			return nil
		},
	})
}

// settle runs the event until it is no longer pending.
func (d *delivery) settle() trigger.Result {
	d.bench.t.Helper()
	for range 2000 {
		result := d.run(d.bench.t.Context())
		if result.Verdict != trigger.Pending {
			return result
		}
		d.past += max(d.age, result.RetryAfter)
	}
	d.bench.t.Fatal("the event is pending for ever")
	return trigger.Result{}
}

// shown is what an admin sees of the run.
func (d *delivery) shown() trigger.Run {
	d.bench.t.Helper()
	var progress struct{ Run trigger.Run }
	if err := json.Unmarshal(d.saved, &progress); err != nil {
		d.bench.t.Fatal(err)
	}
	return progress.Run
}

func (d *delivery) expect(verdict trigger.Verdict, code string) trigger.Result {
	d.bench.t.Helper()
	result := d.settle()
	check(d.bench, result, verdict, code)
	return result
}

func check(b *bench, result trigger.Result, verdict trigger.Verdict, code string) {
	b.t.Helper()
	if result.Verdict != verdict || result.Error != code {
		b.t.Fatalf("got %+v, want verdict %d with error %q", result, verdict, code)
	}
	if len([]rune(result.Detail)) > 200 {
		b.t.Errorf("the detail has %d characters", len([]rune(result.Detail)))
	}
	for _, secret := range []string{token, b.address, rootPath} {
		if strings.Contains(result.Detail, secret) {
			b.t.Errorf("the detail %q shows %q", result.Detail, secret)
		}
	}
}

func TestAssistant(t *testing.T) {
	b := newBench(t)
	b.SetLooks(2)
	d := b.event("assistant", "assistant-1")
	if result := d.expect(trigger.Delivered, ""); result.StatusCode != 200 {
		t.Errorf("status code %d", result.StatusCode)
	}
	if n := b.Count(chatRoute); n != 1 {
		t.Errorf("%d starts", n)
	}
	chats := b.Conversations()
	if len(chats) != 1 {
		t.Fatalf("%d chats", len(chats))
	}
	for _, chat := range chats {
		if chat.Name != "Webhook: PR review · pull_request" || chat.AssistantID != "assistant-1" {
			t.Errorf("chat %+v", chat)
		}
		if len(chat.Messages) != 2 || chat.Messages[0].Text != string(d.event.Body) {
			t.Errorf("messages %+v", chat.Messages)
		}
	}
	ids := make(map[string]bool)
	for _, request := range b.Requests() {
		id := request.Header.Get("X-Request-Id")
		if id == "" || ids[id] {
			t.Errorf("X-Request-ID %q is missing or used twice", id)
		}
		ids[id] = true
		for name := range request.Header {
			if strings.HasPrefix(name, "X-") && name != "X-Request-Id" {
				t.Errorf("%s is passed on", name)
			}
		}
	}
}

func TestWorkflow(t *testing.T) {
	b := newBench(t)
	b.SetLooks(2)
	d := b.event("workflow", "workflow-1")
	d.event.Alias = ""
	d.expect(trigger.Delivered, "")
	if b.Runs() != 1 || b.Count(executions) != 1 {
		t.Errorf("%d runs of %d starts", b.Runs(), b.Count(executions))
	}
	for _, chat := range b.Conversations() {
		if chat.Name != "Webhook: hook · pull_request" {
			t.Errorf("chat %+v", chat)
		}
	}
}

func TestRunFails(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		b := newBench(t)
		b.SetFailing(true)
		b.event(kind, kind+"-1").expect(trigger.Fail, trigger.ErrRunFailed)
	}
}

func TestFailureWithSuccessStatus(t *testing.T) {
	for _, body := range []string{
		`{"generated":null,"success":false,"agentError":{"message":"Token limit"},"taskId":null}`,
		`{"generated":"AI Agent run failed with error: boom","success":true,"taskId":null}`,
	} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: chatRoute, Answer: codemietest.Body(body)})
		result := b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrRunFailed)
		if result.Detail == "" {
			t.Errorf("no detail for %s", body)
		}
	}
}

func TestRemoteAgentAnswersAtOnce(t *testing.T) {
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: chatRoute, Answer: codemietest.Body(`{"generated":"Done.","success":true,"taskId":null}`)})
	b.event("assistant", "assistant-1").expect(trigger.Delivered, "")
}

func TestRemoteAgentStreams(t *testing.T) {
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: chatRoute, Applied: true, Answer: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		_, _ = w.Write([]byte("{\"generated\":\"Do\"}\n{\"generated\":\"ne\"}\n"))
		b.Conclude()
	}})
	b.event("assistant", "assistant-1").expect(trigger.Delivered, "")
}

// TestLargePayload has the platform repeat a payload that is larger than what
// is kept of an answer.
func TestLargePayload(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		b := newBench(t)
		d := b.event(kind, kind+"-1")
		d.event.Body = []byte(`{"text":"` + strings.Repeat(`\"<é>`, 1<<17) + `"}`)
		d.expect(trigger.Delivered, "")
	}
}

func TestResourceIsCheckedBeforeEachStart(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			b.AddAssistant("foreign", "other")
			b.AddWorkflow("foreign", "other")
			b.AddDatasource(codemietest.Datasource{ID: "foreign", Project: "other", Name: "n", Type: "code"})
			b.event(kind, "unknown").expect(trigger.Fail, trigger.ErrResourceNotFound)
			b.event(kind, "foreign").expect(trigger.Fail, trigger.ErrResourceNotAllowed)
			if b.Runs() != 0 || b.Reindexed("foreign") != 0 || len(b.Conversations()) != 0 {
				t.Error("something was started")
			}

			anywhere := newBench(t, func(o *codemie.Options) { o.AnyProject = true })
			anywhere.AddAssistant("foreign", "other")
			anywhere.AddWorkflow("foreign", "other")
			anywhere.AddDatasource(codemietest.Datasource{ID: "foreign", Project: "other", Name: "n", Type: "code"})
			anywhere.event(kind, "foreign").expect(trigger.Delivered, "")
		})
	}
}

func TestProjectLeftOutByThePlatformIsRefused(t *testing.T) {
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: "GET /v1/assistants/id/{id}", Answer: codemietest.Body(`{"id":"assistant-1"}`)})
	b.event("assistant", "assistant-1").expect(trigger.Retry, trigger.ErrAnswerInvalid)
	if b.Runs() != 0 {
		t.Error("something was started")
	}
}

func TestPathSegmentsAreEscaped(t *testing.T) {
	b := newBench(t)
	b.AddAssistant("a/b:c@d", "demo")
	b.event("assistant", "a/b:c@d").expect(trigger.Delivered, "")
	if path := b.Requests()[0].Path; path != "/v1/assistants/id/a%2Fb:c@d" {
		t.Errorf("path %s", path)
	}
}

func TestUnknownType(t *testing.T) {
	newBench(t).event("ticket", "x").expect(trigger.Fail, trigger.ErrResourceInvalid)
}

func TestRunTimeout(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		b := newBench(t, func(o *codemie.Options) { o.RunTimeout = time.Hour })
		b.SetLooks(1000)
		d := b.event(kind, kind+"-1")
		d.age = 10 * time.Minute
		d.expect(trigger.Fail, trigger.ErrRunTimeout)
	}
}

func TestPollingSlowsDown(t *testing.T) {
	b := newBench(t, func(o *codemie.Options) { o.PollInterval = 15 * time.Second })
	b.SetLooks(1000)
	d := b.event("workflow", "workflow-1")
	first := d.run(t.Context())
	if first.Verdict != trigger.Pending || first.RetryAfter != time.Second {
		t.Fatalf("first %+v", first)
	}
	d.past += time.Minute
	if second := d.run(t.Context()); second.RetryAfter < 6*time.Second || second.RetryAfter > 7*time.Second {
		t.Errorf("second %+v", second)
	}
	d.past += 10 * time.Minute
	if third := d.run(t.Context()); third.RetryAfter != 15*time.Second {
		t.Errorf("third %+v", third)
	}
	d.past += 5 * time.Hour
	if fourth := d.run(t.Context()); fourth.RetryAfter < 155*time.Second || fourth.RetryAfter > 156*time.Second {
		t.Errorf("fourth %+v", fourth)
	}
}

// TestPollingCost bounds the looks at a run of six hours, and what is read of
// answers that repeat a large payload.
func TestPollingCost(t *testing.T) {
	usual := func(o *codemie.Options) { o.PollInterval = codemie.DefaultPollInterval }
	b := newBench(t, usual)
	b.SetLooks(1 << 30)
	b.event("workflow", "workflow-1").expect(trigger.Fail, trigger.ErrRunTimeout)
	if n := b.Count("GET /v1/workflows/{id}/executions/{execution}"); n > 450 {
		t.Errorf("%d looks", n)
	}
	for _, kind := range []string{"assistant", "workflow"} {
		b := newBench(t, usual)
		b.SetLooks(1 << 30)
		d := b.event(kind, kind+"-1")
		d.event.Body = bytes.Repeat([]byte("x"), 8<<20)
		d.run(t.Context())
		if result := d.run(t.Context()); result.RetryAfter < 128*time.Second || result.RetryAfter > 5*time.Minute {
			t.Errorf("%s: %+v", kind, result)
		}
	}
}

func TestProjectToken(t *testing.T) {
	b := newBench(t, func(o *codemie.Options) {
		o.Token = nil
		o.Projects = []string{"demo"}
		o.ProjectTokens = map[string]codemie.Token{"demo": func() (string, error) { return token, nil }}
	})
	b.event("assistant", "assistant-1").expect(trigger.Delivered, "")
}

func TestOptions(t *testing.T) {
	good := func() codemie.Options {
		return codemie.Options{URL: "https://codemie.test", Token: func() (string, error) { return "t", nil }}
	}
	for name, change := range map[string]func(*codemie.Options){
		"no URL":           func(o *codemie.Options) { o.URL = "" },
		"relative URL":     func(o *codemie.Options) { o.URL = "/v1" },
		"other scheme":     func(o *codemie.Options) { o.URL = "ftp://codemie.test" },
		"user name":        func(o *codemie.Options) { o.URL = "https://u:p@codemie.test" },
		"query":            func(o *codemie.Options) { o.URL = "https://codemie.test?x" },
		"placeholder":      func(o *codemie.Options) { o.URL = "https://codemie.test/{webhook.id}" },
		"no token":         func(o *codemie.Options) { o.Token = nil },
		"token of a few":   func(o *codemie.Options) { o.Token, o.Projects = nil, []string{"demo"} },
		"negative timeout": func(o *codemie.Options) { o.RunTimeout = -1 },
	} {
		options := good()
		change(&options)
		if _, err := codemie.New(options); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "codemie.test") {
			t.Errorf("%s: the error %q shows the URL", name, err)
		}
	}
	if _, err := codemie.New(good()); err != nil {
		t.Error(err)
	}
}
