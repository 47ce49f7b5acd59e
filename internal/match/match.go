// Package match says which events an integration wants by an expression in the
// Common Expression Language (CEL) over headers, names and payload.
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

// The bounds of an expression. What one evaluation may cost is counted, not
// timed, so that the same event always has the same answer: a unit is about a
// look-up or a hundred bytes of text.
const (
	MaxLength = 2 << 10 // bytes

	maxDepth   = 50   // of the parsed expression
	maxNodes   = 4096 // of the parsed expression, its macros expanded
	maxLoops   = 2    // all, exists, filter and map within each other
	maxPattern = 200  // instructions of a compiled regular expression
	maxCost    = 20_000
)

// Patience is how long an evaluation may take. Its cost ends it long before,
// unless the machine is overloaded.
const Patience = 5 * time.Second

// Expression is a compiled expression. It is never changed, so many goroutines
// may use it. The nil Expression wants every event.
type Expression struct{ whole step }

// Event is what an expression can see of an event.
type Event struct {
	// Header holds the headers that are stored with an event, under their
	// canonical names: never a credential.
	Header    http.Header
	Names     Names
	WebhookID string
	Project   string
	// Payload is not changed during the evaluation.
	Payload *jsondoc.Document
}

// Names are what the sender calls an event. An error is the document's: the sender
// says it in a payload that cannot be read.
type Names interface {
	EventType() (string, error)
	EventAction() (string, error)
	EventDelivery() (string, error)
}

// environment is what expressions may name.
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

// Compile prepares an expression. The empty one wants every event: nil. An
// error is for the person who wrote the expression.
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
			return nil, errors.New(first.Message) // it is about the whole
		}
		return nil, fmt.Errorf("line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, first.Message)
	}
	// What a payload says is dyn, and may turn out to be a boolean.
	if kind := checked.OutputType(); !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("its result must be true or false, and is of type %s", kind)
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

// Match says whether the expression wants the event. An error is an *Error, and
// then the event is not wanted, or it says nothing of the event: ErrBusy,
// ErrInterrupted, or the document's when the payload cannot be read and the answer
// depends on it.
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
	ReasonPayload = "match_payload" // the payload is over a bound
	ReasonMissing = "match_missing" // the event has no such field
	ReasonType    = "match_type"    // a value is of another type than is needed
	ReasonCost    = "match_cost"    // the evaluation costs too much
	ReasonOther   = "match_error"   // a conversion failed, a number is too large, …
)

// ErrInterrupted means that the time was over before there was an answer.
var ErrInterrupted = errors.New("the evaluation of an expression took too long")

// Error is why an expression has no answer for an event.
type Error struct {
	Reason string
	cause  error
}

func (e *Error) Error() string { return "evaluating an expression: " + e.Reason }

// Detail says more. It may hold what the payload says, so it is for those alone
// who may read the event.
func (e *Error) Detail() string { return e.cause.Error() }

// What stands against an evaluation.
var (
	errOverload   = &Error{ReasonType, errors.New("no such overload")}
	errMembers    = &Error{ReasonPayload, errors.New("the payload has too many members on the way to what is asked for")}
	errText       = &Error{ReasonPayload, errors.New("a text of the payload is too long to be looked at")}
	errCost       = errors.New("it costs too much for this event")
	errRead       = errors.New("the payload would have to be read too often")
	errIndex      = errors.New("an index must be a whole number")
	errKey        = errors.New("the key of a map must be a text, a number or a boolean")
	errKeyTwice   = errors.New("a key of a map comes twice")
	errNumber     = errors.New("a number of the payload is too large")
	errConversion = errors.New("the text is too long to be converted")
)
