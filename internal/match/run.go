package match

import (
	"strings"

	"cel.dev/cel-go/common/types"
)

// step is a part of an expression, ready to be evaluated.
type step func(*run) (value, error)

// run is one evaluation. It pays for everything in advance, from the budgets
// here: nothing that an expression calls does work on its own.
type run struct {
	done    <-chan struct{} // closed when the time is up; a nil channel never is
	event   *Event
	units   int // that may still be spent
	bytes   int // of the payload that may still be read, counting each pass
	members int // of the payload that may still be parsed

	slots            [maxSlots]slot
	payload, headers value
}

func newRun(done <-chan struct{}, event *Event, length int) *run {
	return &run{done: done, event: event, units: maxCost, bytes: maxReadings * max(length, minRead), members: maxMembers}
}

// slot holds a loop variable. It points to where the value is stored, so that
// what is parsed of a payload's entry is kept there.
type slot struct {
	cell *value
	err  error
}

// stop ends an evaluation from any depth: no || and no loop continues after it.
type stop struct{ err error }

// pay deducts units, or ends the evaluation.
func (r *run) pay(units int) {
	before := r.units
	if r.units -= units; r.units < 0 {
		panic(stop{&Error{ReasonCost, errCost}})
	}
	if before/checkEvery != r.units/checkEvery {
		r.check()
	}
}

// read deducts bytes of the payload that are about to be read.
func (r *run) read(n int) {
	if r.bytes -= n; r.bytes < 0 {
		panic(stop{&Error{ReasonPayload, errRead}})
	}
	if n > textPerUnit*checkEvery {
		r.check()
	}
}

func (r *run) check() {
	select {
	case <-r.done:
		panic(stop{ErrInterrupted})
	default:
	}
}

// checkEvery is after how many units the time is checked.
const checkEvery = 500

// textPerUnit is how many bytes of text a unit pays for.
const textPerUnit = 100

// payText pays for work on a text of n bytes.
func (r *run) payText(n int) { r.pay(1 + n/textPerUnit) }

// evaluate evaluates the steps within the budgets.
func (r *run) evaluate(all step) (result value, err error) {
	defer func() {
		switch stopped := recover().(type) {
		case nil:
		case stop:
			result, err = nil, stopped.err
		default:
			panic(stopped)
		}
	}()
	return all(r)
}

// variables are what an expression sees of an event.
var variables = map[string]step{
	"headers":     func(r *run) (value, error) { return r.lookUpHeaders(), nil },
	"event":       func(r *run) (value, error) { return said(r.event.Names.EventType()) },
	"action":      func(r *run) (value, error) { return said(r.event.Names.EventAction()) },
	"delivery_id": func(r *run) (value, error) { return said(r.event.Names.EventDelivery()) },
	"webhook_id":  func(r *run) (value, error) { return types.String(r.event.WebhookID), nil },
	"project":     func(r *run) (value, error) { return types.String(r.event.Project), nil },
	"payload":     (*run).lookUpPayload,
}

func said(text string, err error) (value, error) {
	if err != nil {
		return nil, err
	}
	return types.String(text), nil
}

func (r *run) lookUpHeaders() value {
	if r.headers == nil {
		fields := new(object)
		for name, values := range r.event.Header {
			if len(values) > 0 {
				fields.keys = append(fields.keys, types.String(strings.ToLower(name)))
				fields.values = append(fields.values, types.String(values[0]))
			}
		}
		r.headers = fields
	}
	return r.headers
}

func (r *run) lookUpPayload() (value, error) {
	if r.payload == nil {
		if err := r.event.Payload.Err(); err != nil {
			return nil, err
		}
		r.payload = r.event.Payload.Value()
	}
	return r.resolve(&r.payload)
}
