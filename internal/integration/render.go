package integration

import (
	"encoding/json"
	"time"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/provider"
)

// Masked is an integration as a reader sees it: with every secret masked. It
// is made to be encoded as JSON.
type Masked struct {
	WebhookID      string               `json:"webhook_id"`
	Project        string               `json:"project"`
	Alias          string               `json:"alias"`
	IsEnabled      bool                 `json:"is_enabled"`
	Authentication maskedAuthentication `json:"authentication"`
	EventFilter    []string             `json:"event_filter"`
	Match          string               `json:"match,omitempty"`
	Dedupe         Dedupe               `json:"dedupe"`
	Resource       maskedResources      `json:"resource"`
	Payload        *payload.Spec        `json:"payload,omitempty"`
	WebhookURL     string               `json:"webhook_url"`
	ManagedBy      ManagedBy            `json:"managed_by"`
	CreatedAt      time.Time            `json:"created_at"`
	UpdatedAt      time.Time            `json:"updated_at"`
}

type maskedAuthentication struct {
	SecureHeader *maskedHeader    `json:"secure_header"`
	Signature    *maskedSignature `json:"signature"`
	Basic        *maskedBasic     `json:"basic"`
	Bearer       *maskedBearer    `json:"bearer"`
	JWT          *maskedJWT       `json:"jwt,omitempty"`

	ClientCertificate *maskedCertificate `json:"client_certificate,omitempty"`
	SourceIPs         []string           `json:"source_ips,omitempty"`

	RequireSHA256Signature bool  `json:"require_sha256_signature"`
	Match                  Match `json:"match"`
	AllowUnauthenticated   bool  `json:"allow_unauthenticated"`
}

type maskedHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type maskedSignature struct {
	Provider    string                `json:"provider"`
	Description *provider.Description `json:"description,omitempty"`
	Secrets     []string              `json:"secrets"`
	Tolerance   int                   `json:"tolerance,omitempty"`
}

type maskedBasic struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

type maskedBearer struct {
	Tokens []string `json:"tokens"`
}

type maskedJWT struct {
	Issuer   string         `json:"issuer"`
	Audience string         `json:"audience"`
	Claims   map[string]any `json:"claims,omitempty"`
	Header   string         `json:"header"`
}

type maskedCertificate struct {
	SANs         []string `json:"sans,omitempty"`
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// Mask returns the integration as a reader sees it. base is what stands
// before the webhook ID in its URL: a public URL, or the path alone.
func (in *Integration) Mask(base string) *Masked {
	auth := &in.Authentication
	masked := &Masked{
		WebhookID: in.WebhookID,
		Project:   in.Project,
		Alias:     in.Alias,
		IsEnabled: in.IsEnabled,
		Authentication: maskedAuthentication{
			RequireSHA256Signature: auth.RequireSHA256Signature,
			Match:                  auth.Match,
			AllowUnauthenticated:   auth.AllowUnauthenticated,
		},
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
	if header := auth.SecureHeader; header != nil {
		masked.Authentication.SecureHeader = &maskedHeader{header.Name, header.Value.Masked()}
	}
	if signature := auth.Signature; signature != nil {
		masked.Authentication.Signature = &maskedSignature{signature.Provider, signature.Description, each(signature.Secrets, Secret.Masked), signature.Tolerance}
	}
	if basic := auth.Basic; basic != nil {
		masked.Authentication.Basic = &maskedBasic{basic.Username, basic.Password.Masked()}
	}
	if bearer := auth.Bearer; bearer != nil {
		masked.Authentication.Bearer = &maskedBearer{each(bearer.Tokens, Secret.Masked)}
	}
	if token := auth.JWT; token != nil {
		masked.Authentication.JWT = &maskedJWT{token.Issuer, token.Audience, token.Claims, token.Header}
	}
	if certificate := auth.ClientCertificate; certificate != nil {
		masked.Authentication.ClientCertificate = &maskedCertificate{certificate.SANs, certificate.Fingerprints}
	}
	masked.Authentication.SourceIPs = each(auth.SourceIPs, sourceText)
	return masked
}

// document returns the masked form as a patch is applied to it.
func (in *Integration) document() (any, error) {
	text, err := json.Marshal(in.Mask(""))
	if err != nil {
		return nil, err
	}
	return form.Decode(text)
}
