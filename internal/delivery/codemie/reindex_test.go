package codemie_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

const reindexRoute = "PUT /v1/application/{project}/index/{name}"

// inTime runs a test with the trigger before the stand-in, without connections,
// so that the clock is the test's.
func inTime(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Platform: codemietest.New(token), t: t, address: "codemie.test"}
		b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code"})
		transport := roundTrip(func(r *http.Request) (*http.Response, error) { return answerOf(b.Platform, r), nil })
		b.options = codemie.Options{
			URL: "https://codemie.test", Token: func() (string, error) { return token, nil }, Transport: transport,
		}
		b.reload()
		test(b)
	})
}

// push is an event about the datasource, which is delivered in its own time.
func (b *bench) push(id string, group *sync.WaitGroup) *delivery {
	d := b.event("datasource", "d")
	d.event.ID = id
	group.Go(func() {
		for {
			if d.result = d.run(b.t.Context()); d.result.Verdict != trigger.Pending {
				return
			}
			time.Sleep(d.result.RetryAfter)
		}
	})
	return d
}

// TestReindexIsFollowed delivers an event when the datasource has been indexed,
// and fails it when that failed.
func TestReindexIsFollowed(t *testing.T) {
	for _, looks := range []int{0, 1, 20} {
		inTime(t, func(b *bench) {
			b.SetLooks(looks)
			var group sync.WaitGroup
			d := b.push("1", &group)
			group.Wait()
			check(b, d.result, trigger.Delivered, "")
			if looks > 0 && (d.result.Detail != "" || d.shown().State != "completed") {
				t.Errorf("%+v, shown %+v", d.result, d.shown())
			}
			b.SetFailing(true)
			d = b.push("2", &group)
			group.Wait()
			check(b, d.result, trigger.Fail, trigger.ErrRunFailed)
			if !strings.HasPrefix(d.result.Detail, "Cannot clone the repository") {
				t.Errorf("%+v", d.result)
			}
			// The datasource is in error now, which is no news.
			b.SetFailing(false)
			d = b.push("3", &group)
			group.Wait()
			check(b, d.result, trigger.Delivered, "")
		})
	}
}

// TestReindexesOneAtATime has events come while a datasource is indexed: one
// more reindex serves them all, and never two at once.
func TestReindexesOneAtATime(t *testing.T) {
	inTime(t, func(b *bench) {
		b.SetLooks(6)
		var group sync.WaitGroup
		first := b.push("1", &group)
		time.Sleep(2 * time.Second)
		later := []*delivery{b.push("2", &group), b.push("3", &group), b.push("4", &group)}
		group.Wait()
		check(b, first.result, trigger.Delivered, "")
		shared := 0
		for _, d := range later {
			check(b, d.result, trigger.Delivered, "")
			if run := d.shown(); run.State != "completed" || !run.Until.IsZero() {
				t.Errorf("shown %+v", run)
			}
			if strings.Contains(d.result.Detail, "by the reindex that event") {
				shared++
			}
		}
		if b.Reindexed("d") != 2 || b.AtOnce("d") != 1 || shared != 2 {
			t.Errorf("%d reindexes, %d at once, %d events shared one", b.Reindexed("d"), b.AtOnce("d"), shared)
		}
		// What comes after its start is not served by a reindex.
		last := b.push("5", &group)
		group.Wait()
		check(b, last.result, trigger.Delivered, "")
		if b.Reindexed("d") != 3 {
			t.Errorf("%d reindexes", b.Reindexed("d"))
		}
	})
}

// TestReindexesShareTheirEnd fails the events that a failed reindex was to
// serve, and starts none for each.
func TestReindexesShareTheirEnd(t *testing.T) {
	inTime(t, func(b *bench) {
		b.SetLooks(6)
		b.SetFailing(true)
		var group sync.WaitGroup
		events := []*delivery{b.push("1", &group)}
		time.Sleep(time.Second)
		for _, id := range strings.Split("2 3 4 5 6 7 8 9", " ") {
			events = append(events, b.push(id, &group))
		}
		group.Wait()
		for _, d := range events {
			check(b, d.result, trigger.Fail, trigger.ErrRunFailed)
		}
		if b.Reindexed("d") != 2 {
			t.Errorf("%d reindexes", b.Reindexed("d"))
		}
	})
}

