// Package match selects events by an expression in the Common Expression
// Language (CEL) over headers, names and payload.
package match

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp/syntax"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// The limits of an expression. The cost of an evaluation is counted, not timed,
// so that the same event always gets the same answer: a unit is about a lookup
// or a hundred bytes of text.
const (
	MaxLength = 2 << 10 // bytes

	maxDepth   = 50   // of the parsed expression
	maxNodes   = 4096 // of the parsed expression, its macros expanded
	maxLoops   = 2    // all, exists, filter and map nested in one another
	maxPattern = 200  // instructions of a compiled regular expression
	maxCost    = 20_000
)

// Patience is how long an evaluation may take. Its cost ends it much earlier,
// unless the machine is overloaded.
const Patience = 5 * time.Second

// Expression is a compiled expression. It is immutable and safe for concurrent
// use. The nil Expression wants every event.
type Expression struct{ whole step }

// Event is what an expression can see of an event.
type Event struct {
	// Header holds the headers stored with an event, under their canonical names:
	// never a credential.
	Header    http.Header
	Names     Names
	WebhookID string
	Project   string
	// Payload is not changed during the evaluation.
	Payload *jsondoc.Document
}

// Names are the sender's names for an event. The error is the document's, if
// the name is in an unreadable payload.
type Names interface {
	EventType() (string, error)
	EventAction() (string, error)
	EventDelivery() (string, error)
}

// environment declares what expressions may name.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("event", cel.StringType),
		cel.Variable("action", cel.StringType),
		cel.Variable("delivery_id", cel.StringType),
		cel.Variable("webhook_id", cel.StringType),
		cel.Variable("project", cel.StringType),
		cel.Variable("payload", cel.DynType),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.EnableHiddenAccumulatorName(true),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(4),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ASTValidators(
			cel.ValidateComprehensionNestingLimit(maxLoops),
			cel.ValidateTimestampLiterals(),
			cel.ValidateDurationLiterals(),
		),
	)
})

// Compile compiles an expression. For the empty one, which wants every event,
// it returns nil. An error is meant for the author of the expression.
func Compile(text string) (*Expression, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > MaxLength {
		return nil, fmt.Errorf("at most %d bytes are allowed", MaxLength)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("preparing expressions: %w", err)
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		if first.Location.Line() < 1 {
			return nil, errors.New(first.Message) // it concerns the whole expression
		}
		return nil, fmt.Errorf("line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, first.Message)
	}
	// Values of a payload are dyn, and may turn out to be booleans.
	if kind := checked.OutputType(); !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("its result must be true or false, but is of type %s", kind)
	}
	c := compiler{references: checked.NativeRep().ReferenceMap(), run: newRun(nil, &Event{}, 0), room: maxFolded}
	whole, err := c.compile(checked.NativeRep().Expr())
	if err != nil {
		return nil, err
	}
	return &Expression{whole.step}, nil
}

// sizeOf returns how many instructions a pattern is compiled to.
func sizeOf(pattern string) (int, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	if len(program.Inst) > maxPattern {
		return 0, errors.New("the pattern is too large")
	}
	return len(program.Inst), nil
}

// Match reports whether the expression wants the event. If the error is an
// *Error, the event is not wanted; any other error says nothing about the
// event: ErrBusy, ErrInterrupted, or the document's if the payload is
// unreadable and the answer depends on it.
func (x *Expression) Match(ctx context.Context, event *Event) (bool, error) {
	if x == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	done, err := takeTurn(ctx, event.Project, len(event.Payload.Payload()))
	if err != nil {
		return false, err
	}
	defer done()
	r := newRun(ctx.Done(), event, len(event.Payload.Payload()))
	result, err := r.evaluate(x.whole)
	if err != nil {
		return false, err
	}
	wanted, ok := result.(types.Bool)
	if !ok {
		return false, &Error{Reason: ReasonType, cause: fmt.Errorf("the result is of type %s", kind(result).TypeName())}
	}
	return bool(wanted), nil
}

// The reasons of an Error. There are few, so that they can label a metric.
const (
	ReasonPayload = "match_payload" // the payload exceeds a limit
	ReasonMissing = "match_missing" // the event does not have the field
	ReasonType    = "match_type"    // a value has the wrong type
	ReasonCost    = "match_cost"    // the evaluation costs too much
	ReasonOther   = "match_error"   // a conversion failed, a number is too large, …
)

// ErrInterrupted means that the time was up before there was an answer.
var ErrInterrupted = errors.New("the evaluation of an expression took too long")

// Error is why an expression has no answer for an event.
type Error struct {
	Reason string
	cause  error
}

func (e *Error) Error() string { return "evaluating an expression: " + e.Reason }

// Detail gives details. It may contain parts of the payload, so only show it to
// those who may read the event.
func (e *Error) Detail() string { return e.cause.Error() }

// The errors of an evaluation.
var (
	errOverload   = &Error{ReasonType, errors.New("no such overload")}
	errMembers    = &Error{ReasonPayload, errors.New("the payload has too many members on the way to the values used")}
	errText       = &Error{ReasonPayload, errors.New("a text in the payload is too long to be used")}
	errCost       = errors.New("it costs too much for this event")
	errRead       = errors.New("the payload would have to be read too often")
	errIndex      = errors.New("an index must be a whole number")
	errKey        = errors.New("the key of a map must be a text, a number or a boolean")
	errKeyTwice   = errors.New("a map has a repeated key")
	errNumber     = errors.New("a number in the payload is too large")
	errConversion = errors.New("the text is too long to be converted")
)
