package codemie_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/module/trigger"
)

// TestEarlierProgress goes on with what an earlier version has saved.
func TestEarlierProgress(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow", "datasource"} {
		b := withDatasource(newBench(t))
		d := b.event(kind, kind+"-1")
		d.run(t.Context())
		var saved map[string]any
		if err := json.Unmarshal(d.saved, &saved); err != nil {
			t.Fatal(err)
		}
		for name := range saved {
			switch name {
			case "conversation", "intent", "idle", "task", "execution":
			default:
				delete(saved, name)
			}
		}
		d.saved, _ = json.Marshal(saved)
		d.expect(trigger.Delivered, "")
		if n := b.Count(startRoute(kind)); n != 1 {
			t.Errorf("%s: %d starts", kind, n)
		}
	}
}

// TestRunTimeoutThatChanges shows the new time, and has it hold.
func TestRunTimeoutThatChanges(t *testing.T) {
	b := newBench(t)
	b.SetLooks(1 << 30)
	d := b.event("workflow", "workflow-1")
	d.run(t.Context())
	if left := time.Until(d.shown().Until); left < 5*time.Hour {
		t.Errorf("given up in %v", left)
	}
	b.reload(func(o *codemie.Options) { o.RunTimeout = time.Hour })
	d.run(t.Context())
	if left := time.Until(d.shown().Until); left > time.Hour {
		t.Errorf("given up in %v", left)
	}
}
