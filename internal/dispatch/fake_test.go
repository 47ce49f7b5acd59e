package dispatch

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// fakeEvents is a storage in memory that notes every breach of its contract.
type fakeEvents struct {
	storage.Events // what the dispatcher must not call panics

	mu       sync.Mutex
	records  map[storage.ID]*fakeRecord
	last     uint64
	watcher  storage.Watcher
	breaches []string
	claims   int
	releases int

	// fail answers a call instead of the storage, when it returns an error.
	fail func(call string, id storage.ID) error
}

type fakeRecord struct {
	storage.Record
	claimed bool
	began   time.Time // its age is counted from here
}

func newFakeEvents() *fakeEvents {
	return &fakeEvents{records: make(map[storage.ID]*fakeRecord)}
}

func identity(n int) (id storage.Identity) {
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

// accept stores a new event for the integration's resource and tells the watcher.
func (f *fakeEvents) accept(integration int, resourceType string) storage.ID {
	return f.acceptFor("demo", integration, resourceType, fmt.Sprint("r-", integration))
}

// acceptFor does so for any resource.
func (f *fakeEvents) acceptFor(project string, integration int, resourceType, resourceID string) storage.ID {
	now := time.Now()
	return f.store(storage.Record{
		Event: storage.Event{
			Integration: identity(integration), WebhookID: fmt.Sprint("hook-", integration),
			Project: project, ResourceType: resourceType, ResourceID: resourceID, ReceivedAt: now,
		},
		State: storage.State{Status: storage.Pending, Due: now, QueuedAt: now},
	})
}

func (f *fakeEvents) store(record storage.Record) storage.ID {
	f.mu.Lock()
	f.last++
	binary.BigEndian.PutUint64(record.ID[8:], f.last)
	f.records[record.ID] = &fakeRecord{Record: record, began: record.QueuedAt}
	watcher := f.watcher
	f.mu.Unlock()
	if watcher.Pending != nil {
		watcher.Pending(ref(record))
	}
	return record.ID
}

func ref(r storage.Record) storage.Ref {
	return storage.Ref{
		ID: r.ID, Integration: r.Integration, WebhookID: r.WebhookID, Project: r.Project,
		ResourceType: r.ResourceType, ResourceID: r.ResourceID, Due: r.Due, Size: int64(len(r.Body)),
	}
}

// requeue queues a failed event again.
func (f *fakeEvents) requeue(id storage.ID) {
	f.mu.Lock()
	r := f.records[id]
	r.Status, r.Progress, r.Crashes = storage.Pending, nil, 0
	r.Requeued++
	r.QueuedTries = r.Tries
	r.Due, r.QueuedAt, r.began = time.Now(), time.Now(), time.Now()
	record, watcher := r.Record, f.watcher
	f.mu.Unlock()
	watcher.Pending(ref(record))
}

// setAge makes an event older or younger than its times say.
func (f *fakeEvents) setAge(id storage.ID, age time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records[id].began = time.Now().Add(-age)
}

// jump makes all that was written so far look as if the wall clock had jumped
// since.
func (f *fakeEvents) jump(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.records {
		r.Due, r.QueuedAt, r.ReceivedAt = r.Due.Add(-by), r.QueuedAt.Add(-by), r.ReceivedAt.Add(-by)
		for i := range r.Attempts {
			r.Attempts[i].At = r.Attempts[i].At.Add(-by)
		}
	}
}

func (f *fakeEvents) get(id storage.ID) storage.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.records[id].Record
}

// count counts the events by status.
func (f *fakeEvents) count() map[storage.Status]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[storage.Status]int)
	for _, r := range f.records {
		counts[r.Status]++
	}
	return counts
}

func (f *fakeEvents) breach(format string, args ...any) {
	f.breaches = append(f.breaches, fmt.Sprintf(format, args...))
}

func (f *fakeEvents) Watch(watcher storage.Watcher) (func(), error) {
	f.mu.Lock()
	var refs []storage.Ref
	for n := range f.last {
		var id storage.ID
		binary.BigEndian.PutUint64(id[8:], n+1)
		if r := f.records[id]; r != nil && r.Status == storage.Pending {
			refs = append(refs, ref(r.Record))
		}
	}
	if f.watcher.Pending != nil {
		f.breach("two watchers at once")
	}
	f.watcher = watcher
	f.mu.Unlock()
	for _, r := range refs {
		watcher.Pending(r)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.watcher = storage.Watcher{}
	}, nil
}

