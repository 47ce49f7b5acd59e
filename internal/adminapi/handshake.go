package adminapi

import "time"

// Handshake is how the learning of a secret stands. It never holds the secret.
type Handshake struct {
	// State is closed, open or learned.
	State string `json:"state"`
	// ExpiresAt is when an open window closes.
	ExpiresAt *time.Time `json:"expires_at"`
	Learned   *Learned   `json:"learned"`
	Refused   *Sighting  `json:"refused"`
	// Sealed is the learned secret for the one who has the key.
	Sealed string `json:"sealed,omitempty"`
}

// Learned is a secret that a sender has brought.
type Learned struct {
	Fingerprint string `json:"fingerprint"`
	Sighting
}

// Sighting is when something came, and from where.
type Sighting struct {
	At       time.Time `json:"at"`
	ClientIP string    `json:"client_ip"`
}
