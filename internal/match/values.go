package match

import (
	"strconv"
	"strings"
	"unsafe"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
	"github.com/tidwall/gjson"

	"github.com/hookgate/hookgate/internal/document"
)

// The bounds of what an evaluation looks at in a payload.
const (
	// maxMembers is how many members of objects and items of arrays are taken
	// apart, those on the way to what the expression names.
	maxMembers = 200_000

	// maxText is the longest text, in bytes.
	maxText = 128 << 10
)

// payloadError is a payload into which an expression cannot look.
type payloadError struct{ text string }

func (e *payloadError) Error() string { return e.text }

var (
	errMembers = &payloadError{"the payload has too many members on the way to what is asked for"}
	errText    = &payloadError{"a text of the payload is too long to be looked at"}
)

// activation gives the variables of one evaluation, each when it is asked for.
type activation struct {
	event   *Event
	headers ref.Val
	payload *node
}

// Parent returns nil: there are no other variables.
func (a *activation) Parent() interpreter.Activation { return nil }

// ResolveName returns a variable.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "headers":
		if a.headers == nil {
			a.headers = types.NewStringStringMap(adapter{}, lower(a.event.Header))
		}
		return a.headers, true
	case "event":
		return said(a.event.Names.EventType()), true
	case "action":
		return said(a.event.Names.EventAction()), true
	case "delivery_id":
		return said(a.event.Names.EventDelivery()), true
	case "webhook_id":
		return types.String(a.event.WebhookID), true
	case "project":
		return types.String(a.event.Project), true
	case "payload":
		if a.payload == nil {
			a.payload = newPayload(a.event.Payload)
		}
		return a.payload.get(), true
	}
	return nil, false
}

func said(text string, err error) ref.Val {
	if err != nil {
		return types.WrapErr(err)
	}
	return types.String(text)
}

func lower(header map[string][]string) map[string]string {
	fields := make(map[string]string, len(header))
	for name, values := range header {
		if len(values) > 0 {
			fields[strings.ToLower(name)] = values[0]
		}
	}
	return fields
}

// node is a value of a payload. It becomes one of CEL when it is asked for, and
// once: an expression pays for the way to what it names, not for the payload.
type node struct {
	json  string // valid JSON
	value ref.Val
	left  *int // members that may still be taken apart
}

func newPayload(payload *document.Document) *node {
	if err := payload.Err(); err != nil {
		return &node{value: types.WrapErr(err)}
	}
	text, left := payload.Value().Raw(), maxMembers
	// The text lives no longer than the evaluation, in which nobody changes
	// the payload: a copy of up to 25 MiB is saved.
	return &node{json: unsafe.String(unsafe.SliceData(text), len(text)), left: &left}
}

func (n *node) get() ref.Val {
	if n.value == nil {
		n.value = n.convert()
	}
	return n.value
}

func (n *node) convert() ref.Val {
	value := gjson.Parse(n.json)
	switch value.Type {
	case gjson.True, gjson.False:
		return types.Bool(value.Bool())
	case gjson.Number:
		return number(value.Raw)
	case gjson.String:
		if len(value.Raw) > maxText {
			return types.WrapErr(errText)
		}
		return types.String(value.Str)
	case gjson.JSON:
		if value.IsArray() {
			return n.list(value)
		}
		return n.object(value)
	}
	return types.NullValue
}

// number keeps whole numbers exact, since senders number things with 64 bits.
func number(text string) ref.Val {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return types.Int(n)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return types.Uint(n)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Double(n)
}

func (n *node) list(value gjson.Result) ref.Val {
	var items []any
	whole := n.each(value, func(_ gjson.Result, item *node) { items = append(items, item) })
	if !whole {
		return types.WrapErr(errMembers)
	}
	return types.NewDynamicList(adapter{}, items)
}

// object takes the last of members of one name, as most readers of JSON do.
func (n *node) object(value gjson.Result) ref.Val {
	members := make(map[string]any)
	whole := n.each(value, func(name gjson.Result, member *node) { members[name.Str] = member })
	if !whole {
		return types.WrapErr(errMembers)
	}
	return types.NewStringInterfaceMap(adapter{}, members)
}

// each calls take with each member of the value, unless there are too many.
func (n *node) each(value gjson.Result, take func(name gjson.Result, member *node)) bool {
	value.ForEach(func(name, member gjson.Result) bool {
		if *n.left--; *n.left < 0 {
			return false
		}
		take(name, &node{json: member.Raw, left: n.left})
		return true
	})
	return *n.left >= 0
}

// adapter turns nodes into values of CEL.
type adapter struct{}

// NativeToValue returns the value of CEL for one of Go.
func (adapter) NativeToValue(value any) ref.Val {
	if n, ok := value.(*node); ok {
		return n.get()
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}
