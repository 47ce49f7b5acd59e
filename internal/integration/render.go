package integration

import (
	"encoding/json"
	"time"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/payload"
)

// Masked is an integration as a reader sees it: with every secret masked. It
// is made to be encoded as JSON.
type Masked struct {
	WebhookID      string          `json:"webhook_id"`
	Project        string          `json:"project"`
	Alias          string          `json:"alias"`
	IsEnabled      bool            `json:"is_enabled"`
	Authentication form.Object     `json:"authentication"`
	EventFilter    []string        `json:"event_filter"`
	Match          string          `json:"match,omitempty"`
	Dedupe         Dedupe          `json:"dedupe"`
	Resource       maskedResources `json:"resource"`
	Payload        *payload.Spec   `json:"payload,omitempty"`
	WebhookURL     string          `json:"webhook_url"`
	ManagedBy      ManagedBy       `json:"managed_by"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
}

// Mask returns the integration as a reader sees it. base is what stands
// before the webhook ID in its URL: a public URL, or the path alone.
func (in *Integration) Mask(base string) *Masked {
	auth := &in.Authentication
	return &Masked{
		WebhookID: in.WebhookID,
		Project:   in.Project,
		Alias:     in.Alias,
		IsEnabled: in.IsEnabled,
		Authentication: append(auth.Credentials.Masked(),
			form.Field{Name: "require_sha256_signature", Value: auth.RequireSHA256Signature},
			form.Field{Name: "match", Value: auth.Match},
			form.Field{Name: "allow_unauthenticated", Value: auth.AllowUnauthenticated},
		),
		EventFilter: append([]string{}, in.EventFilter...),
		Match:       in.Match,
		Payload:     in.Payload,
		Dedupe:      in.Dedupe,
		Resource:    in.Resources,
		WebhookURL:  base + in.WebhookID,
		ManagedBy:   in.ManagedBy,
		CreatedAt:   in.CreatedAt.UTC(),
		UpdatedAt:   in.UpdatedAt.UTC(),
	}
}

// document returns the masked form as a patch is applied to it.
func (in *Integration) document() (any, error) {
	text, err := json.Marshal(in.Mask(""))
	if err != nil {
		return nil, err
	}
	return form.Decode(text)
}
