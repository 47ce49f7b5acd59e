package gate

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hookgate/hookgate/internal/integration"
)

func (v *visit) checkMethod() *answer {
	if v.r.Method != http.MethodPost {
		if a := v.shakeHandsByMethod(); a != nil {
			return a
		}
		return v.refuse(methodNotAllowed, "method")
	}
	return nil
}

// find looks up the integration. Whatever is missing, and why, the answer is
// the same.
func (v *visit) find() *answer {
	id, ok := v.gate.webhookID(v.r)
	if !ok {
		return v.refuse(notFound, "path")
	}
	config, release, err := v.acquire()
	if err != nil {
		return v.refuse(unavailable, "gateway_unavailable")
	}
	v.id, v.config, v.release = id, config, release
	return v.lookUp()
}

func (v *visit) lookUp() *answer {
	route, err := v.config.Integrations.Route(v.r.Context(), v.id)
	switch {
	case err != nil:
		return v.refuse(unavailable, "lookup_failed")
	case route == nil:
		v.seen.Integration = nil
		return v.refuse(notFound, "unknown")
	case !v.gate.serves(route.Integration.Project):
		v.seen.Integration = route.Integration
		return v.refuse(notFound, "project")
	case !route.Integration.IsEnabled:
		v.seen.Integration = route.Integration
		return v.refuse(notFound, "disabled")
	}
	v.route, v.seen.Integration = route, route.Integration
	return nil
}

// checkEarly refuses early data, which anyone on the path can replay (RFC
// 8470).
func (v *visit) checkEarly() *answer {
	if v.r.TLS != nil && !v.r.TLS.HandshakeComplete {
		return v.refuse(tooEarly, "early_data")
	}
	return nil
}

func (v *visit) checkLength() *answer {
	if v.r.ContentLength > v.gate.settings.MaxBody {
		return v.refuse(tooLarge, "length")
	}
	return nil
}

// webhookID extracts the ID from the path. Both forms of the path must contain
// the same one, so that no other spelling leads here.
func (g *Gate) webhookID(r *http.Request) (string, bool) {
	id, ok := strings.CutPrefix(r.URL.Path, g.settings.Prefix)
	if !ok || !integration.ValidWebhookID(id) {
		return "", false
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), g.escaped)
	return id, ok && rest == id
}

// serves reports whether the project's integrations answer here.
func (g *Gate) serves(project string) bool {
	return len(g.settings.Projects) == 0 || slices.Contains(g.settings.Projects, project)
}
