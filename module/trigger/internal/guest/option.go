// Package guest holds what the triggers' Caddy modules have in common: the
// options of their blocks, projects, secrets, and Caddy's HTTP transport.
package guest

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Block reads the options of d's block. read gets each one with the dispenser
// at its name; a repeated one is an error, unless read reports it as a list.
func Block(d *caddyfile.Dispenser, read func(option string) (list bool, err error)) error {
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if seen[option] {
			return d.Errf("the option %s is repeated", option)
		}
		list, err := read(option)
		if err != nil {
			return err
		}
		seen[option] = !list
	}
	return nil
}

// Text reads an option's only argument.
func Text(d *caddyfile.Dispenser, into *string) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	*into = d.Val()
	if *into == "" {
		return d.Err("the value is empty")
	}
	return None(d)
}

// Duration reads an option's only argument as a length of time above zero.
func Duration(d *caddyfile.Dispenser, into *caddy.Duration) error {
	var text string
	if err := Text(d, &text); err != nil {
		return err
	}
	value, err := caddy.ParseDuration(text)
	if err != nil || value <= 0 {
		return d.Errf("%q is no duration above zero", text)
	}
	*into = caddy.Duration(value)
	return nil
}

// None checks that no argument follows.
func None(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}
