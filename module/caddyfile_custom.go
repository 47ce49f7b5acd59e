package module

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/provider"
)

// readSignature reads who signs and the secrets, and of a sender that is not
// known how it signs:
//
//	signature <provider> <secret...>
//	signature custom <secret...> {
//		header        <name>
//		algorithm     token|hmac-sha1|hmac-sha256|hmac-sha512|ed25519|ecdsa-sha256
//		encoding      hex|base64|base64url
//		prefix        <text>
//		separator     <character>
//		signed        <text with places>
//		secret_format text|basic|base64|hex|whsec|whpk|spki
//		time          header|json|part <name> [unix|unix-ms|rfc3339] [<seconds>]
//		body_unsigned
//		event         header|json <name>
//		delivery      header|json <name>
//		kinds         <path...>
//		action        <path>
//		pings         <type...>
//		form_field    <name>
//		pass          <header...>
//		status        <code>
//		sample        <type>
//	}
func (in *declaration) readSignature(d *caddyfile.Dispenser) error {
	if d.CountRemainingArgs() < 2 {
		return d.ArgErr()
	}
	d.NextArg()
	if d.Val() != integration.Custom {
		d.Prev()
		var values []string
		err := option.List(d, 2, &values)
		if err == nil {
			in.Authentication.Signature = &declaredSignature{Provider: values[0], Secrets: values[1:]}
		}
		return err
	}
	c := custom{scheme: provider.Scheme{Algorithm: provider.HMACSHA256}}
	signature := &declaredSignature{Provider: integration.Custom, Secrets: d.RemainingArgs(), Description: &c.description}
	if err := option.Block(d, func(name string) error { return c.read(d, name) }, "event", "delivery"); err != nil {
		return err
	}
	if c.scheme.Signed == "" && c.scheme.Algorithm != provider.Token {
		c.scheme.Signed = "{body}"
	}
	c.description.Schemes = []provider.Scheme{c.scheme}
	named := c.description
	named.Name = integration.Custom
	if err := named.Validate(); err != nil {
		return d.Errf("signature custom: %v", err)
	}
	in.Authentication.Signature = signature
	return nil
}

// custom is a description on its way.
type custom struct {
	description provider.Description
	scheme      provider.Scheme
}

func (c *custom) read(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "header":
		return option.Text(d, &c.scheme.Header)
	case "algorithm":
		return option.Text(d, (*string)(&c.scheme.Algorithm))
	case "encoding":
		return option.Text(d, (*string)(&c.scheme.Encoding))
	case "prefix":
		return option.Text(d, &c.scheme.Prefix)
	case "separator":
		return option.Text(d, &c.scheme.Separator)
	case "signed":
		return option.Text(d, &c.scheme.Signed)
	case "secret_format":
		return option.Text(d, (*string)(&c.scheme.Secret))
	case "time":
		return c.readTime(d)
	case "body_unsigned":
		return option.Flag(d, &c.scheme.BodyUnsigned)
	}
	return c.readEvent(d, name)
}

// readEvent reads what says of the event what it is.
func (c *custom) readEvent(d *caddyfile.Dispenser, name string) error {
	into := &c.description
	switch name {
	case "event":
		return readPlace(d, &into.Event)
	case "delivery":
		return readPlace(d, &into.Delivery)
	case "kinds":
		return option.List(d, 1, &into.Kinds)
	case "action":
		return option.Text(d, &into.Action)
	case "pings":
		return option.List(d, 1, &into.Pings)
	case "form_field":
		return option.Text(d, &into.FormField)
	case "pass":
		return option.List(d, 1, &into.Pass)
	case "status":
		return option.Number(d, &into.Status, 200)
	case "sample":
		return option.Text(d, &into.Sample)
	}
	return option.Unknown(d)
}

// readPlace adds a place; the first that holds something counts.
func readPlace(d *caddyfile.Dispenser, into *[]provider.Place) error {
	var kind, name string
	if err := option.Pair(d, &kind, &name); err != nil {
		return err
	}
	at, ok := placeOf(kind, name)
	if !ok || at.Part != "" {
		return d.Errf("'%s' is no place: header and json are", kind)
	}
	*into = append(*into, at)
	return nil
}

func (c *custom) readTime(d *caddyfile.Dispenser) error {
	var values []string
	if err := option.List(d, 2, &values); err != nil {
		return err
	}
	at, ok := placeOf(values[0], values[1])
	if !ok {
		return d.Errf("'%s' is no place: header, json and part are", values[0])
	}
	c.scheme.Time = &provider.Time{Place: at}
	if len(values) > 4 {
		return d.ArgErr()
	}
	for _, text := range values[2:] {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			c.scheme.Time.Format = provider.TimeFormat(text)
			continue
		}
		if seconds < 1 {
			return d.Errf("time: '%s' is no number of seconds above 0", text)
		}
		c.scheme.Time.Tolerance = seconds
	}
	return nil
}

func placeOf(kind, name string) (provider.Place, bool) {
	switch kind {
	case "header":
		return provider.Place{Header: name}, true
	case "json":
		return provider.Place{JSON: name}, true
	case "part":
		return provider.Place{Part: name}, true
	}
	return provider.Place{}, false
}
