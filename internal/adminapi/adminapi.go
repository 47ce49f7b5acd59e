// Package adminapi has the answers of the admin API in JSON, but for integrations: the
// server writes them, and the command reads them.
package adminapi

import (
	"encoding/json"
	"time"

	"github.com/hookgate/hookgate/internal/form"
)

// Failure is the answer to a request that failed.
type Failure struct {
	Error string `json:"error"`

	// Code and Errors tell all that is wrong with a form.
	Code   string       `json:"code,omitempty"`
	Errors []form.Fault `json:"errors,omitempty"`
}

// Usage is what a project has of what limits bound: what is declared in the
// configuration does not count.
type Usage struct {
	Integrations int   `json:"integrations"`
	ReservedIDs  int   `json:"reserved_ids"`
	Bytes        int64 `json:"bytes"`
}

// Sample is how the gateway answered an event that was sent as its sender would.
type Sample struct {
	StatusCode int             `json:"status_code"`
	Body       json.RawMessage `json:"body"`
	EventID    string          `json:"event_id"`
}

// Stamp is a time in milliseconds, as events show it.
type Stamp time.Time

const stampLayout = "2006-01-02T15:04:05.000Z"

// StampOf returns nil for a time that has not been.
func StampOf(at time.Time) *Stamp {
	if at.IsZero() {
		return nil
	}
	stamp := Stamp(at)
	return &stamp
}

// String returns the stamp as it is written in JSON, and "" for the zero time.
func (s Stamp) String() string {
	if time.Time(s).IsZero() {
		return ""
	}
	return time.Time(s).UTC().Format(stampLayout)
}

// MarshalText implements encoding.TextMarshaler.
func (s Stamp) MarshalText() ([]byte, error) {
	return time.Time(s).UTC().AppendFormat(nil, stampLayout), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Stamp) UnmarshalText(text []byte) error {
	return (*time.Time)(s).UnmarshalText(text)
}
