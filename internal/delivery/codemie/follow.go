package codemie

import (
	"context"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

const (
	// patience is how long after its start the platform may take to show a run,
	// and afterthought how long after its end to show the chat's last message.
	patience     = 10 * time.Second
	afterthought = 5 * time.Second

	// What the platform does not find must stay missing for a while, because it
	// also answers 404 if it could not look. For a resource, before anything costs
	// money, less proof is enough than for a run.
	missingResource = 15 * time.Second
	missingRun      = 2 * time.Minute

	// maxPause bounds the time between two polls of a run.
	maxPause = 5 * time.Minute

	// answerRate bounds what is read of answers about one run, in bytes a second:
	// many repeat the payload.
	answerRate = 64 << 10
)

// note sets what an admin sees of an unfinished run.
func (s *session) note(run trigger.Run) {
	left := s.runTimeout() - (s.age() - s.progress.Intent)
	run.Until = time.Now().Add(left).UTC().Truncate(time.Second)
	s.progress.Run = &run
}

// goesOn saves the state of a run if it is new, and asks to be called again.
func (s *session) goesOn(ctx context.Context, run trigger.Run) trigger.Result {
	before := s.progress.Run
	s.note(run)
	if now := s.progress.Run; before == nil || before.ID != now.ID || before.State != now.State ||
		before.Until.Sub(now.Until).Abs() > time.Minute || s.progress.Missing != 0 {
		s.progress.Missing = 0
		if f := s.save(ctx); f != nil {
			return f.Result
		}
	}
	return s.pending(nil)
}

// ended saves how the run ended and what it used. The outcome counts even if it
// cannot be saved.
func (s *session) ended(ctx context.Context, result trigger.Result, run trigger.Run) trigger.Result {
	s.progress.Run = &run
	_ = s.save(ctx)
	return result
}

func (s *session) runTimeout() time.Duration {
	if s.platform.runTimeout == 0 && s.event.Resource.Type == assistantType {
		return DefaultAssistantRunTimeout
	}
	return orDefault(s.platform.runTimeout, DefaultRunTimeout)
}

// missingResource judges a resource that the platform does not find.
func (s *session) missingResource(ctx context.Context, f *fault) *fault {
	f.Error = trigger.ErrResourceNotFound
	return s.lasting(ctx, f, missingResource)
}

// lost judges a run that the platform no longer shows: finally its outcome is
// unknown.
func (s *session) lost(ctx context.Context, f *fault) trigger.Result {
	if !f.missing {
		return s.asked(f)
	}
	f.Error = trigger.ErrStartUnknown
	return s.lasting(ctx, f, missingRun).Result
}

// lasting asks again about something missing, unless it has been missing for
// long enough.
func (s *session) lasting(ctx context.Context, f *fault, enough time.Duration) *fault {
	if s.progress.Missing == 0 {
		s.progress.Missing = max(s.age(), 1)
		if f := s.save(ctx); f != nil {
			return f
		}
	}
	since := s.age() - s.progress.Missing
	if since >= enough {
		return f
	}
	return &fault{Result: trigger.Result{Verdict: trigger.Pending, RetryAfter: max(since/2, time.Second)}}
}

// found records that something exists after all.
func (s *session) found(ctx context.Context) *fault {
	if s.progress.Missing == 0 {
		return nil
	}
	s.progress.Missing = 0
	return s.save(ctx)
}

// unknown is the outcome of an event whose start the platform does not show. It
// may do so for a while yet.
func (s *session) unknown(patience time.Duration) trigger.Result {
	if s.age()-s.progress.Intent < patience {
		return s.pending(nil)
	}
	return trigger.Result{
		Verdict: trigger.Fail, Error: trigger.ErrStartUnknown,
		Detail: "the start was sent, no ID came back, and the platform does not show the run",
	}
}

// asked judges a failed poll. A temporary failure is repeated without using up
// an attempt, because the run continues meanwhile.
func (s *session) asked(f *fault) trigger.Result {
	if f.Verdict == trigger.Retry {
		return s.pending(f)
	}
	return f.Result
}

// pending asks to be called again.
func (s *session) pending(f *fault) trigger.Result {
	elapsed := s.age() - s.progress.Intent
	if elapsed > s.runTimeout() {
		return trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRunTimeout, Detail: "the run did not end in time"}
	}
	wait := s.pause(elapsed)
	if f != nil {
		wait = max(wait, min(f.RetryAfter, maxPause))
	}
	return trigger.Result{Verdict: trigger.Pending, RetryAfter: wait}
}

// pause returns the time until the next poll: the longer the run has lasted and
// the more there was to read, the longer.
func (s *session) pause(elapsed time.Duration) time.Duration {
	longest := max(s.platform.pollInterval, elapsed/120)
	wait := min(max(elapsed/10, time.Second), longest)
	wait = max(wait, time.Duration(s.received)*time.Second/answerRate)
	return min(wait, max(maxPause, s.platform.pollInterval))
}
