package codemie_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

// TestWorkflowErrorThatRuns follows the execution that a start has made before
// it was answered with a 500.
func TestWorkflowErrorThatRuns(t *testing.T) {
	b := newBench(t)
	b.Inject(codemietest.Fault{Route: executions, Times: 1, Applied: true, Answer: codemietest.Status(500, "Workflow Error")})
	d := b.event("workflow", "workflow-1")
	d.age = 30 * time.Second
	d.expect(trigger.Delivered, "")
	if b.Runs() != 1 || b.Count(executions) != 1 {
		t.Errorf("%d runs, %d starts", b.Runs(), b.Count(executions))
	}
}

// TestWorkflowErrorThatDoesNotRun finds an execution that nobody works on: it
// is ended there, too, and no other one is made.
func TestWorkflowErrorThatDoesNotRun(t *testing.T) {
	b := newBench(t)
	b.SetBroken(true)
	d := b.event("workflow", "workflow-1")
	result := d.expect(trigger.Fail, trigger.ErrRunFailed)
	if result.StatusCode != 500 || !strings.Contains(result.Detail, "Workflow Error") {
		t.Errorf("%+v", result)
	}
	if d.past < 55*time.Second || d.past > 2*time.Minute {
		t.Errorf("it took %v", d.past)
	}
	if b.Count(executions) != 1 || len(b.Conversations()) != 1 {
		t.Errorf("%d starts, %d chats", b.Count(executions), len(b.Conversations()))
	}
	for id, status := range b.Executions() {
		if status != "Aborted" {
			t.Errorf("%s is %s", id, status)
		}
	}
}

// TestWorkflowErrorWithoutTraces is tried again a few times, in one chat.
func TestWorkflowErrorWithoutTraces(t *testing.T) {
	const trace = "Traceback (most recent call last):\n  File \"/app/a.py\", line 1, in f\n    g()\nKeyError: 'W'\n"
	for want, answer := range map[string]http.HandlerFunc{
		`sqlalchemy.exc.OperationalError: connection to server at "db" failed`: codemietest.Crash,
		"Internal Server Error": codemietest.Plain(500, "Internal Server Error"),
		"KeyError: 'W'":         codemietest.Plain(500, trace),
	} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: executions, Answer: answer})
		d := b.event("workflow", "workflow-1")
		for _, verdict := range []trigger.Verdict{trigger.Retry, trigger.Retry, trigger.Fail} {
			result := d.expect(verdict, trigger.ErrStatus)
			if result.Detail != want {
				t.Errorf("%+v, want %s", result, want)
			}
			if verdict == trigger.Retry && result.RetryAfter < 5*time.Second {
				t.Errorf("tried again after %v", result.RetryAfter)
			}
		}
		checkSameChat(b)
	}
}
