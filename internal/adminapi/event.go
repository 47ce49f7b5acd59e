package adminapi

import (
	"net/http"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Event is an event as a list shows it.
type Event struct {
	ID         string         `json:"id"`
	ReceivedAt Stamp          `json:"received_at"`
	Event      string         `json:"event"`
	DeliveryID string         `json:"delivery_id"`
	Status     storage.Status `json:"status"`
	Held       bool           `json:"held"`
	ReplayOf   *string        `json:"replay_of"` // null for a sender's own event
	Attempts   []Attempt      `json:"attempts"`
	Run        *trigger.Run   `json:"run,omitempty"`
	Resource   Resource       `json:"resource"`
}

// Resource is what an event starts.
type Resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Attempt is how an attempt to deliver an event ended.
type Attempt struct {
	At         Stamp  `json:"at"`
	StatusCode int    `json:"status_code"`
	Error      string `json:"error"`
	Detail     string `json:"detail,omitempty"`
	DurationMS int64  `json:"duration_ms"`
}

// WholeEvent is an event with what was stored of its request. Of a damaged one
// nothing of that can be read.
type WholeEvent struct {
	Event
	Damaged bool        `json:"damaged,omitempty"`
	Headers http.Header `json:"headers"`
	Body    []byte      `json:"body_base64"` // last, for the server appends it as it is read
}

// Replayed is the answer to a replay of many events: of those that matched, some were
// replayed, some skipped, and the rest is over the limit.
type Replayed struct {
	Matched  int `json:"matched"`
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// Judged is a stored event and what would become of it if it came now.
type Judged struct {
	ID         string `json:"id"`
	ReceivedAt Stamp  `json:"received_at"`
	Event      string `json:"event"`
	DeliveryID string `json:"delivery_id"`
	Matched    bool   `json:"matched"`
	Reason     string `json:"reason,omitempty"`
	Detail     string `json:"detail,omitempty"`
}

// Judgements is a page of judged events.
type Judgements struct {
	Scanned    int      `json:"scanned"`
	Matched    int      `json:"matched"`
	Items      []Judged `json:"items"`
	NextCursor string   `json:"next_cursor"`
}