func (f *fakeEvents) Claim(_ context.Context, integration storage.Identity, id storage.ID) (*storage.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.find("claim", integration, id)
	if err != nil {
		return nil, err
	}
	if r.Status != storage.Pending || r.claimed {
		return nil, storage.ErrNotPending
	}
	f.claims++
	r.claimed = true
	record := r.Record
	record.Age = time.Since(r.began)
	return &record, nil
}

func (f *fakeEvents) Save(_ context.Context, integration storage.Identity, id storage.ID, progress []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.claimed("save", integration, id)
	if err == nil {
		r.Progress = progress
	}
	return err
}

func (f *fakeEvents) Finish(_ context.Context, integration storage.Identity, id storage.ID, attempt storage.Attempt, status storage.Status, due time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.claimed("finish", integration, id)
	if err != nil {
		return err
	}
	r.claimed, r.Crashes = false, 0
	r.Status, r.Due = status, due
	r.Tries++
	r.Attempts = append(r.Attempts, attempt)
	return nil
}

func (f *fakeEvents) Release(_ context.Context, integration storage.Identity, id storage.ID, due time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.claimed("release", integration, id)
	if err != nil {
		return err
	}
	f.releases++
	r.claimed, r.Due = false, due
	return nil
}

// drop deletes the events of an integration.
func (f *fakeEvents) drop(integration int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, r := range f.records {
		if r.Integration == identity(integration) {
			delete(f.records, id)
		}
	}
}

// clear forgets all events.
func (f *fakeEvents) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.records)
}

func (f *fakeEvents) find(call string, integration storage.Identity, id storage.ID) (*fakeRecord, error) {
	if f.fail != nil {
		if err := f.fail(call, id); err != nil {
			return nil, err
		}
	}
	r := f.records[id]
	if r == nil {
		return nil, storage.ErrNotFound
	}
	if r.Integration != integration {
		f.breach("%s of %s under another identity", call, id)
	}
	return r, nil
}

func (f *fakeEvents) claimed(call string, integration storage.Identity, id storage.ID) (*fakeRecord, error) {
	r, err := f.find(call, integration, id)
	if err == nil && !r.claimed {
		f.breach("%s of %s without a claim", call, id)
		return nil, storage.ErrNotPending
	}
	return r, err
}

// call is one Run of a fakeTrigger.
type call struct {
	id           string
	webhookID    string
	project      string
	resource     trigger.Resource
	number       int
	key          string
	began, ended time.Time
	result       trigger.Result
	wasCut       bool
}

// fakeTrigger answers with run, notes each call, and that no event runs twice
// at once and no limit is passed.
type fakeTrigger struct {
	types []string
	allow func(project string, resource trigger.Resource) error
	run   func(ctx context.Context, attempt *trigger.Attempt) trigger.Result
	log   *callLog
}

// callLog is shared by the triggers of a test.
type callLog struct {
	mu       sync.Mutex
	calls    []call
	begun    []call
	running  map[string]int // by event
	inFlight int
	most     int
	breaches []string
}

func newCallLog() *callLog { return &callLog{running: make(map[string]int)} }

// AttemptTimeout lets an attempt hang for longer than the tests of all else than
// the deadline simulate.
func (f *fakeTrigger) AttemptTimeout() time.Duration { return 30 * day }

func (f *fakeTrigger) ResourceTypes() []string { return f.types }

func (f *fakeTrigger) Allow(project string, resource trigger.Resource) error {
	if f.allow == nil {
		return nil
	}
	return f.allow(project, resource)
}

func (f *fakeTrigger) Run(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	l, c := f.log, call{
		id: attempt.Event.ID, webhookID: attempt.Event.WebhookID, project: attempt.Event.Project, resource: attempt.Event.Resource,
		number: attempt.Number, key: attempt.IdempotencyKey, began: time.Now(),
	}
	l.mu.Lock()
	l.begun = append(l.begun, c)
	l.inFlight++
	l.most = max(l.most, l.inFlight)
	if l.running[c.id]++; l.running[c.id] > 1 {
		l.breaches = append(l.breaches, c.id+" runs twice at once")
	}
	l.mu.Unlock()
	defer func() {
		c.ended, c.wasCut = time.Now(), ctx.Err() != nil
		l.mu.Lock()
		defer l.mu.Unlock()
		l.inFlight--
		l.running[c.id]--
		l.calls = append(l.calls, c)
	}()
	c.result = f.run(ctx, attempt)
	return c.result
}

// clear forgets all calls.
func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.begun, l.most = nil, nil, l.inFlight
}

func (l *callLog) all() []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]call(nil), l.calls...)
}

// started returns those that have begun, whether they have ended or not.
func (l *callLog) started() []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]call(nil), l.begun...)
}
