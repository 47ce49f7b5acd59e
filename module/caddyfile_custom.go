package module

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/provider"
)

// readDescription reads the block in which an integration describes a sender that is
// not built in:
//
//	signature custom <secret...> {
//		header        <name>
//		more          <header...>
//		algorithm     token|hmac-sha1|hmac-sha256|hmac-sha384|hmac-sha512|ed25519|ecdsa-sha256
//		encoding      hex|base64|base64url
//		prefix        <text>
//		separator     <character>
//		signed        <text with places>
//		secret_format text|basic|base64|hex|whsec|whpk|spki
//		time          header|json|part <name> [unix|unix-ms|rfc3339] [<seconds>]
//		body_unsigned
//		event         header|json <name>
//		delivery      header|json <name>
//		json_lines
//		delivery_repeats
//		per_attempt   <path...>
//		kinds         <path...>
//		action        <path...>
//		pings         <type...>
//		sha256_optional
//		form_field    <name>
//		pass          <header...>
//		status        <code>
//		sample        <type>
//		scheme {
//			...
//		}
//		handshake [<method>] {
//			...
//		}
//	}
//
// The options from header to body_unsigned are the sender's first scheme. A
// block scheme has the same for another one, and may be given again, as may
// handshake, whose options readHandshake tells.
func readDescription(d *caddyfile.Dispenser, into *provider.Description) error {
	var c custom
	if err := option.Block(d, func(name string) error { return c.read(d, name) }, "event", "delivery", "scheme", "handshake"); err != nil {
		return err
	}
	c.scheme.SetDefaults()
	c.description.Schemes = append([]provider.Scheme{c.scheme}, c.description.Schemes...)
	*into = c.description
	c.description.Name = credential.Custom
	if err := c.description.Validate(); err != nil {
		return d.Errf("signature custom: %v", err)
	}
	return nil
}

// custom is a description on its way.
type custom struct {
	description provider.Description
	scheme      provider.Scheme // the first one
}

func (c *custom) read(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "scheme":
		var further provider.Scheme
		err := option.Block(d, func(name string) error {
			return readScheme(d, name, &further, func() error { return option.Unknown(d, further) })
		})
		further.SetDefaults()
		c.description.Schemes = append(c.description.Schemes, further)
		return err
	case "handshake":
		return readHandshake(d, &c.description.Handshakes)
	}
	return readScheme(d, name, &c.scheme, func() error { return c.readEvent(d, name) })
}

// readScheme reads an option of a scheme; otherwise reads any other.
func readScheme(d *caddyfile.Dispenser, name string, into *provider.Scheme, otherwise func() error) error {
	switch name {
	case "header":
		return option.Text(d, &into.Header)
	case "more":
		return option.List(d, 1, &into.More)
	case "algorithm":
		return option.Text(d, (*string)(&into.Algorithm))
	case "encoding":
		return option.Text(d, (*string)(&into.Encoding))
	case "prefix":
		return option.Text(d, &into.Prefix)
	case "separator":
		return option.Text(d, &into.Separator)
	case "signed":
		return option.Text(d, &into.Signed)
	case "secret_format":
		return option.Text(d, (*string)(&into.Secret))
	case "time":
		return readTime(d, into)
	case "body_unsigned":
		return option.Flag(d, &into.BodyUnsigned)
	}
	return otherwise()
}

// readEvent reads what says of the event what it is.
func (c *custom) readEvent(d *caddyfile.Dispenser, name string) error {
	into := &c.description
	switch name {
	case "event":
		return readPlace(d, &into.Event)
	case "delivery":
		return readPlace(d, &into.Delivery)
	case "json_lines":
		return option.Flag(d, &into.JSONLines)
	case "delivery_repeats":
		return option.Flag(d, &into.DeliveryRepeats)
	case "per_attempt":
		return option.List(d, 1, &into.PerAttempt)
	case "kinds":
		return option.List(d, 1, &into.Kinds)
	case "action":
		return option.List(d, 1, (*[]string)(&into.Action))
	case "pings":
		return option.List(d, 1, &into.Pings)
	case "sha256_optional":
		return option.Flag(d, &into.SHA256Optional)
	case "form_field":
		return option.Text(d, &into.FormField)
	case "pass":
		return option.List(d, 1, &into.Pass)
	case "status":
		return option.Number(d, &into.Status, 200)
	case "sample":
		return option.Text(d, &into.Sample)
	}
	return option.Unknown(d, into, provider.Scheme{})
}

// readPlace adds a place; the first that holds something counts.
func readPlace(d *caddyfile.Dispenser, into *[]provider.Place) error {
	var kind, name string
	if err := option.Pair(d, &kind, &name); err != nil {
		return err
	}
	at, err := placeOf(d, kind, name, "header", "json")
	*into = append(*into, at)
	return err
}

func readTime(d *caddyfile.Dispenser, into *provider.Scheme) error {
	var values []string
	if err := option.List(d, 2, &values); err != nil {
		return err
	}
	at, err := placeOf(d, values[0], values[1], "header", "json", "part")
	if err != nil {
		return err
	}
	into.Time = &provider.Time{Place: at}
	if len(values) > 4 {
		return d.ArgErr()
	}
	for _, text := range values[2:] {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			into.Time.Format = provider.TimeFormat(text)
			continue
		}
		if seconds < 1 {
			return d.Errf("time: '%s' is not a number of seconds above 0", text)
		}
		into.Time.Tolerance = seconds
	}
	return nil
}

// placeOf reads a place of one of the kinds.
func placeOf(d *caddyfile.Dispenser, kind, name string, kinds ...string) (at provider.Place, err error) {
	if !slices.Contains(kinds, kind) {
		return at, d.Errf("'%s' is not a place: %s is needed", kind, strings.Join(kinds, " or "))
	}
	switch kind {
	case "header":
		at.Header = name
	case "json":
		at.JSON = name
	case "query":
		at.Query = name
	case "form":
		at.Form = name
	case "part":
		at.Part = name
	}
	return at, nil
}
