package gateway

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/dispatch"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Settings are what a configuration asks for, complete and validated.
type Settings struct {
	// Storage is where integrations and events are kept.
	Storage storage.Storage

	// Triggers are the configured triggers. Each resource type is served by one.
	Triggers []trigger.Trigger

	Retry       dispatch.Policy
	Concurrency dispatch.Concurrency

	// EventLimits and IntegrationLimits bound what is kept.
	EventLimits       storage.Limits
	IntegrationLimits storage.IntegrationLimits

	// InFlight is how many bytes of request bodies may be in memory while they are
	// received and stored.
	InFlight int64

	// Issuers are the issuers whose tokens integrations may require, besides Google.
	Issuers []jwt.Settings

	// Shelf keeps senders' certificates across starts.
	Shelf remotekey.Shelf

	// PublicURL is the URL before the webhook ID, for projects whose site has none of
	// its own; "" if it is not known.
	PublicURL string

	// AllowUnauthenticated permits integrations without credentials.
	AllowUnauthenticated bool

	Logger *zap.Logger
}

// Observer has the functions that count what the engines of a pool do.
type Observer struct {
	// Attempt is called after each attempt; outcome is "delivered" or an error
	// code.
	Attempt func(resourceType, outcome string, took time.Duration)

	// Fetch is called after each fetch of keys, with an error code, or "" for a
	// success.
	Fetch func(source, code string)
}

// serving returns the triggers by their resource types.
func serving(triggers []trigger.Trigger) (map[string]trigger.Trigger, error) {
	byType := make(map[string]trigger.Trigger)
	for _, t := range triggers {
		for _, resourceType := range t.ResourceTypes() {
			if byType[resourceType] != nil {
				return nil, fmt.Errorf("two triggers serve the resource type '%s'", resourceType)
			}
			byType[resourceType] = t
		}
	}
	return byType, nil
}

// ResourceTypes returns the resource types that the triggers serve, sorted.
func (c *Configuration) ResourceTypes() []string { return slices.Sorted(maps.Keys(c.byType)) }

// serves reports whether a trigger serves the resource type.
func (c *Configuration) serves(resourceType string) bool { return c.byType[resourceType] != nil }

// allow returns an error if the project may not start the resource.
func (c *Configuration) allow(project, resourceType, id string) error {
	t := c.byType[resourceType]
	if t == nil {
		return errors.New("no trigger serves this resource type")
	}
	return t.Allow(project, trigger.Resource{Type: resourceType, ID: id})
}
