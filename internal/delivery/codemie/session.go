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

// progress is what is known about an event's run. It is saved before each step
// that could otherwise be confused with a repetition. The names of its members
// are part of the stored format and must not change.
type progress struct {
	// Conversation is the chat that the run belongs to.
	Conversation string `json:"conversation,omitempty"`

	// Intent is the event's age when a start was about to be sent, or 0. Until
	// something is known about the run, its fate is open.
	Intent time.Duration `json:"intent,omitzero"`

	// Task and Execution are the IDs of a run.
	Task      string `json:"task,omitempty"`
	Execution string `json:"execution,omitempty"`

	// Missing is the event's age when what was asked for was first not found.
	Missing time.Duration `json:"missing,omitzero"`

	// Ended is the event's age when the run was first seen to be over.
	Ended time.Duration `json:"ended,omitzero"`

	// Refusals counts the starts that the platform answered with an error, and
	// Refusal is what it said about the last one, until the next.
	Refusals int    `json:"refusals,omitempty"`
	Refusal  string `json:"refusal,omitempty"`

	// Seen is the last message in the chat before the start.
	Seen string `json:"seen,omitempty"`

	// Adopted means that the execution was found after such an error.
	Adopted bool `json:"adopted,omitempty"`

	// Uncounted means that the platform counts no tokens for the assistant.
	Uncounted bool `json:"uncounted,omitempty"`

	// Idle means that the datasource was not being indexed before the start.
	Idle bool `json:"idle,omitempty"`

	// Index is what else is known about an accepted reindex.
	Index *reindex `json:"index,omitempty"`

	// Run is what an admin sees.
	Run *trigger.Run `json:"run,omitempty"`
}

// session is one call of Run.
type session struct {
	platform *Platform
	began    time.Time
	attempt  *trigger.Attempt
	event    *trigger.Event
	token    *credential
	progress progress

	// proven means that the platform has accepted the token in this session.
	proven bool

	// maxAnswer bounds what is read of an answer, in bytes: some repeat the
	// payload, escaped, several times.
	maxAnswer int64

	// received counts the bytes read of answers.
	received int64

	// retryAfter is how long the platform asked a refused start to wait.
	retryAfter time.Duration
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
		// Allow has already refused such a project.
		s.token = &credential{read: func() (string, error) { return "", errToken }}
	}
	if len(attempt.Progress) == 0 {
		return s, nil
	}
	return s, json.Unmarshal(attempt.Progress, &s.progress)
}

// age returns the event's age. The wall clock may jump while a run is followed.
func (s *session) age() time.Duration { return s.attempt.Age + time.Since(s.began) }

// save saves the progress, even while the attempt is being stopped: a lost ID
// means a run that cannot be followed.
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

// read reads the resource before a start: it must exist and belong to the
// integration's project.
func (s *session) read(ctx context.Context, path, projectField string, want ...string) (*answer, *fault) {
	a, f := s.do(ctx, call{method: http.MethodGet, path: path, want: append(want, projectField)})
	switch {
	case f != nil && f.missing:
		return nil, s.missingResource(ctx, f)
	case f != nil:
		return nil, f
	}
	if f := s.found(ctx); f != nil {
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

// maxRefusals is how often the platform may answer a start with an error: each
// leaves traces there.
const maxRefusals = 3

// start saves the intent and sends the start. If the platform certainly did not
// accept it, the intent is withdrawn, so that a later attempt may start. After
// an error of the platform, it stays until the platform has been asked.
func (s *session) start(ctx context.Context, kind string, c call) (*answer, *fault) {
	if ctx.Err() != nil {
		return nil, &fault{Result: trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrTimeout}}
	}
	s.progress.Intent = max(s.age(), 1)
	s.progress.Refusal = ""
	s.note(trigger.Run{Kind: kind})
	if f := s.save(ctx); f != nil {
		return nil, f
	}
	c.starts = true
	a, f := s.do(ctx, c)
	switch {
	case f == nil || f.unclear:
		return a, f
	case f.broken:
		s.progress.Refusals++
		s.progress.Refusal = cmp.Or(f.Detail, "an error without a message")
		s.retryAfter = f.RetryAfter
	default:
		s.withdraw()
	}
	if saving := s.save(ctx); saving != nil {
		return nil, saving
	}
	return nil, f
}

func (s *session) withdraw() { s.progress.Intent, s.progress.Run = 0, nil }

// refused is the outcome of an attempt whose start was answered with an error,
// if the platform shows nothing running.
func (s *session) refused(ctx context.Context) trigger.Result {
	result := trigger.Result{
		Verdict: trigger.Retry, StatusCode: http.StatusInternalServerError, Error: trigger.ErrStatus,
		Detail: s.progress.Refusal, RetryAfter: s.retryAfter,
	}
	if s.progress.Refusals >= maxRefusals {
		result.Verdict = trigger.Fail
	} else if result.RetryAfter == 0 {
		result.RetryAfter = time.Duration(s.progress.Refusals) * refusalPause
	}
	s.withdraw()
	if f := s.save(ctx); f != nil {
		return f.Result
	}
	return result
}

// refusalPause is how long to wait after the first error, unless the platform
// asks for a time; after the second one, twice as long.
const refusalPause = 5 * time.Second

// delivered is the outcome of a run that succeeded.
func delivered(a *answer) trigger.Result {
	return trigger.Result{Verdict: trigger.Delivered, StatusCode: a.status}
}

// failed is the outcome of a run that failed.
func (s *session) failed(a *answer, words string) trigger.Result {
	return trigger.Result{
		Verdict: trigger.Fail, StatusCode: a.status, Error: trigger.ErrRunFailed, Detail: s.quote(words),
	}
}

// payload returns the event's body as text.
func (s *session) payload() string { return strings.ToValidUTF8(string(s.event.Body), "\uFFFD") }

// title returns the name of the chat that the run belongs to. Without an alias,
// it uses the webhook ID.
func (s *session) title() string {
	title := "Webhook: " + cmp.Or(s.event.Alias, s.event.WebhookID)
	if s.event.Type != "" {
		title += " · " + s.event.Type
	}
	return title
}
