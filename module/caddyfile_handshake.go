package module

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/provider"
)

// readHandshake adds a request about the subscription itself, and its answer:
//
//	handshake [<method>] {
//		when       header|json|query|form <name> [<text>]
//		unless     header|json|query|form <name>
//		empty      <path>
//		open
//		token      header|json|query|form <name>
//		status     <code>
//		echo       header|json|query|form <name>
//		member     <name>
//		mac_member <name>
//		json       <document>
//		pong
//	}
//
// when, unless and empty, which wants a list without entries, may be given again:
// all of them must hold.
func readHandshake(d *caddyfile.Dispenser, into *[]provider.Handshake) error {
	var h provider.Handshake
	d.Args(&h.Method)
	err := option.Block(d, func(name string) error {
		switch name {
		case "when", "unless":
			return readCondition(d, name == "unless", &h.When)
		case "empty":
			condition := provider.Condition{Empty: true}
			err := option.Text(d, &condition.JSON)
			h.When = append(h.When, condition)
			return err
		case "pong":
			return option.Flag(d, &h.Pong)
		case "open":
			return option.Flag(d, &h.Open)
		case "token":
			return readHandshakePlace(d, &h.Token)
		case "status":
			return option.Number(d, &h.Status, 200)
		case "echo":
			return readHandshakePlace(d, &h.Echo)
		case "member":
			return option.Text(d, &h.Member)
		case "mac_member":
			return option.Text(d, &h.MACMember)
		case "json":
			return option.Text(d, &h.JSON)
		}
		return option.Unknown(d, h)
	}, "when", "unless", "empty")
	*into = append(*into, h)
	return err
}

func readCondition(d *caddyfile.Dispenser, absent bool, into *[]provider.Condition) error {
	var values []string
	if err := option.List(d, 2, &values); err != nil {
		return err
	}
	condition := provider.Condition{Absent: absent}
	switch {
	case len(values) == 3 && !absent && values[2] != "":
		condition.Equals = values[2]
	case len(values) > 2:
		return d.ArgErr()
	}
	var err error
	condition.Place, err = placeOf(d, values[0], values[1], handshakePlaces...)
	*into = append(*into, condition)
	return err
}

// handshakePlaces are where handshakes look.
var handshakePlaces = []string{"header", "json", "query", "form"}

func readHandshakePlace(d *caddyfile.Dispenser, into **provider.Place) error {
	var kind, name string
	if err := option.Pair(d, &kind, &name); err != nil {
		return err
	}
	at, err := placeOf(d, kind, name, handshakePlaces...)
	*into = &at
	return err
}
