package codemie

import (
	"maps"
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

// reindexes ensures that each datasource has one reindex at a time, which the
// platform itself does not, and lets the events that wait meanwhile share the
// next one. It is kept in memory: after a restart the platform still shows what
// is being indexed, and at worst one extra reindex is started.
type reindexes struct {
	mu    sync.Mutex
	known map[string]*indexing // by the datasource's ID
	swept time.Time
}

// indexing is what is known about a datasource.
type indexing struct {
	// Our last reindex: which event started it, when its start was about to be
	// sent, whether the platform has accepted it, its result once it is over, and
	// when it was last heard of.
	event  string
	began  time.Time
	taken  bool
	result *trigger.Result
	heard  time.Time

	// What the platform showed of one that is not ours, and since when.
	mark  string
	since time.Time
	waits time.Time
}

const (
	// silence is how long nothing may be heard of our reindex before only what the
	// platform shows counts.
	silence = 2 * maxPause

	// stall is how long the platform may show the same state of a datasource being
	// indexed: after that, nothing is working on it.
	stall = 30 * time.Minute
)

// turn is what an event may do with a datasource.
type turn struct {
	// ended is the result of a reindex that began after the event arrived.
	ended *trigger.Result
	// joins means that such a reindex is in progress, since began.
	joins bool
	began time.Time
	// mayStart means that the event may start its own reindex, and that no other
	// event starts one until after is called.
	mayStart bool
	// waited is how long the datasource has been busy.
	waited time.Duration
}

// waits reports whether the event has to wait for a reindex that another one
// has started, whatever the platform shows, and how long that has been in
// progress.
func (r *reindexes) waits(event *trigger.Event, came time.Time) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	d := r.of(event.Resource.ID, now)
	return now.Sub(d.began), d.stops(event, came, now)
}

// stops reports whether the reindex is in progress and does not cover the
// event.
func (d *indexing) stops(event *trigger.Event, came, now time.Time) bool {
	return d.others(event, now) && d.result == nil && !d.covers(came)
}

// others reports whether another event has started the reindex.
func (d *indexing) others(event *trigger.Event, now time.Time) bool {
	return d.event != "" && d.event != event.ID && now.Sub(d.heard) < silence
}

// covers reports whether the reindex covers an event that arrived at the given
// time.
func (d *indexing) covers(came time.Time) bool { return d.taken && d.began.After(came) }

// turn returns what the event, which arrived at the given time, may do.
func (r *reindexes) turn(event *trigger.Event, came time.Time, index *answer) turn {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	d := r.of(event.Resource.ID, now)
	switch {
	case d.stops(event, came, now):
		return turn{waited: now.Sub(d.began)}
	case !d.others(event, now) || !d.covers(came):
	case d.result != nil:
		shared := *d.result
		return turn{ended: &shared}
	default:
		return turn{joins: true, began: d.began}
	}
	if busy(index) {
		if mark := index.text("update_date") + " " + index.text("current_state"); mark != d.mark || d.since.IsZero() {
			d.mark, d.since = mark, now
		}
		if d.waits.IsZero() {
			d.waits = now
		}
		if now.Sub(d.since) < stall {
			return turn{waited: now.Sub(d.waits)}
		}
	}
	*d = indexing{event: event.ID, began: now, heard: now}
	return turn{mayStart: true}
}

// of returns what is known about the datasource, and forgets reindexes that
// ended long ago.
func (r *reindexes) of(id string, now time.Time) *indexing {
	if r.known == nil {
		r.known = make(map[string]*indexing)
	}
	if now.Sub(r.swept) > time.Minute {
		r.swept = now
		maps.DeleteFunc(r.known, func(other string, d *indexing) bool {
			return other != id && now.Sub(d.heard) > silence && now.Sub(d.since) > stall
		})
	}
	d := r.known[id]
	if d == nil {
		d = new(indexing)
		r.known[id] = d
	}
	return d
}

// hold records that the event's reindex, which began at the given time, is in
// progress: a restart forgets that.
func (r *reindexes) hold(event *trigger.Event, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	d := r.of(event.Resource.ID, now)
	if d.event != event.ID && (d.result != nil || now.Sub(d.heard) >= silence) {
		*d = indexing{event: event.ID, began: began, taken: true}
	}
	if d.event == event.ID {
		d.heard = now
	}
}

// after records the state of the event's reindex, and whether the platform has
// accepted it. A reindex that was not accepted counts as none, once there is
// nothing left to find out.
func (r *reindexes) after(event *trigger.Event, taken bool, result trigger.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	d := r.of(event.Resource.ID, now)
	switch {
	case d.event != event.ID:
	case result.Verdict == trigger.Pending:
		d.heard, d.taken = now, taken
	case taken && (result.Verdict == trigger.Delivered || result.Verdict == trigger.Fail):
		d.heard, d.taken = now, true
		if result.Detail == "" {
			result.Detail = "by the reindex that event " + event.ID + " has started"
		}
		d.result = &result
	default:
		*d = indexing{}
	}
}

// joined returns what is known of the reindex that the event has joined: its
// result, or that it is in progress; nil if nothing is known.
func (r *reindexes) joined(event *trigger.Event, began time.Time) *trigger.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	d := r.of(event.Resource.ID, now)
	switch {
	case d.event == "" || now.Sub(d.heard) >= silence || d.began.Sub(began).Abs() > time.Second:
		return nil
	case d.result != nil:
		shared := *d.result
		return &shared
	}
	return &trigger.Result{Verdict: trigger.Pending}
}
