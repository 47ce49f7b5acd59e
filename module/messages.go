package module

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/hookgate/hookgate/internal/spelling"
)

// guests returns a hint: the module of the namespace that was probably meant, and all
// that exist.
func guests(namespace, name string) string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	told := ""
	if near := spelling.Nearest(name, names); near != "" {
		told = fmt.Sprintf(" (did you mean '%s'?)", near)
	}
	return told + "; want one of " + strings.Join(names, ", ")
}

// position matches how Caddy names the module of a list that an error is about.
var position = regexp.MustCompile(`^position (\d+): `)

// nameTrigger names the trigger instead, and for an unknown module those that exist.
func (a *App) nameTrigger(err error) error {
	found := position.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	n, _ := strconv.Atoi(found[1])
	var t struct {
		Module       string `json:"module"`
		ResourceType string `json:"resource_type"`
	}
	if n >= len(a.TriggersRaw) || json.Unmarshal(a.TriggersRaw[n], &t) != nil || t.Module == "" {
		return err
	}
	if t.ResourceType != "" {
		t.ResourceType = " " + t.ResourceType
	}
	told := ""
	if _, unknown := caddy.GetModule("webhooks.triggers." + t.Module); unknown != nil {
		told = guests("webhooks.triggers", t.Module)
	}
	return fmt.Errorf("trigger %s%s, at %w%s", t.Module, t.ResourceType, err, told)
}

// shown returns an address for a message, or nothing if it may hold a password or key.
func shown(address string) string {
	if strings.Contains(address, "@") || strings.Contains(address, "?") {
		return ""
	}
	return fmt.Sprintf(": %q", address)
}
