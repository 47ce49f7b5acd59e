package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// maxSlots is how many variables nested loops have: each an item and an
// accumulator.
const maxSlots = 2 * maxLoops

// part is a compiled part of an expression.
type part struct {
	step step
	// needs are the variables that it uses: bit i for slot i, and theEvent.
	needs uint
	// constant is its value if it needs none.
	constant value
}

const theEvent = 1 << maxSlots

// compiler turns an expression whose types have been checked into steps.
type compiler struct {
	references map[int64]*ast.ReferenceInfo
	locals     []string // the names of the slots
	run        *run     // evaluates what does not depend on the event
	room       int      // what such values may still take up
}

// compile produces a step. What does not depend on the event is evaluated now,
// for what one evaluation may cost, and never again.
func (c *compiler) compile(e ast.Expr) (part, error) {
	var made part
	var err error
	switch e.Kind() {
	case ast.LiteralKind:
		return fixed(e.AsLiteral()), nil
	case ast.IdentKind:
		return c.name(e)
	case ast.SelectKind:
		made, err = c.field(e.AsSelect())
	case ast.CallKind:
		made, err = c.call(e.AsCall())
	case ast.ListKind:
		made, err = c.list(e.AsList())
	case ast.MapKind:
		made, err = c.object(e.AsMap())
	case ast.ComprehensionKind:
		made, err = c.loop(e.AsComprehension())
	default:
		err = errors.New("messages cannot be created")
	}
	if err != nil {
		return part{}, err
	}
	made.step = paid(made.step)
	if made.needs != 0 {
		return made, nil
	}
	return c.fold(made)
}

// maxFolded bounds the values and bytes of text in the constants kept with an
// expression.
const maxFolded = 2 * MaxLength

// fits deducts the size of a value from left, as far as that goes.
func fits(v value, left *int) bool {
	*left -= 1 + lengthOf(v)
	var inside [2][]value
	switch v := v.(type) {
	case *list:
		inside[0] = v.items
	case *object:
		inside = [2][]value{v.keys, v.values}
	}
	for _, values := range inside {
		for i := 0; i < len(values) && *left >= 0; i++ {
			fits(values[i], left)
		}
	}
	return *left >= 0
}

// fold evaluates a part that needs nothing. A large part, or one without an
// answer, stays as it is.
func (c *compiler) fold(p part) (part, error) {
	result, err := c.run.evaluate(p.step)
	if err == nil {
		if left := c.room; fits(result, &left) {
			c.room, p = left, fixed(result)
		}
		return p, nil
	}
	var failed *Error
	if errors.As(err, &failed) && failed.Reason == ReasonCost {
		err = errors.New("a part that does not depend on the event costs too much")
	} else {
		err = nil
	}
	return p, err
}

func fixed(v value) part {
	return part{step: func(*run) (value, error) { return v, nil }, constant: v}
}

// paid makes each evaluation of a step cost a unit.
func paid(s step) step {
	return func(r *run) (value, error) {
		r.pay(1)
		return s(r)
	}
}

func (c *compiler) name(e ast.Expr) (part, error) {
	name := e.AsIdent()
	if slot := c.slot(name); slot >= 0 {
		return part{needs: 1 << slot, step: func(r *run) (value, error) {
			s := &r.slots[slot]
			if s.err != nil {
				return nil, s.err
			}
			return r.resolve(s.cell)
		}}, nil
	}
	if reference := c.references[e.ID()]; reference != nil {
		name = reference.Name
	}
	name = strings.TrimPrefix(name, ".")
	if look, found := variables[name]; found {
		return part{needs: theEvent, step: look}, nil
	}
	if kind, found := kinds[name]; found {
		return fixed(kind), nil
	}
	return part{}, fmt.Errorf("%.100q has no value here", name)
}

// slot returns the slot of the innermost variable of that name, or -1.
func (c *compiler) slot(name string) int {
	for i, local := range slices.Backward(c.locals) {
		if local == name {
			return i
		}
	}
	return -1
}

// kinds are the types that an expression may name.
var kinds = map[string]*types.Type{
	"bool": types.BoolType, "bytes": types.BytesType, "double": types.DoubleType, "int": types.IntType, "list": types.ListType, "map": types.MapType,
	"null_type": types.NullType, "string": types.StringType, "type": types.TypeType, "uint": types.UintType,
	"google.protobuf.Timestamp": types.TimestampType, "google.protobuf.Duration": types.DurationType,
}

func (c *compiler) field(e ast.SelectExpr) (part, error) {
	from, err := c.compile(e.Operand())
	if err != nil {
		return part{}, err
	}
	key := types.String(e.FieldName())
	take := from.step
	if e.IsTestOnly() {
		return part{needs: from.needs, step: func(r *run) (value, error) {
			v, err := take(r)
			if err != nil {
				return nil, err
			}
			cell, err := r.cell(v, key)
			if err != nil {
				return nil, err
			}
			return types.Bool(cell != nil), nil
		}}, nil
	}
	return part{needs: from.needs, step: func(r *run) (value, error) {
		v, err := take(r)
		if err != nil {
			return nil, err
		}
		return r.get(v, key)
	}}, nil
}

