package gateway

import (
	"cmp"
	"context"
	"encoding/json"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// rules returns what this configuration allows in an integration.
func (c *Configuration) rules() integration.Rules {
	return integration.Rules{
		Provider:             providerFacts,
		Providers:            sender.Names,
		Custom:               customFacts,
		EventHeaders:         sender.EventHeaders(),
		Issuer:               c.issuerFacts,
		Issuers:              c.issuerNames,
		ResourceTypes:        c.ResourceTypes,
		Allow:                c.allow,
		AllowUnauthenticated: c.settings.AllowUnauthenticated,
	}
}

func providerFacts(name string) (credential.ProviderFacts, bool) {
	p, ok := sender.Lookup(name)
	if !ok {
		return credential.ProviderFacts{}, false
	}
	return factsOf(p), true
}

func customFacts(d *provider.Description) (credential.ProviderFacts, error) {
	if err := d.Validate(); err != nil {
		return credential.ProviderFacts{}, err
	}
	p, err := sender.Compile(d)
	if err != nil {
		return credential.ProviderFacts{}, err
	}
	return factsOf(p), nil
}

func factsOf(p *sender.Provider) credential.ProviderFacts {
	return credential.ProviderFacts{
		SHA256:            p.SHA256(),
		SHA256Optional:    p.SHA256Optional(),
		Timed:             p.Timed(),
		CredentialHeaders: p.CredentialHeaders(),
		ReservedHeaders:   p.ReservedHeaders(),
		NamesEvents:       p.NamesEvents(),
		NumbersDeliveries: p.NumbersDeliveries(),
		Learns:            p.Learns(),
		CheckSecret:       p.CheckSecret,
		KeySize:           p.KeySize,
	}
}

// Declaration holds the integrations that a configuration declares.
type Declaration struct {
	// Forms are the integrations, in the JSON form of the admin API.
	Forms []json.RawMessage

	// Expand returns the secret that a text stands for; line is where it is written.
	Expand func(webhookID, line, field, text string) (string, error)

	// Place returns where a field of an integration, or the integration itself with
	// the field "", is written; "" where that is not known.
	Place func(webhookID, field string) string
}

// Declare checks the integrations that the configuration declares. Their identities
// are looked up once the storage is open.
func (c *Configuration) Declare(d Declaration) error {
	declaring := integration.Declaring{
		Rules: c.rules(),
		Place: d.Place,
		Expand: func(webhookID, field, text string) (string, error) {
			return d.Expand(webhookID, d.Place(webhookID, field), field, text)
		},
	}
	var err error
	if c.parsed, err = declaring.Parse(d.Forms); err != nil {
		return err
	}
	for _, in := range c.parsed {
		for _, warning := range declaring.Rules.Warnings(in) {
			if warning.Field == "resource" {
				continue // an inline site needs none
			}
			c.settings.Logger.Warn("an integration has a setting that is probably a mistake", zap.String("webhook_id", in.WebhookID), zap.String("field", warning.Field),
				zap.String("reason", warning.Message), zap.String("line", cmp.Or(d.Place(in.WebhookID, warning.Field), d.Place(in.WebhookID, ""))))
		}
	}
	return nil
}

// ready looks up, once, what this configuration needs of the open storage: the
// identities of the declared integrations. It then prepares their routes.
func (c *Configuration) ready(e *engine) error {
	if c.routes != nil {
		return nil
	}
	declared, err := e.service.Declare(context.Background(), c.parsed)
	if err != nil {
		return err
	}
	for _, webhookID := range declared.Shadowed {
		c.settings.Logger.Warn("an integration created over the admin API is not served: a declared one with the same webhook ID shadows it",
			zap.String("webhook_id", webhookID))
	}
	routes := make(map[string]*gate.Route)
	for _, in := range declared.All() {
		if routes[in.WebhookID], err = gate.Compile(in); err != nil {
			return err
		}
	}
	c.declared, c.routes = declared, routes
	return nil
}

// view returns what the service must know of this configuration.
func (c *Configuration) view() integration.View {
	return integration.View{Rules: c.rules(), Declared: c.declared}
}