// TestReindexAfterARestart keeps to one at a time when the trigger remembers
// nothing.
func TestReindexAfterARestart(t *testing.T) {
	inTime(t, func(b *bench) {
		b.SetLooks(12)
		var group sync.WaitGroup
		first := b.push("1", &group)
		time.Sleep(3 * time.Second)
		second := b.push("2", &group)
		time.Sleep(time.Second)
		b.reload()
		third := b.push("3", &group)
		group.Wait()
		for _, d := range []*delivery{first, second, third} {
			check(b, d.result, trigger.Delivered, "")
		}
		if b.Reindexed("d") != 2 || b.AtOnce("d") != 1 {
			t.Errorf("%d reindexes, %d at once", b.Reindexed("d"), b.AtOnce("d"))
		}
	})
	// Who has joined another's reindex follows it alone, if need be.
	inTime(t, func(b *bench) {
		b.SetLooks(1 << 30)
		var group sync.WaitGroup
		b.push("1", &group)
		time.Sleep(3 * time.Second)
		joined := b.event("datasource", "d")
		joined.event.ID = "2"
		joined.past = time.Hour
		for range 3 {
			if result := joined.run(b.t.Context()); result.Verdict != trigger.Pending {
				t.Errorf("%+v", result)
			}
		}
		b.SetLooks(3)
		group.Wait()
		b.reload()
		check(b, joined.run(b.t.Context()), trigger.Delivered, "")
		if b.Reindexed("d") != 1 {
			t.Errorf("%d reindexes", b.Reindexed("d"))
		}
	})
}

// TestReindexOfSomebodyElse waits for a reindex that was not started here,
// unless nothing moves there any more.
func TestReindexOfSomebodyElse(t *testing.T) {
	inTime(t, func(b *bench) {
		b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code", Busy: true})
		var group sync.WaitGroup
		d := b.push("1", &group)
		time.Sleep(10 * time.Minute)
		if b.Reindexed("d") != 0 || d.shown().State != "waiting" {
			t.Errorf("it did not wait: %+v", d.shown())
		}
		b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code"})
		group.Wait()
		check(b, d.result, trigger.Delivered, "")

		b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code", Busy: true})
		began := time.Now()
		stalled := b.push("2", &group)
		for b.Reindexed("d") == 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < 30*time.Minute || took > 31*time.Minute {
			t.Errorf("started after %v", took)
		}
		b.AddDatasource(codemietest.Datasource{ID: "d", Project: "demo", Name: "n", Type: "code"})
		group.Wait()
		check(b, stalled.result, trigger.Delivered, "")
	})
}

// TestReindexThatIsRefused makes the place free for the next event.
func TestReindexThatIsRefused(t *testing.T) {
	inTime(t, func(b *bench) {
		for _, answer := range []http.HandlerFunc{codemietest.Status(503, "Elastic"), codemietest.Status(403, "Forbidden"), codemietest.Crash} {
			b.Inject(codemietest.Fault{Route: reindexRoute, Times: 1, Answer: answer})
			var group sync.WaitGroup
			refused := b.push("1", &group)
			group.Wait()
			if refused.result.Verdict == trigger.Delivered {
				t.Fatalf("%+v", refused.result)
			}
			next := b.push("2", &group)
			group.Wait()
			check(b, next.result, trigger.Delivered, "")
		}
	})
}

// TestReindexThatIsNeverSeen says what is not known of a reindex that the
// platform takes and never shows at work.
func TestReindexThatIsNeverSeen(t *testing.T) {
	inTime(t, func(b *bench) {
		b.Inject(codemietest.Fault{Route: reindexRoute, Answer: codemietest.Body(`{"message":"has been started in the background"}`)})
		var group sync.WaitGroup
		d := b.push("1", &group)
		group.Wait()
		check(b, d.result, trigger.Delivered, "")
		if !strings.Contains(d.result.Detail, "does not show that it has ended") {
			t.Errorf("%+v", d.result)
		}
	})
}
