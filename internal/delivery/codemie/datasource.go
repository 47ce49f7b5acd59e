package codemie

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// reindex is what is known about a reindex that the platform has accepted.
type reindex struct {
	// Joined means that another event started it, after this one arrived.
	Joined bool `json:"joined,omitempty"`

	// Began means that it has been seen at work.
	Began bool `json:"began,omitempty"`

	// Failed means that the datasource was in error before.
	Failed bool `json:"failed,omitempty"`

	// Mark is when the platform had last changed the datasource at the first poll
	// after the start.
	Mark string `json:"mark,omitempty"`
}

// indexFields show the state of a datasource's indexing.
var indexFields = []string{
	"is_fetching", "is_queued", "completed", "error", "text", "complete_state", "current_state", "update_date",
}

// datasource reindexes the datasource, and follows that until it ends. There is
// one reindex at a time, and one more for all events that arrive meanwhile: it
// begins after the last of them arrived and covers them all.
func (s *session) datasource(ctx context.Context) trigger.Result {
	switch {
	case s.progress.Index != nil:
		return s.followIndex(ctx)
	case s.progress.Intent > 0:
		return s.askIndex(ctx)
	}
	came := time.Now().Add(-s.age())
	if waited, waits := s.platform.reindexes.waits(s.event, came); waits {
		return s.waitForIndex(ctx, waited)
	}
	index, f := s.read(ctx, s.indexPath(), "project_name", append([]string{
		"repo_name", "index_type", "jira.jql", "xray.jql", "sharepoint.auth_type",
		"azure_devops_work_item.wiql_query", "azure_devops_wiki.wiki_query", "azure_devops_wiki.wiki_name",
	}, indexFields...)...)
	if f != nil {
		return f.Result
	}
	reindexing, f := s.reindexCall(index)
	if f != nil {
		return f.Result
	}
	turn := s.platform.reindexes.turn(s.event, came, index)
	switch {
	case turn.ended != nil:
		return s.sharesEnd(ctx, *turn.ended)
	case turn.joins:
		return s.joinIndex(ctx, turn.began)
	case !turn.mayStart:
		return s.waitForIndex(ctx, turn.waited)
	}
	result := s.startIndex(ctx, reindexing, index)
	s.platform.reindexes.after(s.event, s.progress.Index != nil, result)
	return result
}

// waitForIndex waits for a reindex that does not cover the event.
func (s *session) waitForIndex(ctx context.Context, waited time.Duration) trigger.Result {
	if s.progress.Run == nil {
		s.progress.Run = &trigger.Run{Kind: "reindex", ID: s.event.Resource.ID, State: "waiting"}
		if f := s.save(ctx); f != nil {
			return f.Result
		}
	}
	return trigger.Result{Verdict: trigger.Pending, RetryAfter: s.pause(waited)}
}

func (s *session) startIndex(ctx context.Context, reindexing call, index *answer) trigger.Result {
	s.progress.Idle = !busy(index)
	a, f := s.start(ctx, "reindex", reindexing)
	if f != nil {
		if f.unclear || f.broken {
			return s.askIndex(ctx)
		}
		return f.Result
	}
	message := a.text("message")
	switch {
	case message == "":
		return s.askIndex(ctx)
	case !strings.Contains(strings.ToLower(message), "started"):
		return s.failed(a, "nothing was started: "+message)
	}
	s.progress.Index = &reindex{Failed: index.text("error") == "true"}
	return s.goesOn(ctx, trigger.Run{Kind: "reindex", ID: s.event.Resource.ID, State: "started"})
}

// joinIndex adopts another event's reindex.
func (s *session) joinIndex(ctx context.Context, began time.Time) trigger.Result {
	s.progress.Intent = max(s.age()-time.Since(began), 1)
	s.progress.Index = &reindex{Joined: true, Began: true}
	return s.goesOn(ctx, trigger.Run{Kind: "reindex", ID: s.event.Resource.ID, State: "started"})
}

