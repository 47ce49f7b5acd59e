package adminapi

// Status is the answer to a request for the gateway's state. What is nil is not shown:
// the storage does not know it.
type Status struct {
	Store    Store     `json:"store"`
	Events   Events    `json:"events"`
	Limits   Limits    `json:"limits"`
	Largest  *Share    `json:"largest"` // null while nothing is stored
	Clock    *Clock    `json:"clock,omitempty"`
	Triggers []Trigger `json:"triggers"`
	// Sources are those of fetched keys.
	Sources []Source `json:"key_sources,omitempty"`
}

// Store is the state of the storage.
type Store struct {
	State string `json:"state"`
	*Disk
	FailedAt *Stamp `json:"failed_at"` // null while no write failed
	*Stored
	Keys []Key `json:"keys,omitempty"`
}

// Disk is how much room the storage has and takes.
type Disk struct {
	SizeBytes int64 `json:"size_bytes"`
	FreeBytes int64 `json:"disk_free_bytes"`
}

// Stored counts the stored integrations.
type Stored struct {
	Integrations int `json:"integrations"`
	ReservedIDs  int `json:"reserved_ids"`
}

// Key is a key of the storage.
type Key struct {
	ID string `json:"id"`
	// State is "present" (it seals), "needed" (something is kept that it has
	// sealed) or "unused" (it may be removed).
	State string `json:"state"`
	// Bytes are those of the events that it has sealed.
	Bytes int64 `json:"bytes"`
}

// Events counts the stored events.
type Events struct {
	Pending              int   `json:"pending"`
	Failed               int   `json:"failed"`
	OldestPendingSeconds int64 `json:"oldest_pending_seconds"`
	*EventUsage
}

// EventUsage is what the stored events take.
type EventUsage struct {
	PendingBytes    int64  `json:"pending_bytes"`
	Stored          int    `json:"stored"`
	Counted         bool   `json:"counted"` // both of the above are complete
	PurgedDelivered uint64 `json:"purged_delivered"`
	PurgedFailed    uint64 `json:"purged_failed"`
}

// Limits has the bounds by the names of their options.
type Limits struct {
	Disk              *Bound `json:"disk,omitempty"`               // bytes
	Backlog           *Bound `json:"backlog,omitempty"`            // events
	IntegrationEvents *Bound `json:"integration_events,omitempty"` // of the largest
	InFlight          Bound  `json:"in_flight"`                    // bytes
}

// Bound is a limit and what is used of it.
type Bound struct {
	Limit int64 `json:"limit"`
	Used  int64 `json:"used"`
}

// Share is the integration that holds most bytes.
type Share struct {
	Project   string `json:"project"`
	WebhookID string `json:"webhook_id"`
	Events    int    `json:"events"`
	Bytes     int64  `json:"bytes"`
}

// Clock tells of the system's clock.
type Clock struct {
	JumpSeconds int64 `json:"jump_seconds"`
}

// Trigger is the state of a resource type.
type Trigger struct {
	ResourceType string `json:"resource_type"`
	// State of its endpoint's circuit: closed, open or half_open.
	State string `json:"state"`
	// InFlight counts the attempts under way, Aside those of them that are set
	// aside.
	InFlight int `json:"in_flight"`
	Aside    int `json:"-"`
	// Open counts the other circuits that are not closed.
	Open OpenCircuits `json:"open"`
}

// OpenCircuits counts what has an open circuit for a trigger.
type OpenCircuits struct {
	Projects  int `json:"projects"`
	Resources int `json:"resources"`
}

// Source is where the keys of a sender or an issuer come from: when they could be
// fetched last, and when and why they could not.
type Source struct {
	Name      string `json:"name"`
	FetchedAt *Stamp `json:"fetched_at"`
	FailedAt  *Stamp `json:"failed_at"`
	Error     string `json:"error,omitempty"`
}
