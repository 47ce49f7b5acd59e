package codemie_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

const chatReading = "GET /v1/conversations/{id}"

// TestLostAssistantIsFoundWhenItEnds loses the answer to a start whose run
// ends after half an hour: only then the chat shows it.
func TestLostAssistantIsFoundWhenItEnds(t *testing.T) {
	b := newBench(t, func(o *codemie.Options) { o.PollInterval = 15 * time.Second })
	b.SetLooks(1 << 30)
	b.Inject(codemietest.Fault{Route: chatRoute, Times: 1, Applied: true, Answer: codemietest.Drop})
	d := b.event("assistant", "assistant-1")
	for d.past < 30*time.Minute {
		result := d.run(t.Context())
		if result.Verdict != trigger.Pending {
			t.Fatalf("%+v", result)
		}
		d.past += result.RetryAfter
	}
	if looks := b.Count(chatReading); looks > 160 {
		t.Errorf("%d looks at the chat", looks)
	}
	if run := d.shown(); run.Until.Before(time.Now()) {
		t.Errorf("shown %+v", run)
	}
	b.Conclude()
	d.expect(trigger.Delivered, "")
	if b.Count(chatRoute) != 1 || d.shown().Usage == nil {
		t.Errorf("%d starts, shown %+v", b.Count(chatRoute), d.shown())
	}
}

// TestLostAssistantThatFailed reads of the failure in the chat.
func TestLostAssistantThatFailed(t *testing.T) {
	b := newBench(t)
	b.SetOutput("Ups.", codemietest.Usage{})
	b.Inject(codemietest.Fault{Route: chatRoute, Times: 1, Applied: true, Answer: codemietest.Status(502, "Bad Gateway")})
	b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrRunFailed)
}

// TestTaskThatNeverEnds gives an assistant up before the others.
func TestTaskThatNeverEnds(t *testing.T) {
	usual := func(o *codemie.Options) { o.PollInterval = codemie.DefaultPollInterval }
	b := newBench(t, usual)
	b.SetStuck(true)
	d := b.event("assistant", "assistant-1")
	began := time.Now()
	d.run(t.Context())
	run := d.shown()
	if run.Kind != "task" || run.ID == "" || run.State != "STARTED" {
		t.Errorf("shown %+v", run)
	}
	if left := run.Until.Sub(began); left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("given up in %v", left)
	}
	d.expect(trigger.Fail, trigger.ErrRunTimeout)
	if d.past < time.Hour || d.past > 65*time.Minute {
		t.Errorf("given up after %v", d.past)
	}

	b.SetLooks(1 << 30)
	w := b.event("workflow", "workflow-1")
	w.expect(trigger.Fail, trigger.ErrRunTimeout)
	if w.past < 6*time.Hour || w.past > 6*time.Hour+10*time.Minute {
		t.Errorf("the workflow was given up after %v", w.past)
	}

	b = newBench(t, usual, func(o *codemie.Options) { o.RunTimeout = 2 * time.Hour })
	b.SetStuck(true)
	d = b.event("assistant", "assistant-1")
	d.expect(trigger.Fail, trigger.ErrRunTimeout)
	if d.past < 2*time.Hour {
		t.Errorf("given up after %v", d.past)
	}
}

// TestAssistantErrorIsNoRun has the platform answer starts with a 500 and
// write the error into the chat.
func TestAssistantErrorIsNoRun(t *testing.T) {
	b := newBench(t)
	b.SetBroken(true)
	d := b.event("assistant", "assistant-1")
	for n := range 3 {
		verdict := trigger.Retry
		if n == 2 {
			verdict = trigger.Fail
		}
		result := d.expect(verdict, trigger.ErrStatus)
		if result.StatusCode != 500 || !strings.HasPrefix(result.Detail, "Assistant Error") {
			t.Errorf("try %d: %+v", n, result)
		}
	}
	if len(b.Conversations()) != 1 || b.Count(chatRoute) != 3 {
		t.Errorf("%d chats, %d starts", len(b.Conversations()), b.Count(chatRoute))
	}

	d = b.event("assistant", "assistant-1")
	d.expect(trigger.Retry, trigger.ErrStatus)
	b.SetBroken(false)
	d.expect(trigger.Delivered, "")
	if len(b.Conversations()) != 2 {
		t.Errorf("%d chats", len(b.Conversations()))
	}
}