// sharesEnd ends the event with the outcome of another one's reindex.
func (s *session) sharesEnd(ctx context.Context, result trigger.Result) trigger.Result {
	run := trigger.Run{Kind: "reindex", ID: s.event.Resource.ID, State: "completed"}
	if result.Verdict != trigger.Delivered {
		run.State = "error"
	}
	return s.ended(ctx, result, run)
}

func (s *session) indexPath() string {
	return "/v1/index/" + url.PathEscape(s.event.Resource.ID)
}

// busy reports whether the datasource is being indexed. The platform fetches
// first; then it only counts.
func busy(index *answer) bool {
	return index.text("is_fetching") == "true" || index.text("is_queued") == "true" ||
		unfinished(index) && index.text("complete_state") != "" && index.text("complete_state") != "0"
}

// unfinished reports whether a datasource is being processed, or never was.
func unfinished(index *answer) bool {
	return index.text("completed") == "false" && index.text("error") == "false"
}

// askIndex checks whether the datasource is being indexed after a start with an
// unclear outcome. That says nothing if it was being indexed before.
func (s *session) askIndex(ctx context.Context) trigger.Result {
	index, f := s.lookAtIndex(ctx)
	switch {
	case f != nil && !f.missing:
		return s.asked(f)
	case f == nil && s.progress.Idle && busy(index):
		s.progress.Index = &reindex{Began: true}
		return s.goesOn(ctx, trigger.Run{Kind: "reindex", ID: s.event.Resource.ID, State: "started"})
	case f == nil && index.problem != "":
		return s.asked(index.unusable())
	case s.progress.Refusal != "":
		return s.refused(ctx)
	}
	return s.unknown(patience)
}

func (s *session) lookAtIndex(ctx context.Context) (*answer, *fault) {
	return s.do(ctx, call{method: http.MethodGet, path: s.indexPath(), want: indexFields})
}

// followIndex polls the reindex.
func (s *session) followIndex(ctx context.Context) trigger.Result {
	began := time.Now().Add(s.progress.Intent - s.age())
	if s.progress.Index.Joined {
		// The event that started the reindex polls it, as long as that is known.
		if result := s.platform.reindexes.joined(s.event, began); result != nil {
			if result.Verdict == trigger.Pending {
				return s.pending(nil)
			}
			return s.sharesEnd(ctx, *result)
		}
	} else {
		s.platform.reindexes.hold(s.event, began)
	}
	result := s.judgeIndex(ctx)
	if !s.progress.Index.Joined {
		s.platform.reindexes.after(s.event, true, result)
	}
	return result
}

func (s *session) judgeIndex(ctx context.Context) trigger.Result {
	index, f := s.lookAtIndex(ctx)
	if f != nil {
		return s.lost(ctx, f)
	}
	if index.problem != "" {
		return s.asked(index.unusable())
	}
	known := s.progress.Index
	run := trigger.Run{Kind: "reindex", ID: s.event.Resource.ID}
	isBusy := busy(index) || unfinished(index)
	isOver := known.Began || known.Mark != "" && index.text("update_date") != known.Mark
	switch {
	case isBusy:
		known.Began = true
		run.State = "indexing"
		return s.goesOn(ctx, run)
	case index.text("error") == "true" && (isOver || !known.Failed):
		run.State = "error"
		return s.ended(ctx, s.failed(index, index.text("text")), run)
	case index.text("completed") == "true" && (isOver || known.Failed):
		run.State = "completed"
		return s.ended(ctx, delivered(index), run)
	case s.age()-s.progress.Intent < beginIndex:
		// It may not have begun.
		known.Mark = cmp.Or(known.Mark, index.text("update_date"))
		run.State = "started"
		return s.goesOn(ctx, run)
	case index.text("error") == "true":
		return s.ended(ctx, s.failed(index, index.text("text")), run)
	}
	result := delivered(index)
	result.Detail = "the platform has accepted the reindex but does not show that it has ended"
	return s.ended(ctx, result, run)
}

// beginIndex is how long it may take until a reindex is seen at work: the old
// index is deleted first.
const beginIndex = 15 * time.Second
