package admin

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/internal/gate"
	"github.com/hookgate/hookgate/internal/sender"
)

// test sends the integration a sample event and reports the result.
func (c *call) test() error {
	in, err := c.Service.Get(c.r.Context(), c.View, c.project, c.webhookID)
	if err != nil {
		return err
	}
	if !in.IsEnabled {
		return conflict("the integration is disabled")
	}
	if wait := c.Tests.take(c.project, time.Now()); wait > 0 {
		c.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return &refusal{http.StatusTooManyRequests, "a project may send 10 test events a minute"}
	}
	got, err := gate.Sample(c.r.Context(), c.Edge, c.PublicURL(c.project), c.webhookID)
	if errors.Is(err, sender.ErrSenderSigns) {
		return conflict(sender.ErrSenderSigns.Error())
	}
	if err != nil {
		return err
	}
	c.answer(http.StatusOK, adminapi.Sample{StatusCode: got.StatusCode, Body: got.Body, EventID: got.EventID})
	return nil
}

// A project's quota of test events.
const (
	testsAtOnce = 10
	testsWithin = time.Minute
)

// Quota bounds the test events of each project. Its zero value is ready to use.
type Quota struct {
	mu sync.Mutex
	// sent are the times of a project's test events, oldest first.
	sent map[string][]time.Time
}

// take counts a test event, or returns how long the project has to wait for
// another one.
func (q *Quota) take(project string, now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sent == nil {
		q.sent = make(map[string][]time.Time)
	}
	for name, times := range q.sent {
		times = slices.DeleteFunc(times, func(at time.Time) bool { return now.Sub(at) >= testsWithin })
		if q.sent[name] = times; len(times) == 0 {
			delete(q.sent, name)
		}
	}
	times := q.sent[project]
	if len(times) >= testsAtOnce {
		return testsWithin - now.Sub(times[0])
	}
	q.sent[project] = append(times, now)
	return 0
}
