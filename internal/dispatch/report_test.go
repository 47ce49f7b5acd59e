package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Each end of an event is one line at level info that identifies it, and
// nothing that a trigger or an endpoint said stands in any line.
func TestLog(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	simulate(t, Options{Logger: zap.New(core)}, func(b *bench) {
		b.d.Use(b.plan(Policy{Attempts: 2}, func(_ context.Context, attempt *trigger.Attempt) trigger.Result {
			switch attempt.Event.WebhookID {
			case "hook-0":
				return resultOK
			case "hook-1":
				return trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrTimeout, Detail: "canary"}
			default:
				panic(errors.New("canary"))
			}
		}))
		for n := range 3 {
			b.events.accept(n, "assistant")
		}
		b.pass(time.Hour)
		b.want(0, 1, 2)
	})
	var got []string
	for _, line := range logs.All() {
		fields := line.ContextMap()
		if text, err := json.Marshal(fields); err != nil || strings.Contains(string(text), "canary") {
			t.Errorf("%s: %s, %v", line.Message, text, err)
		}
		if line.Level != zapcore.InfoLevel {
			continue
		}
		for _, name := range []string{"event_id", "webhook_id", "project", "attempt", "outcome", "duration"} {
			if _, ok := fields[name]; !ok {
				t.Errorf("%q lacks %s", line.Message, name)
			}
		}
		got = append(got, fmt.Sprint(fields["webhook_id"], " ", fields["attempt"], " ", fields["outcome"]))
	}
	slices.Sort(got)
	if want := []string{"hook-0 1 delivered", "hook-1 2 timeout", "hook-2 2 internal"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The load warns of events that nobody serves.
func TestWarnsOfUnserved(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	simulate(t, Options{Logger: zap.New(core)}, func(b *bench) {
		for range 3 {
			b.events.accept(0, "gone")
		}
		b.d.Use(nil)
		if logs.Len() != 0 {
			t.Error("it warns without a configuration")
		}
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		for range 7 { // as when the storage is slow to list them
			b.events.accept(0, "gone")
			b.events.accept(0, "lost")
		}
		b.pass(time.Minute)
	})
	var got []string
	for _, line := range logs.All() {
		got = append(got, fmt.Sprint(line.ContextMap()["resource_type"], " ", line.ContextMap()["pending"]))
	}
	if want := []string{"gone 3", "lost 7"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A circuit is worth a line when it opens and when it closes, and a fault of
// the storage one in a while.
func TestLogsFaultsSparingly(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	simulate(t, Options{Logger: zap.New(core)}, func(b *bench) {
		b.d.Use(b.plan(Policy{}, always(resultRefused)))
		b.events.accept(0, "assistant")
		b.pass(time.Hour)
		if n := logs.FilterMessageSnippet("circuit has opened").Len(); n != 1 {
			t.Errorf("%d lines about one circuit", n)
		}
		b.d.Use(b.plan(Policy{}, always(resultOK)))
		b.pass(time.Hour)
		b.events.fail = func(string, storage.ID) error { return storage.ErrUnavailable }
		for n := range 100 {
			b.events.accept(n, "assistant")
		}
		b.pass(time.Minute)
		if n := logs.FilterMessageSnippet("claiming an event").Len(); n < 2 || n > 7 {
			t.Errorf("%d lines about one fault in a minute", n)
		}
		b.events.mu.Lock()
		b.events.fail = nil
		b.events.mu.Unlock()
	})
}

// However many resources of a project fail, their circuits take few lines, which
// say how many they leave out.
func TestLogsCircuitsSparingly(t *testing.T) {
	core, logs := observer.New(zapcore.InfoLevel)
	simulate(t, Options{Logger: zap.New(core)}, func(b *bench) {
		b.d.Use(b.plan(Policy{Initial: time.Second, Max: time.Second}, misbehaves))
		for n := range 2000 {
			b.events.acceptFor("demo", n/10, "assistant", fmt.Sprint("403-", n))
			b.events.acceptFor(fmt.Sprint("p-", n/3), 10_000+n, "assistant", fmt.Sprint("500-", n))
		}
		for range 5 {
			b.pass(time.Minute)
			b.d.Use(b.plan(Policy{Initial: time.Second, Max: time.Second}, misbehaves))
		}
		b.pass(5 * time.Minute)
	})
	lines := logs.FilterMessageSnippet("circuit")
	if n := lines.Len(); n < 20 || n > 5*10+6*10 {
		t.Errorf("%d lines in ten minutes", n)
	}
	leftOut := int64(0)
	for _, line := range lines.All() {
		if n, ok := line.ContextMap()["left_out"].(int64); ok {
			leftOut += n
		}
	}
	if leftOut < 1000 {
		t.Errorf("they tell of %d that were left out", leftOut)
	}
}
