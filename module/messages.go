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

// guests says which module of a namespace was probably meant, and which there are.
func guests(namespace, name string) string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	told := ""
	if near := spelling.Nearest(name, names); near != "" {
		told = fmt.Sprintf(" (did you mean '%s'?)", near)
	}
	return told + "; there are " + strings.Join(names, ", ")
}

// position is how Caddy says which module of a list an error is about.
var position = regexp.MustCompile(`^position (\d+): `)

// nameTrigger says instead which trigger it is, and for a module that there is not,
// which there are.
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

// shown shows an address in a message, unless it may hold a password or key.
func shown(address string) string {
	if strings.Contains(address, "@") || strings.Contains(address, "?") {
		return ""
	}
	return fmt.Sprintf(": %q", address)
}
