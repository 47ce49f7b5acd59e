package module

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/internal/secret"
	"github.com/hookgate/hookgate/module/provider"
	"github.com/hookgate/hookgate/module/trigger"
)

// rules is what this configuration allows an integration to be.
func (a *App) rules() integration.Rules {
	return integration.Rules{
		Provider:             providerFacts,
		Providers:            sender.Names,
		Custom:               customFacts,
		EventHeaders:         sender.EventHeaders(),
		Issuer:               a.issuerFacts,
		Issuers:              a.issuerNames,
		ResourceTypes:        a.resourceTypes,
		Allow:                a.allow,
		AllowUnauthenticated: a.AllowUnauthenticated,
	}
}

// allow says whether the project may start the resource.
func (a *App) allow(project, resourceType, id string) error {
	t := a.byType[resourceType]
	if t == nil {
		return errors.New("no trigger serves this resource type")
	}
	return t.Allow(project, trigger.Resource{Type: resourceType, ID: id})
}

// resourceTypes lists those that the triggers serve.
func (a *App) resourceTypes() []string { return slices.Sorted(maps.Keys(a.byType)) }

func providerFacts(name string) (integration.ProviderFacts, bool) {
	p, ok := sender.Lookup(name)
	if !ok {
		return integration.ProviderFacts{}, false
	}
	return factsOf(p), true
}

func customFacts(d *provider.Description) (integration.ProviderFacts, error) {
	if err := d.Validate(); err != nil {
		return integration.ProviderFacts{}, err
	}
	p, err := sender.Compile(d)
	if err != nil {
		return integration.ProviderFacts{}, err
	}
	return factsOf(p), nil
}

func factsOf(p *sender.Provider) integration.ProviderFacts {
	return integration.ProviderFacts{
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

// provisionIntegrations checks the declared integrations. Their identities
// are found when the storage is open.
func (a *App) provisionIntegrations() error {
	var err error
	declaring := integration.Declaring{
		Rules: a.rules(),
		Place: a.place,
		Expand: func(webhookID, field, text string) (string, error) {
			secret.WarnLiteral(a.logger.With(zap.String("webhook_id", webhookID), zap.String("line", a.place(webhookID, field))), field, text)
			return secret.Expand(text)
		},
	}
	if a.parsed, err = declaring.Parse(a.Integrations); err != nil {
		return err
	}
	for _, in := range a.parsed {
		for _, warning := range declaring.Rules.Warnings(in) {
			if warning.Field == "resource" {
				continue // it may be for a site that is inline
			}
			a.logger.Warn("something in an integration is surely not meant", zap.String("webhook_id", in.WebhookID), zap.String("field", warning.Field),
				zap.String("reason", warning.Message), zap.String("line", cmp.Or(a.place(in.WebhookID, warning.Field), a.place(in.WebhookID, ""))))
		}
	}
	return nil
}

// ready completes, once, what this configuration needs of the open storage:
// the declared integrations' identities, and their routes.
func (a *App) ready(g *gateway) error {
	if a.routes != nil {
		return nil
	}
	declared, err := g.service.Declare(context.Background(), a.parsed)
	if err != nil {
		return err
	}
	for _, webhookID := range declared.Shadowed {
		a.logger.Warn("an integration of the admin API is shadowed by a declared one of the same webhook ID and is not served",
			zap.String("webhook_id", webhookID))
	}
	routes := make(map[string]*gate.Route)
	for _, in := range declared.All() {
		if routes[in.WebhookID], err = gate.Compile(in); err != nil {
			return err
		}
	}
	a.declared, a.routes, a.issuers = declared, routes, a.openIssuers(g)
	return nil
}

// view is what the service must know of this configuration.
func (a *App) view() integration.View {
	return integration.View{Rules: a.rules(), Declared: a.declared}
}
