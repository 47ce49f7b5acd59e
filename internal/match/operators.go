package match

import (
	"bytes"
	"math"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// arithmetic is an operator on numbers and times.
func arithmetic[T any](operate func(a T, b ref.Val) ref.Val) func(*run, value, value) (value, error) {
	return func(_ *run, a, b value) (value, error) {
		left, ok := a.(T)
		right, isScalar := b.(ref.Val)
		if !ok || !isScalar {
			return nil, errOverload
		}
		return scalar(operate(left, right))
	}
}

func search(find func(text, part string) bool) func(*run, value, value) (value, error) {
	return func(r *run, a, b value) (value, error) {
		text, ok := a.(types.String)
		part, isText := b.(types.String)
		if !ok || !isText {
			return nil, errOverload
		}
		r.payText(len(text) + len(part))
		return types.Bool(find(string(text), string(part))), nil
	}
}

// compare is an operator on ordered values.
func compare(holds func(types.Int) bool) func(*run, value, value) (value, error) {
	return func(r *run, a, b value) (value, error) {
		left, ok := a.(traits.Comparer)
		right, isScalar := b.(ref.Val)
		if !ok || !isScalar {
			return nil, errOverload
		}
		if isNaN(a) || isNaN(b) {
			return types.False, nil
		}
		r.payText(min(lengthOf(a), lengthOf(b)))
		order, err := scalar(left.Compare(right))
		if err != nil {
			return nil, err
		}
		return types.Bool(holds(order.(types.Int))), nil
	}
}

func isNaN(v value) bool {
	n, ok := v.(types.Double)
	return ok && math.IsNaN(float64(n))
}

// itemsPerUnit is how many items of a list a unit copies.
const itemsPerUnit = 10

func (r *run) add(a, b value) (value, error) {
	switch left := a.(type) {
	case *list:
		right, ok := b.(*list)
		if !ok {
			return nil, errOverload
		}
		r.pay((len(left.items) + len(right.items)) / itemsPerUnit)
		items := make([]value, 0, len(left.items)+len(right.items))
		return &list{append(append(items, left.items...), right.items...)}, nil
	case types.String:
		right, ok := b.(types.String)
		if !ok {
			return nil, errOverload
		}
		r.payText(len(left) + len(right))
		return left + right, nil
	case types.Bytes:
		right, ok := b.(types.Bytes)
		if !ok {
			return nil, errOverload
		}
		r.payText(len(left) + len(right))
		return types.Bytes(bytes.Join([][]byte{left, right}, nil)), nil
	}
	return addNumbers(r, a, b)
}

var addNumbers = arithmetic(func(a traits.Adder, b ref.Val) ref.Val { return a.Add(b) })

// gather adds to a loop's accumulator: a list grows in place, because nothing
// else refers to it yet.
func (r *run) gather(a, b value) (value, error) {
	left, ok := a.(*list)
	right, isList := b.(*list)
	if !ok || !isList {
		return r.add(a, b)
	}
	r.pay(len(right.items) / itemsPerUnit)
	left.items = append(left.items, right.items...)
	return left, nil
}

// newObject creates a map, in which keys must be unique.
func (r *run) newObject(keys, values []value) (value, error) {
	made := new(object)
	for i, key := range keys {
		switch key.(type) {
		case types.String, types.Int, types.Uint, types.Bool, types.Double:
		default:
			return nil, &Error{ReasonType, errKey}
		}
		at, err := r.find(made, key)
		if err != nil {
			return nil, err
		}
		if at >= 0 {
			return nil, &Error{ReasonOther, errKeyTwice}
		}
		made.keys, made.values = append(made.keys, key), append(made.values, values[i])
	}
	return made, nil
}

// in reports whether a list contains an item, or a map a key.
func (r *run) in(a, b value) (value, error) {
	switch b := b.(type) {
	case *object:
		at, err := r.find(b, a)
		return types.Bool(at >= 0), err
	case *list:
		for i := range b.items {
			item, err := r.resolve(&b.items[i])
			if err != nil {
				continue
			}
			if same, err := r.equal(a, item); same && err == nil {
				return types.True, nil
			}
		}
		return types.False, nil
	}
	return nil, errOverload
}

// equal reports whether two values are equal; numbers are compared by value.
func (r *run) equal(a, b value) (bool, error) {
	r.payText(min(lengthOf(a), lengthOf(b)))
	switch left := a.(type) {
	case *list:
		right, ok := b.(*list)
		if !ok || len(left.items) != len(right.items) {
			return false, nil
		}
		return r.allEqual(len(left.items), func(i int) (*value, *value, error) { return &left.items[i], &right.items[i], nil })
	case *object:
		right, ok := b.(*object)
		if !ok || len(left.keys) != len(right.keys) {
			return false, nil
		}
		return r.allEqual(len(left.keys), func(i int) (*value, *value, error) {
			other, err := r.cell(right, left.keys[i])
			return &left.values[i], other, err
		})
	case ref.Val:
		right, ok := b.(ref.Val)
		return ok && types.Equal(left, right) == types.True, nil
	}
	return false, nil
}

// allEqual reports whether n pairs are equal. An error counts only if all other
// pairs are equal.
func (r *run) allEqual(n int, pair func(int) (*value, *value, error)) (bool, error) {
	var first error
	for i := range n {
		left, right, err := pair(i)
		if err == nil && right == nil {
			return false, nil
		}
		var a, b value
		if err == nil {
			a, err = r.resolve(left)
		}
		if err == nil {
			b, err = r.resolve(right)
		}
		same := true
		if err == nil {
			same, err = r.equal(a, b)
		}
		if err == nil && !same {
			return false, nil
		}
		if first == nil {
			first = err
		}
	}
	return first == nil, first
}
