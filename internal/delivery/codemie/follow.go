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

	// What the platform does not find must stay so for a while. It says 404
	// also when it could not look: about a resource, before anything costs
	// money, less proof is enough than about a run.
	missingResource = 15 * time.Second
	missingRun      = 2 * time.Minute

	// maxPause bounds how long a run is not looked at.
	maxPause = 5 * time.Minute

	// answerRate is what may be read of answers about one run, in bytes a
	// second: many repeat the payload.
	answerRate = 64 << 10
)

// note sets what an admin sees of a run that goes on.
func (s *session) note(run trigger.Run) {
	left := s.runTimeout() - (s.age() - s.progress.Intent)
	run.Until = time.Now().Add(left).UTC().Truncate(time.Second)
	s.progress.Run = &run
}

// goesOn keeps how the run stands, where that is news, and asks to be called
// again.
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

// ended keeps how the run ended and what it used. The end counts also when
// that cannot be kept.
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

// lost judges a run that the platform does not show any more: in the end it
// has an unknown fate.
func (s *session) lost(ctx context.Context, f *fault) trigger.Result {
	if !f.missing {
		return s.asked(f)
	}
	f.Error = trigger.ErrStartUnknown
	return s.lasting(ctx, f, missingRun).Result
}

// lasting turns what is missing into a question to be asked again, unless it
// has been missing for long enough.
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

// found notes that something is there after all.
func (s *session) found(ctx context.Context) *fault {
	if s.progress.Missing == 0 {
		return nil
	}
	s.progress.Missing = 0
	return s.save(ctx)
}

// unknown is the end of an event whose start the platform does not show. For
// a while it may yet.
func (s *session) unknown(patience time.Duration) trigger.Result {
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

// pause is the time until the next look: the longer, the longer the run has
// gone on and the more there was to read.
func (s *session) pause(elapsed time.Duration) time.Duration {
	longest := max(s.platform.pollInterval, elapsed/120)
	wait := min(max(elapsed/10, time.Second), longest)
	wait = max(wait, time.Duration(s.received)*time.Second/answerRate)
	return min(wait, max(maxPause, s.platform.pollInterval))
}
