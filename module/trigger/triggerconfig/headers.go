package triggerconfig

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/internal/option"
	"github.com/hookgate/hookgate/module/internal/secret"
)

// Headers are the header fields that an operator sets on each request, by name.
// placeholder.ParseHeader prepares them.
type Headers map[string]Values

// Values are the values of a header field: in JSON a list, or one string.
type Values []string

// UnmarshalJSON reads either form.
func (v *Values) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*v = Values{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(v))
}

// Lines returns the values by name. Those of a header that carries a credential,
// by its name, are held to what Secret asks of one.
func (h Headers) Lines(logger *zap.Logger) (map[string][]string, error) {
	lines := make(map[string][]string, len(h))
	for name, values := range h {
		lines[name] = values
		for _, value := range values {
			if !carriesCredential(name) {
				continue
			}
			secret.WarnLiteral(logger, "header "+name, value)
			if err := secret.Check(value); err != nil {
				return nil, fmt.Errorf("header %s: %w", name, err)
			}
		}
	}
	return lines, nil
}

// carriesCredential guesses by a header's name whether its value is a secret.
func carriesCredential(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"authorization", "cookie", "token", "secret", "key", "password"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// UnmarshalOption adds one field. Syntax:
//
//	header <name> <value...>
func (h *Headers) UnmarshalOption(d *caddyfile.Dispenser) error {
	var args []string
	if err := option.List(d, 2, &args); err != nil {
		return err
	}
	name := args[0]
	for earlier := range *h {
		if strings.EqualFold(earlier, name) {
			return d.Errf("the header %s is repeated", name)
		}
	}
	if *h == nil {
		*h = make(Headers)
	}
	(*h)[name] = args[1:]
	return nil
}
