package module

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/dustin/go-humanize"

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
//			integration <webhook_id> {
//				...
//			}
//		}
//	}
//
// trigger and integration may stand more than once.
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		return nil, d.Err("the webhooks option is given twice")
	}
	d.Next() // the option's name
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "webhooks", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the block of the global option; see
// parseGlobalOption for the syntax.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	once := make(options)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if option != "trigger" && option != "integration" {
			if err := once.take(d); err != nil {
				return err
			}
		}
		var err error
		switch option {
		case "public_url":
			err = oneArg(d, &a.PublicURL)
		case "allow_unauthenticated":
			a.AllowUnauthenticated = true
			err = noArgs(d)
		case "storage":
			a.StorageRaw, err = guest[storage.Storage](d, "webhooks.storage")
		case "trigger":
			var raw json.RawMessage
			raw, err = guest[trigger.Trigger](d, "webhooks.triggers")
			a.TriggersRaw = append(a.TriggersRaw, raw)
		case "retry":
			a.Retry = new(Retry)
			err = a.Retry.UnmarshalCaddyfile(d)
		case "integration":
			var raw json.RawMessage
			raw, err = parseIntegration(d)
			a.Integrations = append(a.Integrations, raw)
		default:
			err = d.Errf("unrecognized webhooks option '%s'", option)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// guest reads `<module> ...` and hands it to the module of the namespace.
func guest[T any](d *caddyfile.Dispenser, namespace string) (json.RawMessage, error) {
	what := d.Val()
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	name := d.Val()
	unm, err := caddyfile.UnmarshalModule(d, namespace+"."+name)
	if err != nil {
		return nil, err
	}
	if _, ok := unm.(T); !ok {
		return nil, d.Errf("module %s.%s is no %s: it does not implement %T", namespace, name, what, *new(T))
	}
	return caddyconfig.JSONModuleObject(unm, "module", name, nil), nil
}

// UnmarshalCaddyfile reads the block of the retry option; see
// parseGlobalOption for the syntax.
func (r *Retry) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	once := make(options)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := once.take(d); err != nil {
			return err
		}
		var err error
		switch d.Val() {
		case "for":
			err = duration(d, &r.For)
		case "initial":
			err = duration(d, &r.Initial)
		case "max":
			err = duration(d, &r.Max)
		case "attempts":
			var text string
			if err = oneArg(d, &text); err == nil {
				if r.Attempts, err = strconv.Atoi(text); err != nil || r.Attempts < 1 {
					err = d.Errf("attempts: '%s' is no number from 1", text)
				}
			}
		default:
			err = d.Errf("unrecognized retry option '%s'", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseDirective sets up the handler:
//
//	webhooks [<matcher>] {
//		prefix <path>
//		inline
//		forward_credentials
//		max_body <size>
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
	if d.NextArg() {
		return d.ArgErr()
	}
	once := make(options)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if err := once.take(d); err != nil {
			return err
		}
		var err error
		switch d.Val() {
		case "prefix":
			if h.Prefix != "" {
				return d.Errf("the prefix is '%s' already, by the path before the block", h.Prefix)
			}
			if err = oneArg(d, &h.Prefix); err == nil {
				if bad := checkPrefix(h.Prefix); bad != nil {
					err = d.WrapErr(bad)
				}
			}
		case "inline":
			h.Inline = true
			err = noArgs(d)
		case "forward_credentials":
			h.ForwardCredentials = true
			err = noArgs(d)
		case "max_body":
			var text string
			if err = oneArg(d, &text); err == nil {
				var size uint64
				if size, err = humanize.ParseBytes(text); err != nil || size == 0 || size > maxBodyLimit {
					err = d.Errf("max_body: '%s' is no size from 1 byte to 1GiB", text)
				}
				h.MaxBody = int64(size)
			}
		default:
			err = d.Errf("unrecognized webhooks subdirective '%s'", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// options remembers which options of a block were seen, to refuse a second.
type options map[string]bool

func (o options) take(d *caddyfile.Dispenser) error {
	name := d.Val()
	if o[name] {
		return d.Errf("'%s' is given twice", name)
	}
	o[name] = true
	return nil
}

// noArgs ends an option that is a word alone.
func noArgs(d *caddyfile.Dispenser) error {
	return end(d, d.Val())
}

// oneArg reads an option of one value.
func oneArg(d *caddyfile.Dispenser, value *string) error {
	option := d.Val()
	if !d.NextArg() {
		return d.ArgErr()
	}
	*value = d.Val()
	return end(d, option)
}

// args reads an option of one value or more.
func args(d *caddyfile.Dispenser) ([]string, error) {
	option := d.Val()
	values := d.RemainingArgs()
	if len(values) == 0 {
		return nil, d.ArgErr()
	}
	return values, end(d, option)
}

// end refuses what follows a complete option: a further argument, or a block,
// which would be read as options of the block around it.
func end(d *caddyfile.Dispenser, option string) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(d.Nesting()) {
		return d.Errf("no block may follow '%s'", option)
	}
	return nil
}

// duration reads an option that is a positive duration.
func duration(d *caddyfile.Dispenser, value *caddy.Duration) error {
	name := d.Val()
	var text string
	if err := oneArg(d, &text); err != nil {
		return err
	}
	parsed, err := caddy.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return d.Errf("%s: '%s' is no duration above 0", name, text)
	}
	*value = caddy.Duration(parsed)
	return nil
}

// onOff reads an option that is on or off.
func onOff(d *caddyfile.Dispenser) (bool, error) {
	name := d.Val()
	var text string
	if err := oneArg(d, &text); err != nil {
		return false, err
	}
	switch text {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, d.Errf("%s: '%s' is neither on nor off", name, text)
}

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*App)(nil)
	_ caddyfile.Unmarshaler = (*Handler)(nil)
	_ caddyfile.Unmarshaler = (*Retry)(nil)
)
