package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookgate/hookgate/internal/eventlog/index"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// What one List looks at, and what it finds, before it returns what it has.
const (
	maxScan  = 10_000  // events
	maxFound = 1 << 20 // bytes of them in memory, about
)

// List implements storage.Events.
func (l *Log) List(ctx context.Context, identity storage.Identity, query storage.Query) (records []storage.Record, next storage.ID, more bool, err error) {
	if err := l.enter(); err != nil {
		return nil, next, false, err
	}
	defer l.leave()
	if query.Limit < 1 {
		return nil, next, false, fmt.Errorf("listing events: the limit %d is below 1", query.Limit)
	}
	s := listing{ctx: ctx, identity: identity, query: query}
	if !s.recent(l) {
		return nil, next, false, nil
	}
	s.view = l.index.View()
	defer s.view.Close()
	if err := s.run(); err != nil {
		if ctx.Err() != nil {
			return nil, next, false, ctx.Err()
		}
		return nil, next, false, l.indexFault(err)
	}
	records = make([]storage.Record, len(s.found))
	for i, e := range s.found {
		if records[i], err = l.record(e); err != nil {
			return nil, next, false, err
		}
	}
	if s.more {
		next = s.last
	}
	return records, next, s.more, nil
}

// listing merges what is in memory with what is in the index, newest first.
type listing struct {
	ctx      context.Context
	identity storage.Identity
	query    storage.Query
	view     index.View

	fresh   []*state.Event // newest first; they hide the index's
	scanned int
	found   []*state.Event
	size    int64      // of them, in bytes
	last    storage.ID // the last one that was looked at
	more    bool
}

// recent takes what is in memory; false means that the integration is dropped.
func (s *listing) recent(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, gone := l.dropped[s.identity]; gone {
		return false
	}
	for _, c := range l.active.Events[s.identity] {
		s.fresh = append(s.fresh, c.Now)
	}
	if l.flushing != nil {
		for id, c := range l.flushing.Events[s.identity] {
			if _, ok := l.active.Events[s.identity][id]; !ok {
				s.fresh = append(s.fresh, c.Now)
			}
		}
	}
	return true
}

func (s *listing) run() error {
	s.fresh = slices.DeleteFunc(s.fresh, func(e *state.Event) bool {
		return !s.query.Before.IsZero() && state.CompareIDs(e.ID, s.query.Before) >= 0
	})
	slices.SortFunc(s.fresh, func(a, b *state.Event) int { return state.CompareIDs(b.ID, a.ID) })

	prefix := identityKey(s.source(), s.identity)
	from := append(slices.Clone(prefix), bytes.Repeat([]byte{0xff}, len(storage.ID{}))...)
	if !s.query.Before.IsZero() {
		from = append(from[:len(prefix)], s.query.Before[:]...)
	}
	again := true
	err := s.view.Descend(prefix, from, func(key, value []byte) (bool, error) {
		_, id, err := parseIDKey(key)
		if err != nil || id == s.query.Before {
			return err == nil, err
		}
		for again && len(s.fresh) > 0 && state.CompareIDs(s.fresh[0].ID, id) > 0 {
			again = s.visitFresh()
		}
		if again && len(s.fresh) > 0 && s.fresh[0].ID == id {
			again = s.visitFresh()
			return again, nil
		}
		if again {
			again, err = s.visitIndexed(id, key[0] == eventKey, value)
		}
		return again, err
	})
	for err == nil && again && len(s.fresh) > 0 {
		again = s.visitFresh()
	}
	return err
}

// source is the kind of key that leads to what is selected.
func (s *listing) source() byte {
	switch s.query.Status {
	case storage.Pending:
		return pendingKey
	case storage.Failed:
		return failedKey
	}
	return eventKey
}

func (s *listing) visitFresh() bool {
	e := s.fresh[0]
	s.fresh = s.fresh[1:]
	return s.visit(e)
}

func (s *listing) visitIndexed(id storage.ID, inPlace bool, value []byte) (again bool, err error) {
	var e *state.Event
	decode := func(value []byte) (err error) {
		e, err = state.DecodeEvent(s.identity, id, value)
		return err
	}
	if inPlace {
		err = decode(value)
	} else {
		err = s.view.Get(idKey(eventKey, s.identity, id), decode)
	}
	if errors.Is(err, index.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return s.visit(e), s.ctx.Err()
}

// visit reports whether to go on.
func (s *listing) visit(e *state.Event) bool {
	if e.Purged {
		return true
	}
	matches := s.query.Status == "" || s.query.Status == e.Status
	if matches && (len(s.found) == s.query.Limit || s.size >= maxFound) || s.scanned == maxScan {
		s.more = true
		return false
	}
	s.scanned++
	s.last = e.ID
	if matches {
		s.found = append(s.found, e)
		s.size += e.Size()
	}
	return true
}
