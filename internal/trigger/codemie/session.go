package codemie

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// progress is what is known of an event's run. It is saved before each step
// that could not be told from a repetition otherwise.
type progress struct {
	// Conversation is the chat that the run belongs to.
	Conversation string `json:"conversation,omitempty"`

	// Intent is the event's age when a start was about to be sent, 0 before.
	// Until something is known of the run, its fate is open.
	Intent time.Duration `json:"intent,omitzero"`

	// Idle says that the datasource was not being indexed before the start.
	Idle bool `json:"idle,omitempty"`

	// Task and Execution are the IDs of a run.
	Task      string `json:"task,omitempty"`
	Execution string `json:"execution,omitempty"`
}

// session is one call of Run.
type session struct {
	platform *Platform
	began    time.Time
	attempt  *trigger.Attempt
	event    *trigger.Event
	token    *credential
	progress progress

	// proven says that the platform has taken the token in this session.
	proven bool

	// maxAnswer bounds what is read of an answer, in bytes: some repeat the
	// payload, escaped, several times.
	maxAnswer int64
}

const answerAllowance = 1 << 20

func (p *Platform) session(attempt *trigger.Attempt) (*session, error) {
	s := &session{
		platform:  p,
		began:     time.Now(),
		attempt:   attempt,
		event:     attempt.Event,
		token:     p.projectTokens[attempt.Event.Project],
		maxAnswer: answerAllowance + 8*int64(len(attempt.Event.Body)),
	}
	if s.token == nil {
		s.token = p.token
	}
	if s.token == nil {
		// Allow refuses such a project before it comes to this.
		s.token = &credential{read: func() (string, error) { return "", errToken }}
	}
	if len(attempt.Progress) == 0 {
		return s, nil
	}
	return s, json.Unmarshal(attempt.Progress, &s.progress)
}

// age is that of the event. The wall clock may jump while a run is followed.
func (s *session) age() time.Duration { return s.attempt.Age + time.Since(s.began) }

// save keeps the progress. It does so also when the attempt is being stopped:
// an ID that is lost is a run that nobody can follow.
func (s *session) save(ctx context.Context) *fault {
	text, err := json.Marshal(s.progress)
	if err == nil {
		err = s.attempt.Save(context.WithoutCancel(ctx), text)
	}
	if err != nil {
		return &fault{Result: trigger.Result{
			Verdict: trigger.Retry, Error: trigger.ErrInternal, Detail: "the progress could not be stored",
		}}
	}
	return nil
}

// read looks at the resource before a start: it must exist and belong to the
// integration's project.
func (s *session) read(ctx context.Context, path, projectField string, want ...string) (*answer, *fault) {
	a, f := s.do(ctx, call{method: http.MethodGet, path: path, want: append(want, projectField), reads: true})
	if f != nil {
		return nil, f
	}
	if s.platform.anyProject {
		return a, nil
	}
	project, found := a.fields[projectField]
	if !found {
		return nil, a.unusable()
	}
	if project.cut || project.text != s.event.Project {
		return nil, &fault{Result: trigger.Result{
			Verdict: trigger.Fail, StatusCode: a.status, Error: trigger.ErrResourceNotAllowed,
			Detail: "the resource belongs to another project on the platform",
		}}
	}
	return a, nil
}

// start saves the intent and sends the start. When the platform certainly did
// not take it, the intent is withdrawn, so that a later attempt may start.
func (s *session) start(ctx context.Context, c call) (*answer, *fault) {
	if ctx.Err() != nil {
		return nil, &fault{Result: trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrTimeout}}
	}
	s.progress.Intent = max(s.age(), 1)
	if f := s.save(ctx); f != nil {
		return nil, f
	}
	c.starts = true
	a, f := s.do(ctx, c)
	if f == nil || f.unclear {
		return a, f
	}
	s.progress.Intent = 0
	if saving := s.save(ctx); saving != nil {
		return nil, saving
	}
	return nil, f
}

// patience is how long after a start the platform may take to show a run.
const patience = 10 * time.Second

// unknown is the end of an event whose start the platform does not show. For
// a short while it may yet.
func (s *session) unknown() trigger.Result {
	if s.age()-s.progress.Intent < patience {
		return s.pending(nil)
	}
	return trigger.Result{
		Verdict: trigger.Fail, Error: trigger.ErrStartUnknown,
		Detail: "the start was sent, no ID came back, and the platform does not show the run",
	}
}

// asked judges a fault of a question about a run. What passes is asked again
// without using up an attempt, because the run goes on meanwhile.
func (s *session) asked(f *fault) trigger.Result {
	if f.Verdict == trigger.Retry {
		return s.pending(f)
	}
	return f.Result
}

// maxPause bounds how long the platform may keep its runs from being looked at.
const maxPause = 5 * time.Minute

// pending asks to be called again, the later the longer the run has gone on.
func (s *session) pending(f *fault) trigger.Result {
	elapsed := s.age() - s.progress.Intent
	if elapsed > s.platform.runTimeout {
		return trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRunTimeout, Detail: "the run did not end in time"}
	}
	wait := min(max(elapsed/10, time.Second), s.platform.pollInterval)
	if f != nil {
		wait = max(wait, min(f.RetryAfter, maxPause))
	}
	return trigger.Result{Verdict: trigger.Pending, RetryAfter: wait}
}

// delivered is the end of a run that succeeded.
func delivered(a *answer) trigger.Result {
	return trigger.Result{Verdict: trigger.Delivered, StatusCode: a.status}
}

// failed is the end of a run that did not.
func (s *session) failed(a *answer, words string) trigger.Result {
	return trigger.Result{
		Verdict: trigger.Fail, StatusCode: a.status, Error: trigger.ErrRunFailed, Detail: s.quote(words),
	}
}

// payload is the event's body as text.
func (s *session) payload() string { return strings.ToValidUTF8(string(s.event.Body), "\uFFFD") }

// title names the chat that the run belongs to. An integration without an
// alias is known by its webhook ID.
func (s *session) title() string {
	title := "Webhook: " + cmp.Or(s.event.Alias, s.event.WebhookID)
	if s.event.Type != "" {
		title += " · " + s.event.Type
	}
	return title
}
