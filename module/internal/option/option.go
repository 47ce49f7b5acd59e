// Package option reads the options of a Caddyfile block. A missing or extra
// argument, a repeated option and a misplaced block are errors with file and
// line, so that no mistake passes silently.
package option

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/hookgate/hookgate/internal/spelling"
)

// Block reads the options of the block that follows: read is called for each
// with the dispenser at its name. A repeated option is an error unless it is
// repeatable.
func Block(d *caddyfile.Dispenser, read func(name string) error, repeatable ...string) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] && !slices.Contains(repeatable, name) {
			return d.Errf("'%s' is repeated", name)
		}
		seen[name] = true
		if err := read(name); err != nil {
			return err
		}
	}
	return nil
}

// Unknown returns the error for an option that a block does not have. The block
// fills the structs, whose JSON names are candidates for a suggestion; a
// []string lists such names instead.
func Unknown(d *caddyfile.Dispenser, structs ...any) error {
	var names []string
	for _, s := range structs {
		list, listed := s.([]string)
		if !listed {
			for field := range fields(s) {
				if field.Anonymous {
					continue // its fields are listed separately
				}
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				list = append(list, name)
			}
		}
		for _, name := range list {
			names = append(names, strings.TrimSuffix(name, "s"), name) // the Caddyfile has list entries one at a time
		}
	}
	err := d.Errf("unrecognized option '%s'", d.Val())
	if near := spelling.Nearest(d.Val(), names); near != "" {
		return fmt.Errorf("%w; did you mean '%s'?", err, near)
	}
	return err
}

func fields(s any) iter.Seq[reflect.StructField] {
	t := reflect.TypeOf(s)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return func(yield func(reflect.StructField) bool) {
		for i := 0; i < t.NumField() && yield(t.Field(i)); i++ {
		}
	}
}

// About adds what an error concerns to it, if there is an error.
func About(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Flag reads an option without arguments.
func Flag(d *caddyfile.Dispenser, into *bool) error {
	*into = true
	return End(d, d.Val())
}

// Text reads an option with one argument, which must not be empty.
func Text(d *caddyfile.Dispenser, into *string) error {
	name := d.Val()
	if err := values(d, into); err != nil {
		return err
	}
	return End(d, name)
}

// Pair reads an option with two arguments, which must not be empty.
func Pair(d *caddyfile.Dispenser, first, second *string) error {
	name := d.Val()
	if err := values(d, first, second); err != nil {
		return err
	}
	return End(d, name)
}

// Secret reads an option whose arguments must not be empty, and the last of
// which is a secret: what follows it may be part of it and is not shown.
func Secret(d *caddyfile.Dispenser, into ...*string) error {
	name := d.Val()
	if err := values(d, into...); err != nil {
		return err
	}
	return endSecret(d, name, len(into))
}

// Login is Secret for a user name, which may be empty, and a password.
func Login(d *caddyfile.Dispenser, user, password *string) error {
	name := d.Val()
	if !d.Args(user, password) {
		return d.ArgErr()
	}
	if *password == "" {
		return d.Errf("%s: the password is empty", name)
	}
	return endSecret(d, name, 2)
}

// List reads an option with at least least arguments.
func List(d *caddyfile.Dispenser, least int, into *[]string) error {
	name := d.Val()
	list := d.RemainingArgs()
	if len(list) < least {
		return d.ArgErr()
	}
	*into = list
	return End(d, name)
}

// Switch reads an option that is on or off.
func Switch(d *caddyfile.Dispenser, into *bool) error {
	name := d.Val()
	var text string
	if err := Text(d, &text); err != nil {
		return err
	}
	if text != "on" && text != "off" {
		return d.Errf("%s: '%s' is neither on nor off", name, text)
	}
	*into = text == "on"
	return nil
}

// Duration reads an option that is a duration above zero.
func Duration(d *caddyfile.Dispenser, into *caddy.Duration) error {
	name := d.Val()
	var text string
	if err := Text(d, &text); err != nil {
		return err
	}
	parsed, err := caddy.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return d.Errf("%s: '%s' is not a duration above 0", name, text)
	}
	*into = caddy.Duration(parsed)
	return nil
}

// Size reads an option that is a number of bytes between two limits, such as
// 25MiB.
func Size(d *caddyfile.Dispenser, into *int64, least, most uint64) error {
	name := d.Val()
	var text string
	if err := Text(d, &text); err != nil {
		return err
	}
	size, err := humanize.ParseBytes(text)
	if err != nil || size < least || size > most {
		return d.Errf("%s: '%s' is not a size from %s to %s", name, text, humanize.IBytes(least), humanize.IBytes(most))
	}
	*into = int64(size)
	return nil
}

// Number reads an option that is a whole number of at least least.
func Number(d *caddyfile.Dispenser, into *int, least int) error {
	name := d.Val()
	var text string
	if err := Text(d, &text); err != nil {
		return err
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < least {
		return d.Errf("%s: '%s' is not a number from %d", name, text, least)
	}
	*into = number
	return nil
}

// values reads arguments that must not be empty.
func values(d *caddyfile.Dispenser, into ...*string) error {
	name := d.Val()
	for _, value := range into {
		if !d.NextArg() {
			return d.ArgErr()
		}
		if *value = d.Val(); *value == "" {
			return d.Errf("%s: a value is empty", name)
		}
	}
	return nil
}

// endSecret is End after an option with count arguments.
func endSecret(d *caddyfile.Dispenser, name string, count int) error {
	if d.NextArg() {
		return d.Errf("wrong argument count: %s takes %d; put quotes around arguments with blanks", name, count)
	}
	return End(d, name)
}

// End refuses what follows a complete option: another argument, or a block,
// which would be read as options of the enclosing block.
func End(d *caddyfile.Dispenser, name string) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	line := d.Line()
	if d.Next() {
		block := d.Val() == "{" && d.Line() == line
		d.Prev()
		if block {
			return d.Errf("'%s' cannot have a block", name)
		}
	}
	return nil
}
