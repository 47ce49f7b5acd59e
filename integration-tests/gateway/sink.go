package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Sink is an endpoint that records what triggers send to it.
type Sink struct {
	t      testing.TB
	server *httptest.Server
	URL    string

	mu         sync.Mutex
	deliveries []Delivery
	answer     http.HandlerFunc
}

// Delivery is one request to a sink.
type Delivery struct {
	Method string
	URI    string
	Header http.Header
	Body   []byte
}

// Event returns the ID of the delivered event.
func (d Delivery) Event() string { return d.Header.Get("Webhook-Id") }

// NewSink starts a sink that answers 204 to everything.
func NewSink(t testing.TB) *Sink {
	s := &Sink{t: t}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	s.URL = s.server.URL
	t.Cleanup(func() {
		s.server.CloseClientConnections()
		s.server.Close()
	})
	return s
}

func (s *Sink) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the gateway went away: it has not delivered this
	}
	s.mu.Lock()
	s.deliveries = append(s.deliveries, Delivery{r.Method, r.RequestURI, r.Header.Clone(), body})
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Answer sets the answer from now on; nil answers 204. The body of the request
// has already been read.
func (s *Sink) Answer(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// AnswerStatus answers every request with a status from now on.
func (s *Sink) AnswerStatus(status int) {
	s.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

// Deliveries returns what has arrived so far.
func (s *Sink) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// Of returns the deliveries of one event so far.
func (s *Sink) Of(event string) []Delivery {
	return slices.DeleteFunc(s.Deliveries(), func(d Delivery) bool { return d.Event() != event })
}

// Wait waits for the first delivery of an event.
func (s *Sink) Wait(event string) Delivery {
	s.t.Helper()
	return s.WaitAttempts(event, 1)[0]
}

// WaitAttempts waits until an event has arrived n times.
func (s *Sink) WaitAttempts(event string, n int) []Delivery {
	s.t.Helper()
	var found []Delivery
	Eventually(s.t, "the event has arrived at the sink", func() bool {
		found = s.Of(event)
		return len(found) >= n
	})
	return found
}

// Events returns the IDs of the events that have arrived, each with the number
// of its arrivals.
func (s *Sink) Events() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := make(map[string]int, len(s.deliveries))
	for _, d := range s.deliveries {
		events[d.Event()]++
	}
	return events
}
