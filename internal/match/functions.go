package match

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// function compiles a function call.
func function(name string, args []part) (step, error) {
	switch name {
	case operators.LogicalAnd:
		return connect(args, false), nil
	case operators.LogicalOr:
		return connect(args, true), nil
	case operators.Conditional:
		return choose(args[0].step, args[1].step, args[2].step), nil
	case operators.NotStrictlyFalse:
		return notFalse(args[0].step), nil
	case overloads.Matches:
		return matches(args[0].step, args[1].constant)
	}
	if getter, found := getters[name]; found {
		return timeGetter(getter, args)
	}
	if f, found := unary[name]; found && len(args) == 1 {
		return call1(f, args[0].step), nil
	}
	if f, found := binary[name]; found && len(args) == 2 {
		return call2(f, args[0].step, args[1].step), nil
	}
	return nil, fmt.Errorf("%.100s cannot be called here", name)
}

func call1(f func(*run, value) (value, error), arg step) step {
	return func(r *run) (value, error) {
		v, err := arg(r)
		if err != nil {
			return nil, err
		}
		return f(r, v)
	}
}

func call2(f func(r *run, a, b value) (value, error), left, right step) step {
	return func(r *run) (value, error) {
		a, err := left(r)
		if err != nil {
			return nil, err
		}
		b, err := right(r)
		if err != nil {
			return nil, err
		}
		return f(r, a, b)
	}
}

// connect implements && and ||: an error counts only if no other part decides.
func connect(args []part, decides types.Bool) step {
	return func(r *run) (value, error) {
		var first error
		for i := range args {
			b, err := boolean(args[i].step(r))
			switch {
			case err == nil && types.Bool(b) == decides:
				return decides, nil
			case first == nil:
				first = err
			}
		}
		if first != nil {
			return nil, first
		}
		return !decides, nil
	}
}

func choose(condition, yes, no step) step {
	return func(r *run) (value, error) {
		b, err := boolean(condition(r))
		switch {
		case err != nil:
			return nil, err
		case b:
			return yes(r)
		}
		return no(r)
	}
}

func notFalse(arg step) step {
	return func(r *run) (value, error) {
		if b, err := boolean(arg(r)); err == nil {
			return types.Bool(b), nil
		}
		return types.True, nil
	}
}

// matches requires a literal pattern: the author of a payload would choose
// another one.
func matches(text step, pattern value) (step, error) {
	written, ok := pattern.(types.String)
	if !ok {
		return nil, errors.New("matches: the pattern must be a literal text")
	}
	size, err := sizeOf(string(written))
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	compiled, err := regexp.Compile(string(written))
	if err != nil {
		return nil, fmt.Errorf("matches: %w", err)
	}
	return call1(func(r *run, v value) (value, error) {
		text, ok := v.(types.String)
		if !ok {
			return nil, errOverload
		}
		r.pay(1 + len(text)*size/patternPerUnit)
		return types.Bool(compiled.MatchString(string(text))), nil
	}, text), nil
}

// patternPerUnit is how many bytes a unit pays for, times the instructions of
// the pattern that each byte may meet.
const patternPerUnit = 200

var unary = map[string]func(r *run, v value) (value, error){
	operators.LogicalNot: func(_ *run, v value) (value, error) {
		b, err := boolean(v, nil)
		return types.Bool(!b), err
	},
	operators.Negate: func(_ *run, v value) (value, error) {
		n, ok := v.(traits.Negater)
		if _, isBool := v.(types.Bool); !ok || isBool {
			return nil, errOverload
		}
		return scalar(n.Negate())
	},
	overloads.Size:                 size,
	overloads.TypeConvertType:      func(_ *run, v value) (value, error) { return kind(v), nil },
	overloads.TypeConvertDyn:       func(_ *run, v value) (value, error) { return v, nil },
	overloads.TypeConvertBool:      convert(types.BoolType, types.StringType),
	overloads.TypeConvertBytes:     convert(types.BytesType, types.StringType),
	overloads.TypeConvertDouble:    convert(types.DoubleType, types.IntType, types.StringType, types.UintType),
	overloads.TypeConvertDuration:  convert(types.DurationType, types.StringType),
	overloads.TypeConvertInt:       convert(types.IntType, types.DoubleType, types.DurationType, types.StringType, types.TimestampType, types.UintType),
	overloads.TypeConvertTimestamp: convert(types.TimestampType, types.IntType, types.StringType),
	overloads.TypeConvertUint:      convert(types.UintType, types.DoubleType, types.IntType, types.StringType),
	overloads.TypeConvertString: convert(types.StringType,
		types.BoolType, types.BytesType, types.DoubleType, types.DurationType, types.IntType, types.TimestampType, types.UintType),
}

// maxConverted is the longest text, in bytes, that can be converted to a number
// or a time.
const maxConverted = 1 << 10

// convert converts values of the given types to another type.
func convert(to *types.Type, from ...*types.Type) func(*run, value) (value, error) {
	return func(r *run, v value) (value, error) {
		is := kind(v)
		if is == to {
			return v, nil
		}
		for _, t := range from {
			if is != t {
				continue
			}
			length := lengthOf(v)
			if r.payText(length); length > maxConverted && to != types.StringType && to != types.BytesType {
				return nil, &Error{ReasonOther, errConversion}
			}
			return scalar(v.(ref.Val).ConvertToType(to))
		}
		return nil, errOverload
	}
}

// lengthOf returns the length of a text in bytes, 0 for any other value.
func lengthOf(v value) int {
	switch v := v.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	}
	return 0
}

func size(r *run, v value) (value, error) {
	switch v := v.(type) {
	case types.String:
		r.payText(len(v))
		return types.Int(utf8.RuneCountInString(string(v))), nil
	case types.Bytes:
		return types.Int(len(v)), nil
	case *list:
		return types.Int(len(v.items)), nil
	case *object:
		return types.Int(len(v.keys)), nil
	}
	return nil, errOverload
}

var binary = map[string]func(r *run, a, b value) (value, error){
	gather:             (*run).gather,
	operators.Add:      (*run).add,
	operators.Subtract: arithmetic(func(a traits.Subtractor, b ref.Val) ref.Val { return a.Subtract(b) }),
	operators.Multiply: arithmetic(func(a traits.Multiplier, b ref.Val) ref.Val { return a.Multiply(b) }),
	operators.Divide:   arithmetic(func(a traits.Divider, b ref.Val) ref.Val { return a.Divide(b) }),
	operators.Modulo:   arithmetic(func(a traits.Modder, b ref.Val) ref.Val { return a.Modulo(b) }),
	operators.Equals: func(r *run, a, b value) (value, error) {
		same, err := r.equal(a, b)
		return types.Bool(same), err
	},
	operators.NotEquals: func(r *run, a, b value) (value, error) {
		same, err := r.equal(a, b)
		return types.Bool(!same), err
	},
	operators.Less:          compare(func(c types.Int) bool { return c < 0 }),
	operators.LessEquals:    compare(func(c types.Int) bool { return c <= 0 }),
	operators.Greater:       compare(func(c types.Int) bool { return c > 0 }),
	operators.GreaterEquals: compare(func(c types.Int) bool { return c >= 0 }),
	operators.Index:         (*run).get,
	operators.In:            (*run).in,
	overloads.Contains:      search(strings.Contains),
	overloads.StartsWith:    search(strings.HasPrefix),
	overloads.EndsWith:      search(strings.HasSuffix),
}
