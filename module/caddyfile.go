package module

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("webhooks", parseGlobalOption)
	httpcaddyfile.RegisterDirective("webhooks", parseDirective)
	// After encode: none of handle, respond and reverse_proxy of the same
	// site hides the directive then.
	httpcaddyfile.RegisterDirectiveOrder("webhooks", httpcaddyfile.After, "encode")
}

// parseGlobalOption sets up the webhooks app from the global option:
//
//	{
//		webhooks {
//			public_url <url>
//			allow_unauthenticated
//			storage <module> {
//				...
//			}
//			trigger <module> ... {
//				...
//			}
//			retry {
//				for      <duration>
//				initial  <duration>
//				max      <duration>
//				attempts <number>
//			}
//			concurrency {
//				total       <number>
//				trigger     <number>
//				integration <number>
//				bytes       <size>
//			}
//			limits {
//				disk                      <size>
//				backlog                   <number>
//				integration_events        <number>
//				in_flight                 <size>
//				project_integrations      <number>
//				project_integration_bytes <size>
//			}
//			retention {
//				delivered <duration>
//				failed    <duration>
//			}
//			jwt_issuer <name> <url> {
//				jwks_url   <url>
//				algorithms <name...>
//			}
//			integration <webhook_id> {
//				...
//			}
//		}
//	}
//
// trigger, jwt_issuer and integration may stand more than once.
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next() // the option's name
	if existing != nil {
		return nil, d.Err("the webhooks option is repeated")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "webhooks", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the block of the global option; see
// parseGlobalOption for the syntax.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return option.Block(d, func(name string) (err error) {
		switch name {
		case "public_url":
			err = option.Text(d, &a.PublicURL)
		case "allow_unauthenticated":
			err = option.Flag(d, &a.AllowUnauthenticated)
		case "storage":
			a.StorageRaw, err = guest[storage.Storage](d, "webhooks.storage")
		case "trigger":
			var raw json.RawMessage
			raw, err = guest[trigger.Trigger](d, "webhooks.triggers")
			a.TriggersRaw = append(a.TriggersRaw, raw)
		case "retry":
			a.Retry = new(Retry)
			err = a.Retry.UnmarshalCaddyfile(d)
		case "concurrency":
			a.Concurrency = new(Concurrency)
			err = a.Concurrency.UnmarshalCaddyfile(d)
		case "limits":
			a.Limits = new(Limits)
			err = a.Limits.UnmarshalCaddyfile(d)
		case "retention":
			a.Retention = new(Retention)
			err = a.Retention.UnmarshalCaddyfile(d)
		case "jwt_issuer":
			err = a.readIssuer(d)
		case "integration":
			var raw json.RawMessage
			raw, err = a.parseIntegration(d)
			a.Integrations = append(a.Integrations, raw)
		default:
			err = option.Unknown(d, a)
		}
		return err
	}, "trigger", "jwt_issuer", "integration")
}

// guest reads `<module> ...` and hands it to the module of the namespace.
func guest[T any](d *caddyfile.Dispenser, namespace string) (json.RawMessage, error) {
	what := d.Val()
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	name := d.Val()
	unm, err := caddyfile.UnmarshalModule(d, namespace+"."+name)
	if _, unknown := caddy.GetModule(namespace + "." + name); unknown != nil {
		return nil, fmt.Errorf("%s %s: %w%s", what, name, err, guests(namespace, name))
	}
	if err != nil {
		return nil, option.About(what+" "+name, err)
	}
	if _, ok := unm.(T); !ok {
		return nil, d.Errf("module %s.%s cannot be a %s: it does not implement %T", namespace, name, what, *new(T))
	}
	return caddyconfig.JSONModuleObject(unm, "module", name, nil), nil
}

// UnmarshalCaddyfile reads the block of the retry option; see
// parseGlobalOption for the syntax.
func (r *Retry) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return option.Block(d, func(name string) error {
		switch name {
		case "for":
			return option.Duration(d, &r.For)
		case "initial":
			return option.Duration(d, &r.Initial)
		case "max":
			return option.Duration(d, &r.Max)
		case "attempts":
			return option.Number(d, &r.Attempts, 1)
		}
		return option.Unknown(d, r)
	})
}

// parseDirective sets up the handler:
//
//	webhooks [<matcher>] {
//		prefix <path>
//		inline
//		forward_credentials
//		max_body <size>
//		projects <name...>
//		public_url <url>
//	}
//
// A path matcher must end in /*, and what stands before the * is the prefix.
// With any other matcher the prefix is that of the option, by default
// /webhooks/.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	var handler Handler
	if h.NextArg() {
		if path := h.Val(); strings.HasPrefix(path, "/") {
			prefix, ok := strings.CutSuffix(path, "*")
			if !ok || !strings.HasSuffix(prefix, "/") || strings.Contains(prefix, "*") {
				return nil, h.Errf("the path '%s' must end in /* and have no other *", path)
			}
			if err := checkPrefix(prefix); err != nil {
				return nil, h.WrapErr(err)
			}
			handler.Prefix = prefix
		}
		h.Prev()
	}
	matchers, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	if err := handler.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return h.NewRoute(matchers, &handler), nil
}

// UnmarshalCaddyfile reads the block of the directive; see parseDirective for
// the syntax.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	return option.Block(d, func(name string) error {
		switch name {
		case "prefix":
			if h.Prefix != "" {
				return d.Errf("the prefix is already '%s', by the path before the block", h.Prefix)
			}
			if err := option.Text(d, &h.Prefix); err != nil {
				return err
			}
			if err := checkPrefix(h.Prefix); err != nil {
				return d.WrapErr(err)
			}
			return nil
		case "inline":
			return option.Flag(d, &h.Inline)
		case "forward_credentials":
			return option.Flag(d, &h.ForwardCredentials)
		case "max_body":
			return option.Size(d, &h.MaxBody, 1, maxBodyLimit)
		case "projects":
			if err := option.List(d, 1, &h.Projects); err != nil {
				return err
			}
			if err := checkProjects(h.Projects); err != nil {
				return d.WrapErr(err)
			}
			return nil
		case "public_url":
			return option.Text(d, &h.PublicURL)
		}
		return option.Unknown(d, h)
	})
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddyfile.Unmarshaler = (*Handler)(nil)
	_ caddyfile.Unmarshaler = (*Retry)(nil)
)
