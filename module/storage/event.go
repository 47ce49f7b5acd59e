package storage

import (
	"io"
	"net/http"
	"time"
)

// ID is an event's ID. Its bytes sort by the time of acceptance: the IDs that one
// process gives never go backwards, those of several as far as their clocks agree.
type ID [16]byte

// Status of an event.
type Status string

// The three states of an event.
const (
	Pending   Status = "pending"
	Delivered Status = "delivered"
	Failed    Status = "failed"
)

// Event is an accepted webhook request.
type Event struct {
	ID           ID
	Integration  Identity
	WebhookID    string
	Project      string
	Alias        string
	Provider     string
	Type         string
	DeliveryID   string
	ResourceType string
	ResourceID   string
	ReceivedAt   time.Time // in milliseconds, UTC
	Header       http.Header
	Body         []byte

	// Revision is for Append alone: that of the integration under WebhookID which
	// authenticated the request. 0 asks for no check. It is not kept: of a stored
	// event it is 0.
	Revision uint64
}

// Resource is what an event's trigger acts on.
type Resource struct {
	Type string
	ID   string
}

// State is what has become of an event.
type State struct {
	Status Status
	// Due is when the next attempt may start.
	Due time.Time
	// Tries counts the attempts made, Attempts keeps the first and the
	// newest of them (at most MaxAttempts).
	Tries    int
	Attempts []Attempt
	// Requeued counts how often a failed event was queued again, and
	// QueuedTries the attempts that it had by then.
	Requeued    int
	QueuedTries int
	// QueuedAt is when the event was accepted or queued again.
	QueuedAt time.Time
	// Age is how long ago that was when the event was claimed; a jump of the
	// wall clock in between does not count. Other reads leave it out.
	Age time.Duration
	// Crashes counts the claims since the last result that ended without a
	// word: their session was lost, as when the process dies.
	Crashes int
	// Progress is what the trigger saved.
	Progress []byte
}

// MaxAttempts bounds the attempts kept with an event; what comes between the
// first and the newest is dropped first.
const MaxAttempts = 64

// AttemptCorrupt is the Error of an attempt that a storage records itself, because
// it found the event damaged when it was claimed.
const AttemptCorrupt = "corrupt"

// Attempt is the record of one attempt.
type Attempt struct {
	At         time.Time
	StatusCode int
	Error      string
	Detail     string
	Duration   time.Duration
}

// Record is an event with its state. Listings leave Header and Body out.
//
// An event, its replays and theirs are a chain. Its newest event stands for all
// of them.
type Record struct {
	Event
	State
	// ReplayOf is the event that this one replays; zero for a sender's own.
	ReplayOf ID
	// Newest is the newest event of the chain: the event itself when no replay
	// came after it.
	Newest ID
}

// Body is the body of a stored event. What Read returns is what was stored: after
// damage, or once the event is gone, it is an error.
type Body interface {
	io.ReadCloser
	// Size is how many bytes it has in all.
	Size() int64
}

// Replay is what a replay takes from its integration as that is now.
type Replay struct {
	Alias        string
	ResourceType string
	ResourceID   string
	// Once refuses an event that is not the newest of its chain.
	Once bool
}

// Dedupe says when a new event is a copy of an earlier one.
type Dedupe struct {
	// Key is a digest of what makes two requests the same within one
	// integration. A nil Key makes nothing a duplicate.
	Key []byte
	// Former is the key that an earlier version of the gateway gave such a request, or
	// nil: an event that has it is found as well.
	Former []byte
	// Window is how long after its receipt an event is remembered.
	Window time.Duration
	// Requeues is how often a failed event may be queued again by a
	// duplicate.
	Requeues int
}

// Outcome of Append.
type Outcome int

// What Append did.
const (
	Accepted  Outcome = iota // stored as a new event
	Duplicate                // an earlier event stands for it
	Requeued                 // the earlier event had failed and is queued again
)
