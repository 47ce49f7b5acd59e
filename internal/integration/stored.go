package integration

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// stored is the value of a stored integration. Its secrets are in the clear:
// the storage encrypts the value.
type stored struct {
	Identity       storage.Identity `json:"identity"`
	Alias          string           `json:"alias,omitempty"`
	IsEnabled      bool             `json:"is_enabled"`
	Authentication storedAuth       `json:"authentication"`
	EventFilter    []string         `json:"event_filter,omitempty"`
	Dedupe         Dedupe           `json:"dedupe"`
	Resource       *Resource        `json:"resource,omitempty"`
	CreatedAt      time.Time        `json:"created_at"`
	UpdatedAt      time.Time        `json:"updated_at"`
}

type storedAuth struct {
	SecureHeader           *storedHeader    `json:"secure_header,omitempty"`
	Signature              *storedSignature `json:"signature,omitempty"`
	Basic                  *storedBasic     `json:"basic,omitempty"`
	Bearer                 []storedSecret   `json:"bearer,omitempty"`
	RequireSHA256Signature bool             `json:"require_sha256_signature"`
	Match                  Match            `json:"match"`
	AllowUnauthenticated   bool             `json:"allow_unauthenticated,omitempty"`
}

type storedHeader struct {
	Name  string       `json:"name"`
	Value storedSecret `json:"value"`
}

type storedSignature struct {
	Provider string         `json:"provider"`
	Secrets  []storedSecret `json:"secrets"`
}

type storedBasic struct {
	Username string       `json:"username"`
	Password storedSecret `json:"password"`
}

type storedSecret struct {
	Value string `json:"value"`
	Salt  []byte `json:"salt"`
}

// Encode returns the value to store. It holds the secrets: it is for the
// storage alone, which encrypts it.
func (in *Integration) Encode() ([]byte, error) {
	auth := &in.Authentication
	value := stored{
		Identity:  in.Identity,
		Alias:     in.Alias,
		IsEnabled: in.IsEnabled,
		Authentication: storedAuth{
			RequireSHA256Signature: auth.RequireSHA256Signature,
			Match:                  auth.Match,
			AllowUnauthenticated:   auth.AllowUnauthenticated,
		},
		EventFilter: in.EventFilter,
		Dedupe:      in.Dedupe,
		Resource:    in.Resource,
		CreatedAt:   in.CreatedAt,
		UpdatedAt:   in.UpdatedAt,
	}
	if header := auth.SecureHeader; header != nil {
		value.Authentication.SecureHeader = &storedHeader{header.Name, toStore(header.Value)}
	}
	if signature := auth.Signature; signature != nil {
		value.Authentication.Signature = &storedSignature{signature.Provider, each(signature.Secrets, toStore)}
	}
	if basic := auth.Basic; basic != nil {
		value.Authentication.Basic = &storedBasic{basic.Username, toStore(basic.Password)}
	}
	if bearer := auth.Bearer; bearer != nil {
		value.Authentication.Bearer = each(bearer.Tokens, toStore)
	}
	return json.Marshal(value)
}

// Decode undoes Encode for a record of a storage.
func Decode(record storage.Integration) (*Integration, error) {
	var value stored
	if err := json.Unmarshal(record.Value, &value); err != nil {
		return nil, fmt.Errorf("reading the integration %s: %w", record.WebhookID, storage.ErrCorrupt)
	}
	auth := &value.Authentication
	in := &Integration{
		Identity:  value.Identity,
		WebhookID: record.WebhookID,
		Project:   record.Project,
		Alias:     value.Alias,
		IsEnabled: value.IsEnabled,
		Authentication: Authentication{
			RequireSHA256Signature: auth.RequireSHA256Signature,
			Match:                  auth.Match,
			AllowUnauthenticated:   auth.AllowUnauthenticated,
		},
		EventFilter: value.EventFilter,
		Dedupe:      value.Dedupe,
		Resource:    value.Resource,
		ManagedBy:   ManagedByAPI,
		CreatedAt:   value.CreatedAt,
		UpdatedAt:   value.UpdatedAt,
		Revision:    record.Revision,
	}
	if header := auth.SecureHeader; header != nil {
		in.Authentication.SecureHeader = &SecureHeader{header.Name, fromStore(header.Value)}
	}
	if signature := auth.Signature; signature != nil {
		in.Authentication.Signature = &Signature{signature.Provider, each(signature.Secrets, fromStore)}
	}
	if basic := auth.Basic; basic != nil {
		in.Authentication.Basic = &Basic{basic.Username, fromStore(basic.Password)}
	}
	if auth.Bearer != nil {
		in.Authentication.Bearer = &Bearer{each(auth.Bearer, fromStore)}
	}
	return in, nil
}

func toStore(secret Secret) storedSecret   { return storedSecret{secret.value, secret.salt} }
func fromStore(secret storedSecret) Secret { return Secret{value: secret.Value, salt: secret.Salt} }

func each[A, B any](list []A, convert func(A) B) []B {
	converted := make([]B, len(list))
	for i, value := range list {
		converted[i] = convert(value)
	}
	return converted
}
