package gate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// log is an event log in memory that keeps what the gate gives it.
type log struct {
	storage.Events // what the gate must not call is nil, and panics

	mu     sync.Mutex
	events []storage.Event
	// further are the resources beside the last event's own.
	further []storage.Resource
	byKey   map[string]*kept
	fail    error
	// during is called in each Append.
	during func()
	// within is how long the last Append had.
	within time.Duration
	// revision is that of the integration; an earlier one is stale.
	revision uint64
}

type kept struct {
	id       storage.ID
	failed   bool
	requeued int
}

func (l *log) Append(ctx context.Context, event *storage.Event, dedupe storage.Dedupe, further ...storage.Resource) (storage.ID, storage.Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done := ctx.Err() // what has begun is waited for
	if at, ok := ctx.Deadline(); ok {
		l.within = time.Until(at)
	}
	if l.during != nil {
		l.during()
	}
	if err := cmp.Or(l.fail, done); err != nil {
		return storage.ID{}, 0, err
	}
	if event.Revision != 0 && event.Revision < l.revision {
		return storage.ID{}, 0, storage.ErrStale
	}
	key := string(event.Integration[:]) + string(dedupe.Key)
	earlier := l.byKey[key]
	if earlier == nil && dedupe.Former != nil {
		earlier = l.byKey[string(event.Integration[:])+string(dedupe.Former)]
	}
	if dedupe.Key != nil && earlier != nil {
		if earlier.failed && earlier.requeued < dedupe.Requeues {
			earlier.requeued++
			return earlier.id, storage.Requeued, nil
		}
		return earlier.id, storage.Duplicate, nil
	}
	id := storage.ID{15: byte(len(l.events) + 1)}
	event.ID = id
	stored := *event
	stored.Header, stored.Body = event.Header.Clone(), bytes.Clone(event.Body)
	l.events = append(l.events, stored)
	l.further = further
	if l.byKey == nil {
		l.byKey = map[string]*kept{}
	}
	if dedupe.Key != nil {
		l.byKey[key] = &kept{id: id}
	}
	return id, storage.Accepted, nil
}

func (l *log) failAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, earlier := range l.byKey {
		earlier.failed = true
	}
}

func (l *log) last(t *testing.T) storage.Event {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.events) == 0 {
		t.Fatal("nothing was stored")
	}
	return l.events[len(l.events)-1]
}

func (l *log) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.events)
}

var errDown = errors.New("down")

// emptyLog accepts and forgets.
type emptyLog struct{ storage.Events }

func (emptyLog) Append(_ context.Context, event *storage.Event, _ storage.Dedupe, _ ...storage.Resource) (storage.ID, storage.Outcome, error) {
	return event.ID, storage.Accepted, nil
}
