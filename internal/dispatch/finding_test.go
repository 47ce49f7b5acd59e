package dispatch

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/trigger"
)

func TestFind(t *testing.T) {
	const s = time.Second
	status := func(verdict trigger.Verdict, code int, after time.Duration) trigger.Result {
		return trigger.Result{Verdict: verdict, StatusCode: code, Error: trigger.ErrStatus, RetryAfter: after}
	}
	blamed := func(result trigger.Result, fault trigger.Fault) trigger.Result {
		result.Fault = fault
		return result
	}
	for name, test := range map[string]struct {
		result trigger.Result
		want   finding
	}{
		"delivered":         {resultOK, finding{health: well, reached: true}},
		"a run goes on":     {trigger.Result{Verdict: trigger.Pending, RetryAfter: s}, finding{health: well, reached: true}},
		"an answer":         {resultFail, finding{health: well, reached: true}},
		"no request":        {trigger.Result{Verdict: trigger.Fail, Error: trigger.ErrRequestInvalid}, finding{}},
		"a defect":          {trigger.Result{Error: trigger.ErrInternal}, finding{}},
		"zeros":             {trigger.Result{}, finding{health: ill, fault: trigger.FaultResource}},
		"500":               {status(trigger.Retry, 500, 0), finding{health: ill, fault: trigger.FaultResource, reached: true}},
		"500 with a time":   {status(trigger.Retry, 500, s), finding{health: ill, fault: trigger.FaultResource, reached: true}},
		"429 with a time":   {status(trigger.Retry, 429, s), finding{health: ill, fault: trigger.FaultResource, reached: true, least: s}},
		"503 with a time":   {status(trigger.Retry, 503, s), finding{health: ill, fault: trigger.FaultResource, reached: true, least: s}},
		"503 for too long":  {status(trigger.Retry, 503, time.Hour), finding{health: ill, fault: trigger.FaultResource, reached: true, least: time.Minute}},
		"401":               {resultRefused, finding{health: refused, fault: trigger.FaultProject, reached: true}},
		"407":               {status(trigger.RefusedCredential, 407, s), finding{health: refused, fault: trigger.FaultProject, reached: true}},
		"401 of a resource": {blamed(resultRefused, trigger.FaultResource), finding{health: refused, fault: trigger.FaultResource, reached: true}},
		"403":               {resultDenied, finding{health: refused, fault: trigger.FaultResource, reached: true}},
		"403 of a project":  {blamed(resultDenied, trigger.FaultProject), finding{health: refused, fault: trigger.FaultProject, reached: true}},
		"no token":          {trigger.Result{Verdict: trigger.RefusedCredential, Error: trigger.ErrRequestInvalid}, finding{health: refused, fault: trigger.FaultProject}},
		"no connection":     {resultAway, finding{health: ill, fault: trigger.FaultEndpoint}},
		"no such name":      {trigger.Result{Error: trigger.ErrDNS}, finding{health: ill, fault: trigger.FaultEndpoint}},
		"no handshake":      {trigger.Result{Error: trigger.ErrTLS}, finding{health: ill, fault: trigger.FaultEndpoint}},
		"broken later":      {blamed(resultAway, trigger.FaultResource), finding{health: ill, fault: trigger.FaultResource, reached: true}},
		"no answer":         {resultTimeout, finding{health: ill, fault: trigger.FaultResource}},
		"a broken answer":   {trigger.Result{StatusCode: 200, Error: trigger.ErrConnect}, finding{health: ill, fault: trigger.FaultResource, reached: true}},
	} {
		if got := find(test.result, time.Minute); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
