package module

import (
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/internal/sender"
	"github.com/hookgate/hookgate/module/provider"
)

// providersNamespace is where third parties add modules that describe a
// sender. Each is known to every configuration by the last part of its ID.
const providersNamespace = "webhooks.providers"

// installProviders makes the modules in the namespace known as providers. They
// are part of the program, so that this is done once.
var installProviders = sync.OnceValue(func() error {
	for _, info := range caddy.GetModules(providersNamespace) {
		guest, ok := info.New().(provider.Provider)
		if !ok {
			return fmt.Errorf("the module %s does not implement provider.Provider", info.ID)
		}
		d := guest.Description()
		if d.Name != info.ID.Name() {
			return fmt.Errorf("the module %s describes the provider %q: both need the same name", info.ID, d.Name)
		}
		if err := sender.Install(&d); err != nil {
			return fmt.Errorf("the module %s: %w", info.ID, err)
		}
	}
	return nil
})
