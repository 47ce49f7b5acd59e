package codemie_test

import (
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

// TestFailureThatIsCalledCompleted has runs fail in the ways that the platform
// calls completed: the answer is an error's text.
func TestFailureThatIsCalledCompleted(t *testing.T) {
	counted := codemietest.Usage{Input: 900, Output: 20, Cost: 0.01}
	for name, test := range map[string]struct {
		text  string
		usage codemietest.Usage
	}{
		"network, hidden":              {"A network error occurred during agent execution. Please try again.", counted},
		"timeout, hidden":              {"The LLM request timed out. Please try again.", counted},
		"budget":                       {"Your LLM usage budget has been exceeded. Please contact your administrator to increase the limit.\nBudget has been exceeded: Your current spending: 10.2, available budget: 10", counted},
		"internal":                     {"AI Agent run failed with error: ValueError: boom", counted},
		"of the model's client":        {"litellm.RateLimitError: AzureException - too many requests", counted},
		"with a status":                {"Error code: 429 - {'error': {'message': 'No deployments available'}}", counted},
		"of the network":               {"HTTPSConnectionPool(host='llm', port=443): Max retries exceeded", counted},
		"of the system":                {"[Errno 111] Connection refused", counted},
		"a timeout":                    {"Request timed out.", counted},
		"fallback":                     {"External Service Exception", counted},
		"an operator's own words":      {"Ups. Melden Sie sich bei der Hotline.", codemietest.Usage{}},
		"no words and no model at all": {"", codemietest.Usage{}},
	} {
		b := newBench(t)
		b.SetOutput(test.text, test.usage)
		d := b.event("assistant", "assistant-1")
		result := d.expect(trigger.Fail, trigger.ErrRunFailed)
		if words, _, _ := strings.Cut(test.text, "\n"); !strings.Contains(result.Detail, words) {
			t.Errorf("%s: detail %q", name, result.Detail)
		}
		if run := d.shown(); run.State != "COMPLETED" || run.Usage == nil || run.Usage.InputTokens != int64(test.usage.Input) {
			t.Errorf("%s: shown %+v, %+v", name, run, run.Usage)
		}
	}
}

// TestAnswerThatMentionsAFailure has runs succeed whose answers speak of
// failures.
func TestAnswerThatMentionsAFailure(t *testing.T) {
	for _, text := range []string{
		"The log says: AI Agent run failed with error: boom", "Connection error. See line 7.", "Error code 429 means too many requests",
		"Your budget has been exceeded by 3 %.", "I looked at HTTPSConnectionPool(…).",
	} {
		b := newBench(t)
		b.SetOutput(text, codemietest.Usage{Input: 1, Output: 1})
		if result := b.event("assistant", "assistant-1").expect(trigger.Delivered, ""); result.Detail != "" {
			t.Errorf("%s: detail %q", text, result.Detail)
		}
	}
}

// TestFateThatCannotBeKnown says so when neither the answer nor what was
// counted tells whether the run has failed.
func TestFateThatCannotBeKnown(t *testing.T) {
	const words = "the platform does not say whether it succeeded"
	for _, kind := range []string{"bedrock_agent", "bedrock_agentcore_runtime", "A2A"} {
		b := newBench(t)
		b.PutAssistant(codemietest.Assistant{ID: "assistant-1", Project: "demo", Type: kind})
		b.SetOutput("Who knows.", codemietest.Usage{})
		if result := b.event("assistant", "assistant-1").expect(trigger.Delivered, ""); !strings.Contains(result.Detail, words) {
			t.Errorf("%s: detail %q", kind, result.Detail)
		}
		b.SetOutput("AI Agent run failed with error: boom", codemietest.Usage{})
		b.event("assistant", "assistant-1").expect(trigger.Fail, trigger.ErrRunFailed)
	}
	for name, body := range map[string]string{
		"empty":          `{"history":[]}`,
		"not an answer":  `{"history":[{"role":"User","message":"x"}]}`,
		"nothing counts": `{"history":[{"role":"Assistant","message":"x"}]}`,
		"garbage":        `<html>`,
	} {
		b := newBench(t)
		b.Inject(codemietest.Fault{Route: "GET /v1/conversations/{id}", Answer: codemietest.Body(body)})
		if result := b.event("assistant", "assistant-1").expect(trigger.Delivered, ""); !strings.Contains(result.Detail, words) {
			t.Errorf("%s: detail %q", name, result.Detail)
		}
	}
}

// TestEndIsShownLate has the chat show the answer a moment after the task is
// over.
func TestEndIsShownLate(t *testing.T) {
	b := newBench(t)
	b.SetLooks(0)
	b.Inject(codemietest.Fault{Route: "GET /v1/conversations/{id}", Times: 3, Answer: codemietest.Body(`{"history":[]}`)})
	d := b.event("assistant", "assistant-1")
	if result := d.expect(trigger.Delivered, ""); result.Detail != "" || d.shown().Usage == nil {
		t.Errorf("%+v, %+v", result, d.shown())
	}
}

// TestUsageIsKept finds with the event what its run has used, also when it
// failed.
func TestUsageIsKept(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		for _, failing := range []bool{false, true} {
			b := newBench(t)
			b.SetOutput("An answer.", codemietest.Usage{Input: 12345, Output: 67, Cost: 0.25})
			b.SetFailing(failing)
			d := b.event(kind, kind+"-1")
			d.settle()
			run := d.shown()
			want := trigger.Usage{InputTokens: 12345, OutputTokens: 67, Cost: 0.25}
			if kind == "assistant" && failing {
				want = trigger.Usage{}
			}
			if run.Usage == nil || *run.Usage != want || run.ID == "" || !run.Until.IsZero() {
				t.Errorf("%s, failing %v: %+v, %+v", kind, failing, run, run.Usage)
			}
		}
	}
}