// TestErrorBeforeAnUnclearStart finds in the chat only what the start before
// has left there.
func TestErrorBeforeAnUnclearStart(t *testing.T) {
	b := newBench(t)
	b.SetBroken(true)
	d := b.event("assistant", "assistant-1")
	d.expect(trigger.Retry, trigger.ErrStatus)
	b.SetBroken(false)
	b.SetLooks(3)
	b.Inject(codemietest.Fault{Route: chatRoute, Times: 1, Applied: true, Answer: codemietest.Drop})
	d.expect(trigger.Delivered, "")
	if b.Count(chatRoute) != 2 {
		t.Errorf("%d starts", b.Count(chatRoute))
	}
}

// TestErrorWhileThePlatformIsAway cannot be asked about for a while.
func TestErrorWhileThePlatformIsAway(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		b := newBench(t)
		d := b.event(kind, kind+"-1")
		b.Inject(codemietest.Fault{Route: startRoute(kind), Times: 1, Answer: func(w http.ResponseWriter, r *http.Request) {
			b.SetAway(true)
			codemietest.Crash(w, r)
		}})
		for range 3 {
			if result := d.run(t.Context()); result.Verdict != trigger.Pending {
				t.Fatalf("%s: %+v", kind, result)
			}
			d.past += 10 * time.Second
		}
		b.SetAway(false)
		if result := d.expect(trigger.Retry, trigger.ErrStatus); !strings.HasPrefix(result.Detail, "sqlalchemy.exc.OperationalError") {
			t.Errorf("%s: %+v", kind, result)
		}
		d.expect(trigger.Delivered, "")
	}
}

// TestErrorOfAProxy is no word of the platform's: nobody knows what became of
// the start.
func TestErrorOfAProxy(t *testing.T) {
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: chatRoute, Times: 1, Answer: codemietest.Page(500)})
	b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrStartUnknown)
	if b.Count(chatRoute) != 1 {
		t.Errorf("%d starts", b.Count(chatRoute))
	}
}

func TestFolder(t *testing.T) {
	for configured, want := range map[string]string{"": "job", "webhooks": "webhooks"} {
		b := newBench(t, func(o *codemie.Options) { o.Folder = configured })
		b.event("assistant", "assistant-1").expect(trigger.Delivered, "")
		for _, chat := range b.Conversations() {
			if chat.Folder != want {
				t.Errorf("folder %q, want %q", chat.Folder, want)
			}
		}
	}
}

// TestEmptyChatIsTakenAway leaves nothing in the user's history when a start
// was refused, unless something stands there.
func TestEmptyChatIsTakenAway(t *testing.T) {
	for _, status := range []int{401, 403, 404, 422, 429, 503} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: chatRoute, Answer: codemietest.Status(status, "Access denied")})
		b.event("assistant", "assistant-1").settle()
		if chats := b.Conversations(); len(chats) != 0 {
			t.Errorf("%d: %+v", status, chats)
		}
	}
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: "PUT /v1/conversations/{id}", Answer: codemietest.Status(401, "Access denied")})
	b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrResourceNotAllowed)
	if chats := b.Conversations(); len(chats) != 0 {
		t.Errorf("not named: %+v", chats)
	}
	b = newBench(t)
	b.SetBroken(true)
	b.Inject(codemietest.Fault{Route: chatRoute, Applied: true, Answer: codemietest.Status(422, "Request blocked by guardrails")})
	b.event("assistant", "assistant-1").settle()
	if chats := b.Conversations(); len(chats) != 1 {
		t.Errorf("with an error: %+v", chats)
	}
	b = newBench(t)
	b.Inject(codemietest.Fault{Route: chatRoute, Times: 2, Answer: codemietest.Status(429, "Not now")})
	b.Inject(codemietest.Fault{Route: "DELETE /v1/conversations/{id}", Times: 1, Answer: codemietest.Status(503, "Elastic")})
	d := b.event("assistant", "assistant-1")
	d.expect(trigger.Retry, trigger.ErrStatus)
	if b.Count(createRoute) != 1 || len(b.Conversations()) != 1 {
		t.Errorf("%d chats were made", b.Count(createRoute))
	}
	d.expect(trigger.Retry, trigger.ErrStatus)
	if b.Count(createRoute) != 1 || len(b.Conversations()) != 0 {
		t.Errorf("%d chats were made", b.Count(createRoute))
	}
	d.expect(trigger.Delivered, "")
	if len(b.Conversations()) != 1 {
		t.Errorf("%d chats", len(b.Conversations()))
	}
}
