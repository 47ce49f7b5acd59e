package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hookgate/hookgate/internal/syntax"
	"github.com/hookgate/hookgate/module/trigger"
)

// fencePlaceholder stands for the name of the fence, so that a template can
// explain it.
const fencePlaceholder = "fence"

// own are the placeholders for values from admins and the gateway: they are
// inserted as they are.
var own = map[string]func(*trigger.Event) string{
	"webhook.id":            func(e *trigger.Event) string { return e.WebhookID },
	"webhook.project":       func(e *trigger.Event) string { return e.Project },
	"webhook.alias":         func(e *trigger.Event) string { return e.Alias },
	"webhook.provider":      func(e *trigger.Event) string { return e.Provider },
	"webhook.event_id":      func(e *trigger.Event) string { return e.ID },
	"webhook.resource_type": func(e *trigger.Event) string { return e.Resource.Type },
	"webhook.resource_id":   func(e *trigger.Event) string { return e.Resource.ID },
}

// senders are the placeholders for what the sender wrote in headers: they are
// fenced, like the fields.
var senders = map[string]func(*trigger.Event) string{
	"webhook.event":       func(e *trigger.Event) string { return e.Type },
	"webhook.delivery_id": func(e *trigger.Event) string { return e.DeliveryID },
}

// template is a parsed text. Placeholders in values are never expanded.
type template []syntax.Part

// parse parses a text. An unknown name is an error.
func parse(text string, fields map[string]string) (template, error) {
	t := syntax.Template(text, isPlaceholder)
	for _, p := range t {
		_, isField := fields[p.Name]
		if p.Name != "" && !isField && own[p.Name] == nil && senders[p.Name] == nil && p.Name != fencePlaceholder {
			return nil, fmt.Errorf("unknown field or placeholder {%.64s}; write \\{ for a literal brace", p.Name)
		}
	}
	return t, nil
}

// isPlaceholder reports whether braces around the text are meant as a
// placeholder: always if another part of the configuration has one of that
// name.
func isPlaceholder(text string) bool {
	if text == "" || !isLetter(text[0]) {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !isLetter(c) && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// render fills in the values. Everything that a sender wrote is enclosed in
// <untrusted-…> and </untrusted-…>, under a name that no value contains.
func (t template) render(event *trigger.Event, texts map[string]text, maxBytes int) []byte {
	used := make(map[string]text)
	var lengths []int
	for _, p := range t {
		if p.Name == "" || p.Name == fencePlaceholder || own[p.Name] != nil {
			continue
		}
		if say := senders[p.Name]; say != nil {
			used[p.Name] = plainText(say(event))
		} else {
			used[p.Name] = texts[p.Name]
		}
		lengths = append(lengths, used[p.Name].length)
	}
	most := level(lengths, maxBytes)
	foreign := make(map[string]string, len(used))
	for name, text := range used {
		foreign[name] = text.cut(most)
	}
	fence := newFence(event.ID, foreign)
	var out bytes.Buffer
	for _, p := range t {
		switch {
		case p.Name == "":
			out.WriteString(p.Text)
		case p.Name == fencePlaceholder:
			out.WriteString(fence)
		case own[p.Name] != nil:
			out.WriteString(own[p.Name](event))
		default:
			fmt.Fprintf(&out, "<%s>%s</%s>", fence, foreign[p.Name], fence)
		}
	}
	return out.Bytes()
}

// newFence returns a name that none of the texts contains. It is derived from
// the event's ID, which was generated after the sender had written them all: it
// cannot be predicted, and is the same at each attempt.
func newFence(eventID string, texts map[string]string) string {
	for seed := eventID; ; seed += "." {
		sum := sha256.Sum256([]byte("fence\x00" + seed))
		fence := "untrusted-" + hex.EncodeToString(sum[:8])
		held := false
		for _, text := range texts {
			held = held || strings.Contains(text, fence)
		}
		if !held {
			return fence
		}
	}
}
