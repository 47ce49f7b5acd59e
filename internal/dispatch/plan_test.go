package dispatch

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

func TestPolicyWait(t *testing.T) {
	policy := Policy{Initial: time.Second, Max: time.Hour}.withDefaults()
	for _, test := range []struct {
		failures int
		after    time.Duration
		low      time.Duration
		high     time.Duration
	}{
		{1, 0, 0, time.Second},
		{2, 0, 0, 2 * time.Second},
		{5, 0, 0, 16 * time.Second},
		{12, 0, 0, 2048 * time.Second},
		{13, 0, 0, time.Hour},
		{1000000, 0, 0, time.Hour},
		{1, 30 * time.Second, 30 * time.Second, 30 * time.Second},
		{1, 24 * time.Hour, time.Hour, time.Hour}, // honoured up to max
		{1, -time.Hour, 0, time.Second},
		{5, 8 * time.Second, 8 * time.Second, 16 * time.Second},
	} {
		var low, high bool // the wait is spread over its whole range
		for range 1000 {
			wait := policy.wait(test.failures, test.after)
			if wait < test.low || wait > test.high {
				t.Fatalf("after %d failures: waits %v, want %v to %v", test.failures, wait, test.low, test.high)
			}
			third := (test.high - test.low) / 3
			low = low || wait <= test.low+third
			high = high || wait >= test.high-third
		}
		if !low || !high {
			t.Errorf("after %d failures: the waits are not spread over %v to %v", test.failures, test.low, test.high)
		}
	}
}

func TestPolicyDefaults(t *testing.T) {
	want := Policy{For: 72 * time.Hour, Initial: time.Second, Max: time.Hour}
	for _, policy := range []Policy{{}, {For: -1, Initial: -1, Max: -1}} {
		if got := policy.withDefaults(); got != want {
			t.Errorf("%+v: got %+v", policy, got)
		}
	}
	// A first wait above the longest is cut to it.
	if got := (Policy{Initial: time.Minute, Max: time.Second}).ceiling(1); got != time.Second {
		t.Errorf("got a ceiling of %v", got)
	}
}

func TestPolicyJudge(t *testing.T) {
	policy := Policy{For: time.Hour, Initial: time.Minute, Max: 10 * time.Minute, Attempts: 3}.withDefaults()
	for name, test := range map[string]struct {
		result trigger.Result
		state  storage.State
		age    time.Duration
		want   storage.Status
		low    time.Duration
		high   time.Duration
	}{
		"delivered":              {result: resultOK, want: storage.Delivered},
		"delivered late":         {result: resultOK, age: 2 * time.Hour, want: storage.Delivered},
		"failed for good":        {result: resultFail, want: storage.Failed},
		"first failure":          {result: resultRetry, want: storage.Pending, high: time.Minute},
		"a result of zeros":      {want: storage.Pending, high: time.Minute},
		"credential":             {result: resultRefused, want: storage.Pending, high: time.Minute},
		"unknown verdict":        {result: trigger.Result{Verdict: 99}, want: storage.Pending, high: time.Minute},
		"second failure":         {result: resultRetry, state: storage.State{Tries: 1}, want: storage.Pending, high: 2 * time.Minute},
		"attempts used up":       {result: resultRetry, state: storage.State{Tries: 2}, want: storage.Failed},
		"time used up":           {result: resultRetry, age: time.Hour, want: storage.Failed},
		"first attempt too late": {result: resultRetry, age: 100 * time.Hour, want: storage.Failed},
		"last wait is cut":       {result: resultRetry, age: time.Hour - time.Second, want: storage.Pending, high: time.Second},
		"retry after beyond the end": {
			result: trigger.Result{RetryAfter: 5 * time.Minute}, age: time.Hour - time.Second,
			want: storage.Pending, low: 5 * time.Minute, high: 5 * time.Minute,
		},
		"retry after far beyond the end": {
			result: trigger.Result{RetryAfter: 5 * time.Hour}, age: time.Hour - time.Second,
			want: storage.Pending, low: 10 * time.Minute, high: 10 * time.Minute,
		},
		"queued again": {
			result: resultRetry, want: storage.Pending, high: time.Minute,
			state: storage.State{Tries: 3, Requeued: 1, QueuedTries: 3},
		},
		"queued again after more than are kept": {
			result: resultRetry, want: storage.Pending, high: time.Minute,
			state: storage.State{Tries: 500, Requeued: 1, QueuedTries: 500, Attempts: make([]storage.Attempt, storage.MaxAttempts)},
		},
		"queued again, attempts used up": {
			result: resultRetry, want: storage.Failed,
			state: storage.State{Tries: 5, Requeued: 1, QueuedTries: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				status, wait := policy.judge(test.result, &test.state, test.age)
				if status != test.want || wait < test.low || wait > test.high {
					t.Fatalf("got %s after %v, want %s after %v to %v", status, wait, test.want, test.low, test.high)
				}
			}
		})
	}
}
