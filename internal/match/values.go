package match

import (
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// The limits on what an evaluation reads of a payload.
const (
	// maxMembers is how many object members and array items are parsed on the way
	// to the values that the expression uses.
	maxMembers = 200_000

	// maxText is the longest text, in bytes.
	maxText = 128 << 10

	// maxReadings is how often a payload may be read in total: nested values are
	// read again on each level that is parsed. A small payload counts as one of
	// minRead bytes.
	maxReadings = 8
	minRead     = 16 << 10
)

// value is a scalar of the library's types, a *list or an *object. Inside a
// list or an object it may also be an unparsed part of the payload
// (document.Value), or the error of a part that could not be used (unfit).
type value any

// list is an array in the payload, or one that an expression creates.
type list struct{ items []value }

// object is an object in the payload, the headers, or a map that an expression
// creates. Only the keys of the latter may be other than texts.
type object struct {
	keys, values []value
	index        map[string]int // of the keys, if there are many
}

type unfit struct{ err error }

// resolve returns the value in a cell. A part of the payload is converted to
// CEL when it is first used: an expression pays for the path to the values that
// it uses, not for the payload.
func (r *run) resolve(cell *value) (value, error) {
	switch v := (*cell).(type) {
	case jsondoc.Value:
		made, err := r.convert(v)
		if err != nil {
			made = unfit{err}
		}
		*cell = made
		return made, err
	case unfit:
		return nil, v.err
	}
	return *cell, nil
}

func (r *run) convert(v jsondoc.Value) (value, error) {
	length := len(v.Raw())
	switch {
	case v.IsArray():
		r.read(length)
		return r.list(v)
	case v.IsObject():
		r.read(length)
		return r.object(v)
	case length > maxText:
		return nil, errText
	case v.IsString():
		r.payText(length)
		return types.String(v.Text()), nil
	case v.IsNumber():
		r.payText(length)
		return number(string(v.Raw()))
	case v.IsNull():
		return types.NullValue, nil
	}
	return types.Bool(v.Raw()[0] == 't'), nil
}

// number keeps whole numbers exact, because senders use 64-bit IDs.
func number(text string) (value, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return types.Int(n), nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return types.Uint(n), nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, &Error{ReasonOther, errNumber}
	}
	return types.Double(n), nil
}

func (r *run) list(v jsondoc.Value) (value, error) {
	made := new(list)
	for item := range v.Entries() {
		if r.members--; r.members < 0 {
			return nil, errMembers
		}
		made.items = append(made.items, item)
	}
	return made, nil
}

func (r *run) object(v jsondoc.Value) (value, error) {
	made := new(object)
	for name, member := range v.Members() {
		if r.members--; r.members < 0 {
			return nil, errMembers
		}
		made.keys = append(made.keys, types.String(name.Text()))
		made.values = append(made.values, member)
	}
	if len(made.keys) > fewKeys {
		made.index = make(map[string]int, len(made.keys))
		for i, key := range made.keys {
			made.index[string(key.(types.String))] = i
		}
	}
	return made, nil
}

// fewKeys is up to how many keys are compared one by one.
const fewKeys = 16

// find returns the index of a key's value, or -1.
func (r *run) find(o *object, key value) (int, error) {
	if text, ok := key.(types.String); ok {
		r.payText(len(text))
		if o.index != nil {
			if at, found := o.index[string(text)]; found {
				return at, nil
			}
			return -1, nil
		}
	}
	for i := range o.keys {
		if same, err := r.equal(key, o.keys[i]); same || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// get returns the value for a key or index.
func (r *run) get(from, key value) (value, error) {
	cell, err := r.cell(from, key)
	if err != nil {
		return nil, err
	}
	if cell == nil {
		return nil, &Error{ReasonMissing, missing{key}}
	}
	return r.resolve(cell)
}

// cell returns the cell of the value for a key or index, or nil if there is
// none.
func (r *run) cell(from, key value) (*value, error) {
	switch from := from.(type) {
	case *object:
		at, err := r.find(from, key)
		if at < 0 || err != nil {
			return nil, err
		}
		return &from.values[at], nil
	case *list:
		at, whole := index(key)
		if !whole {
			return nil, &Error{ReasonType, errIndex}
		}
		if at < 0 || at >= int64(len(from.items)) {
			return nil, nil
		}
		return &from.items[at], nil
	}
	return nil, nil
}

// index converts a key to a whole number.
func index(key value) (int64, bool) {
	switch key := key.(type) {
	case types.Int:
		return int64(key), true
	case types.Uint:
		return int64(min(key, math.MaxInt64)), true
	case types.Double:
		at := int64(key)
		return at, types.Double(at) == key
	}
	return 0, false
}

// missing means that an event has no answer because it lacks a field.
type missing struct{ key value }

func (m missing) Error() string {
	if text, ok := m.key.(types.String); ok {
		return fmt.Sprintf("no such key: %.100s", string(text))
	}
	return fmt.Sprintf("no such key: %v", m.key)
}

// kind returns the type of a value.
func kind(v value) ref.Type {
	switch v := v.(type) {
	case *list:
		return types.ListType
	case *object:
		return types.MapType
	case ref.Val:
		return v.Type()
	}
	return types.ErrType
}
