package admin

import (
	"encoding/json"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// How many events one bulk replay takes.
const (
	defaultReplays = 1000
	maxReplays     = 10_000
)

// selection selects the events of a bulk replay.
type selection struct {
	status   storage.Status
	from, to time.Time // of receipt: from inclusive, to exclusive; zero means unbounded
	event    string    // the type; "" means any
	limit    int
	dryRun   bool
}

// parseSelection parses the body of a bulk replay. An omitted or null field
// takes its default.
func parseSelection(text []byte) (selection, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil || fields == nil {
		return selection{}, badRequest("a JSON object is required")
	}
	s := selection{status: storage.Failed, limit: defaultReplays}
	for name, form := range map[string]struct {
		to   any
		want string
	}{
		"status":  {&s.status, "failed or delivered"},
		"from":    {&s.from, "a time such as 2026-11-23T13:00:00Z"},
		"to":      {&s.to, "a time such as 2026-11-23T13:00:00Z"},
		"event":   {&s.event, "an event type"},
		"limit":   {&s.limit, "a number from 1 to 10000"},
		"dry_run": {&s.dryRun, "true or false"},
	} {
		value, found := fields[name]
		delete(fields, name)
		if found && json.Unmarshal(value, form.to) != nil {
			return selection{}, badRequest("%s: must be %s", name, form.want)
		}
	}
	for name := range fields {
		return selection{}, badRequest("%.64q: unknown field", name)
	}
	switch {
	case s.status != storage.Failed && s.status != storage.Delivered:
		return selection{}, badRequest("status: must be failed or delivered")
	case s.limit < 1 || s.limit > maxReplays:
		return selection{}, badRequest("limit: must be from 1 to %d", maxReplays)
	case !s.from.IsZero() && !s.to.IsZero() && !s.from.Before(s.to):
		return selection{}, badRequest("from: must be before to")
	}
	return s, nil
}

// holds reports whether an event with this status is selected.
func (s selection) holds(r *storage.Record) bool {
	return (s.event == "" || r.Type == s.event) &&
		(s.from.IsZero() || !r.ReceivedAt.Before(s.from)) &&
		(s.to.IsZero() || r.ReceivedAt.Before(s.to))
}
