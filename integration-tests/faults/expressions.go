package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// heavyAtOnce is how many senders have an expression evaluated at once.
const heavyAtOnce = 8

// expressionRow has a project whose expressions cost as much as allowed.
var expressionRow = []row{{
	name: "expressions", rounds: 3, quick: 1, run: heavyExpressions,
	fault:    "one project evaluates the heaviest expressions that can be saved, eight at a time",
	injected: "eight senders of payloads of 42 to 200 KiB without a pause, while events of another project, which has an expression too, are accepted and delivered; for comparison, the same senders with an expression that costs nothing",
}}

// heavyExpressions accepts events of another project alone, together with
// senders whose expression costs nothing, and together with those whose
// expressions cost as much as allowed.
func heavyExpressions(t *trial) {
	l := newLedger(t)
	g := l.newGateway(t, "")
	g.Start()
	l.hook = created
	l.create(t, g)
	l.change(t, g, gateway.M{"match": `payload.delivery.startsWith("delivery-") && event == "push"`})
	senders := newHeavySenders(t, g)
	alone := l.acceptTimes(t, g)

	t.each(func(int) {
		stop := senders.start(0)
		idle := l.acceptTimes(t, g)
		stop()
		stop = senders.start(1)
		busy := l.acceptTimes(t, g)
		stop()
		if refused := l.refusals(); refused != "" {
			t.Errorf("the other project's events were refused: %s", refused)
		}
		if late := percentile(busy, 99); late > max(250*time.Millisecond, 3*percentile(idle, 99)) {
			t.Errorf("the p99 of an accept is %v, and %v with an expression that costs nothing", late, percentile(idle, 99))
		}
		if len(busy) < len(idle)/3 {
			t.Errorf("%d were accepted, and %d beside what costs nothing", len(busy), len(idle))
		}
		t.result("%s; accepted %s, with senders whose expression costs nothing %s, alone %s; of the senders' answers, %d were 200 and %d 503, all others 202",
			l.check(t, g), rateOf(busy), rateOf(idle), rateOf(alone), senders.filtered.Load(), senders.busy.Load())
	})
}

// accepting is how long events are accepted to measure the rate.
const accepting = 3 * time.Second

func rateOf(times durations) string {
	return fmt.Sprintf("%.0f/s with a p99 of %d ms", float64(len(times))/accepting.Seconds(), percentile(times, 99).Milliseconds())
}

// acceptTimes sends events for a while from four senders, one after the other,
// and returns how long each answer took.
func (l *ledger) acceptTimes(t *trial, g *gateway.Gateway) (all durations) {
	client := &http.Client{Timeout: gateway.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	defer client.CloseIdleConnections()
	times := make(chan durations)
	const senders = 4
	for range senders {
		go func() {
			var own durations
			for end := time.Now().Add(accepting); time.Now().Before(end) && t.ctx.Err() == nil; {
				began := time.Now()
				l.send(client, g.Addr, 500)
				own.add(time.Since(began))
			}
			times <- own
		}()
	}
	for range senders {
		all = append(all, <-times...)
	}
	return all
}

// refusals describes what was not accepted.
func (l *ledger) refusals() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.refused) == 0 && l.unknown == 0 {
		return ""
	}
	return fmt.Sprintf("answers by status %v, %d without an answer", l.refused, l.unknown)
}

// heavySenders send events that are eventually filtered out.
type heavySenders struct {
	trial          *trial
	addr           string
	requests       []heavyRequest
	filtered, busy atomic.Int64
}

type heavyRequest struct {
	hooks  [2]string // with an expression that costs nothing, and with its own
	header http.Header
	body   []byte
}

func newHeavySenders(t *trial, g *gateway.Gateway) *heavySenders {
	s := &heavySenders{trial: t, addr: g.Addr}
	numbers := []byte(`{"l":[1` + strings.Repeat(",1", 21_500) + `]}`)
	text := []byte(`{"l":["` + strings.Repeat("a", 50_000) + `"` + strings.Repeat(`,"`+strings.Repeat("a", 50_000)+`"`, 3) + `]}`)
	large := []byte(`{"l":[{"a":"` + strings.Repeat("x", 1000) + `"}` + strings.Repeat(`,{"a":"`+strings.Repeat("x", 1000)+`"}`, 200) + `]}`)
	for i, heavy := range []struct {
		expression string
		body       []byte
	}{
		{`[payload.l].exists(x, [` + addedUp(128, "x") + `].exists(y, 2 in ` + addedUp(128, "y") + `))`, numbers},
		{`payload.l.exists(x, payload.l.exists(y, x + y == 3))`, numbers},
		{`payload.l.exists(x, payload.l == [x] + payload.l)`, numbers},
		{`payload.l.exists(x, x.matches("(a|a?)+b(a|a?)+b(a|a?)+c"))`, text},
		{`payload.l.exists(x, payload.l.exists(y, x.a + y.a == ""))`, large},
	} {
		request := heavyRequest{header: gateway.GitHub(secret, "push", "heavy", heavy.body), body: heavy.body}
		for k, match := range []string{`event == "none"`, heavy.expression} {
			request.hooks[k] = fmt.Sprintf("heavy-%d-%d", i, k)
			g.Create(t, "heavy", gateway.M{
				"webhook_id":     request.hooks[k],
				"authentication": gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}},
				"resource":       gateway.M{"type": "ticket", "id": "T-1"},
				"match":          match,
			})
		}
		s.requests = append(s.requests, request)
	}
	return s
}

// addedUp is a list concatenated n times.
func addedUp(n int, list string) string {
	if n == 1 {
		return list
	}
	return "(" + addedUp(n/2, list) + "+" + addedUp(n-n/2, list) + ")"
}

// start makes them send until stop is called.
func (s *heavySenders) start(which int) (stop func()) {
	s.filtered.Store(0)
	s.busy.Store(0)
	client := &http.Client{Timeout: gateway.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: heavyAtOnce}}
	var number atomic.Int64
	end := repeat(heavyAtOnce, time.Millisecond, func() {
		request := &s.requests[int(number.Add(1))%len(s.requests)]
		url := "http://" + s.addr + "/webhooks/" + request.hooks[which]
		answer, err := gateway.Do(client, http.MethodPost, url, request.header, bytes.NewReader(request.body))
		switch {
		case err == nil && answer.Status == http.StatusOK:
			s.filtered.Add(1)
		case err == nil && answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
			s.busy.Add(1)
		default:
			s.trial.Errorf("a heavy request: %s, %v", show(answer), err)
		}
	})
	return func() {
		end()
		client.CloseIdleConnections()
	}
}