func (c *compiler) list(e ast.ListExpr) (part, error) {
	steps, needs, err := c.all(e.Elements())
	return part{needs: needs, step: func(r *run) (value, error) {
		items, err := r.all(steps)
		if err != nil {
			return nil, err
		}
		return &list{items}, nil
	}}, err
}

func (c *compiler) object(e ast.MapExpr) (part, error) {
	var keys, values []ast.Expr
	for _, entry := range e.Entries() {
		keys = append(keys, entry.AsMapEntry().Key())
		values = append(values, entry.AsMapEntry().Value())
	}
	keySteps, needs, err := c.all(keys)
	if err != nil {
		return part{}, err
	}
	valueSteps, further, err := c.all(values)
	return part{needs: needs | further, step: func(r *run) (value, error) {
		keys, err := r.all(keySteps)
		if err != nil {
			return nil, err
		}
		values, err := r.all(valueSteps)
		if err != nil {
			return nil, err
		}
		return r.newObject(keys, values)
	}}, err
}

// all compiles several parts.
func (c *compiler) all(parts []ast.Expr) (steps []step, needs uint, err error) {
	for _, e := range parts {
		made, err := c.compile(e)
		if err != nil {
			return nil, 0, err
		}
		steps, needs = append(steps, made.step), needs|made.needs
	}
	return steps, needs, nil
}

// all evaluates several steps.
func (r *run) all(steps []step) ([]value, error) {
	values := make([]value, len(steps))
	for i, take := range steps {
		var err error
		if values[i], err = take(r); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (c *compiler) call(e ast.CallExpr) (part, error) {
	name, args := e.FunctionName(), e.Args()
	if e.IsMemberFunction() {
		args = append([]ast.Expr{e.Target()}, args...)
	}
	if name == operators.Add && len(args) == 2 && args[0].Kind() == ast.IdentKind && args[0].AsIdent() == gathered {
		name = gather
	}
	var parts []part
	var needs uint
	for _, arg := range args {
		made, err := c.compile(arg)
		if err != nil {
			return part{}, err
		}
		parts, needs = append(parts, made), needs|made.needs
	}
	made, err := function(name, parts)
	return part{needs: needs, step: made}, err
}

// gathered is what macros call a loop's accumulator. Expressions cannot name
// it.
const gathered = "@result"

// gather is the function that adds to it.
const gather = "@gather"

func (c *compiler) loop(e ast.ComprehensionExpr) (part, error) {
	over, err := c.compile(e.IterRange())
	if err != nil {
		return part{}, err
	}
	init, err := c.compile(e.AccuInit())
	if err != nil {
		return part{}, err
	}
	outer := len(c.locals)
	if outer+2 > maxSlots || e.HasIterVar2() {
		return part{}, errors.New("too many nested loops")
	}
	c.locals = append(c.locals, e.AccuVar())
	result, err := c.compile(e.Result())
	if err != nil {
		return part{}, err
	}
	c.locals = append(c.locals, e.IterVar())
	steps, needs, err := c.all([]ast.Expr{e.LoopCondition(), e.LoopStep()})
	c.locals = c.locals[:outer]
	needs |= over.needs | init.needs | result.needs
	l := loop{over: over.step, init: init.step, condition: nil, result: result.step, accu: outer, item: outer + 1}
	if err == nil {
		l.condition, l.next = steps[0], steps[1]
	}
	return part{needs: needs &^ (3 << outer), step: l.evaluate}, err
}

// loop is a macro: all, exists, exists_one, filter or map.
type loop struct {
	over, init, condition, next, result step
	accu, item                          int // the slots of the accumulator and of an item
}

func (l *loop) evaluate(r *run) (value, error) {
	over, err := l.over(r)
	if err != nil {
		return nil, err
	}
	var items []value
	switch over := over.(type) {
	case *list:
		items = over.items
	case *object:
		items = over.keys
	default:
		return nil, errOverload
	}
	var soFar value
	accu, item := &r.slots[l.accu], &r.slots[l.item]
	if soFar, accu.err = l.init(r); accu.err == nil {
		if made, ok := soFar.(*list); ok {
			soFar = &list{slices.Clip(made.items)} // it grows
		}
	}
	accu.cell = &soFar
	for i := range items {
		r.pay(1)
		item.cell, item.err = &items[i], nil
		// A non-boolean condition does not end it.
		if goOn, err := l.condition(r); err == nil && goOn == types.False {
			break
		}
		soFar, accu.err = l.next(r)
	}
	return l.result(r)
}

// boolean returns a value that must be a boolean.
func boolean(v value, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, errOverload
	}
	return bool(b), nil
}

// scalar returns the result of a library function, whose operations must all be
// cheap.
func scalar(v ref.Val) (value, error) {
	if failed, ok := v.(*types.Err); ok {
		if failed.Is(errOverload.cause) {
			return nil, errOverload
		}
		return nil, &Error{ReasonOther, failed}
	}
	return v, nil
}
