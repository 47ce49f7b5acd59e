package match

import (
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// costs says what a call costs at the values it has got. The counting of the
// library goes by the types of the expression, and what a payload says has none.
type costs struct {
	patterns map[string]int // how many instructions each pattern has
}

// What a unit pays for.
const (
	textPerUnit    = 100 // bytes that are read or copied
	patternPerUnit = 200 // bytes, times the instructions that each may meet
)

// CallCost returns the cost of a call.
func (c costs) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	cost := uint64(1)
	switch function {
	case overloads.Matches:
		if text, ok := args[0].(types.String); ok {
			pattern, _ := args[1].(types.String)
			cost += uint64(len(text)) * uint64(c.patterns[string(pattern)]) / patternPerUnit
		}
	case operators.Equals, operators.NotEquals:
		cost += min(weight(args[0], maxCost), weight(args[1], maxCost))
	case operators.In:
		if list, ok := args[1].(traits.Lister); ok {
			cost += weight(list, maxCost)
		}
	default:
		for _, arg := range args {
			switch arg.(type) {
			case types.String, types.Bytes:
				cost += weight(arg, maxCost)
			}
		}
	}
	return &cost
}

// weight says what it costs to look at the whole value, as far as most.
func weight(value ref.Val, most uint64) uint64 {
	switch value := value.(type) {
	case types.String:
		return 1 + uint64(len(value))/textPerUnit
	case types.Bytes:
		return 1 + uint64(len(value))/textPerUnit
	case traits.Lister:
		return weightOf(value.Iterator(), most, func(item ref.Val) ref.Val { return item })
	case traits.Mapper:
		return weightOf(value.Iterator(), most, value.Get)
	}
	return 1
}

func weightOf(items traits.Iterator, most uint64, value func(ref.Val) ref.Val) uint64 {
	sum := uint64(1)
	for sum < most && items.HasNext() == types.True {
		sum += weight(value(items.Next()), most-sum)
	}
	return sum
}
