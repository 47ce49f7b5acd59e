package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

const (
	// crashes of the process during its attempts quarantine an event.
	crashes = 3

	// unknownPause is how long an integration whose state cannot be told is
	// left alone.
	unknownPause = time.Second

	// A worker that meets a storage fault rests before it does anything else, so
	// that many pending events do not become a busy loop. The event itself waits
	// longer: one with a fault of its own must not occupy a worker.
	rest      = time.Second
	faultWait = 10 * time.Second

	// persistence is how often a result is offered to a storage that refuses it.
	// An unavailable storage is retried without limit: that passes.
	persistence = 60

	// How long an event waits in a worker for its project's turn to be shaped, and
	// then in the schedule. Neither is an attempt.
	shapingWait  = time.Second
	shapingPause = 2 * time.Second

	// Faults are logged once in this time.
	faultLogPause = 10 * time.Second

	maxProgress = 64 << 10
	maxDetail   = 200 // characters
	maxCode     = 64  // characters of an error code, which may be the trigger's own
)

// end is how a worker hands a job back.
type end struct {
	fate  fate
	delay time.Duration
}

// work does a job from its start to its return to the schedule.
func (d *Dispatcher) work(j *job) {
	e := end{fate: later, delay: faultWait}
	defer func() { d.giveBack(j, e) }()
	e = d.handle(j)
}

// giveBack returns a job to the schedule.
func (d *Dispatcher) giveBack(j *job, e end) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	d.clear(j, finding{}, "", now)
	d.schedule.giveBack(j, e.fate, e.delay, now)
	d.pump()
}

// leave makes the job's place at the endpoint free for another one, before the
// storage is told, which may wait for the disk.
func (d *Dispatcher) leave(j *job, f finding, code string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear(j, f, code, d.now())
	d.pump()
}

// clear does so once, and has the circuits learn what was found. mu is held.
func (d *Dispatcher) clear(j *job, f finding, code string, now time.Duration) {
	if j.left {
		return
	}
	before := j.circuits()
	d.schedule.leave(j, f, now)
	d.reportCircuits(j, before, j.circuits(), code, now)
}

// handle claims the event and attempts it, unless its integration or the end
// of the dispatcher stand against it.
func (d *Dispatcher) handle(j *job) end {
	if e, ok := d.mayBegin(j); !ok {
		return e
	}
	record, err := d.events.Claim(j.session, j.lane.identity, j.item.id)
	switch {
	case err == nil:
	case isGone(err), d.isLost(j):
		return end{fate: forget}
	case errors.Is(err, storage.ErrCorrupt):
		return d.bury(j, err)
	default:
		d.fault("claiming an event", j, err)
		sleep(d.stopping, rest)
		return end{fate: later, delay: faultWait}
	}
	j.queued = d.now() - record.Age
	j.item.queued = seconds(j.queued)

	// The claim may have taken a while.
	if e, ok := d.mayBegin(j); !ok {
		return d.release(j, e)
	}
	return d.attempt(j, record)
}

// mayBegin reports whether an attempt may begin now, else how the job ends.
func (d *Dispatcher) mayBegin(j *job) (end, bool) {
	switch {
	case d.stopping.Err() != nil:
		return end{fate: later}, false
	case d.isLost(j):
		return end{fate: forget}, false
	}
	switch j.endpoint.plan.Integration(j.lane.webhookID, j.lane.identity) {
	case Enabled:
		return end{}, true
	case Disabled:
		return end{fate: hold}, false
	case Deleted:
		return end{fate: drop}, false
	default:
		return end{fate: hold, delay: unknownPause}, false
	}
}

// attempt runs the trigger for a claimed event and records the result.
func (d *Dispatcher) attempt(j *job, record *storage.Record) end {
	began := time.Now()
	refuse := func(code, detail string) end {
		at := storage.Attempt{At: began, Error: code, Detail: truncate(detail, maxDetail)}
		return d.finish(j, record, at, storage.Failed, 0)
	}
	if record.Crashes >= crashes {
		return refuse(trigger.ErrQuarantined, "")
	}
	if j.overdue {
		if !j.endpoint.plan.Retry.expired(d.now() - j.queued) {
			return d.release(j, end{fate: later})
		}
		return refuse(trigger.ErrExpired, "")
	}

	result, refused := d.run(j, record)
	if errors.Is(refused, errShaping) {
		return d.release(j, end{fate: later, delay: shapingPause})
	}
	if refused != nil {
		return refuse(trigger.ErrResourceNotAllowed, refused.Error())
	}
	took := time.Since(began)

	if result.Verdict == trigger.Pending {
		policy := j.endpoint.plan.Retry
		wait := min(max(result.RetryAfter, policy.Initial), max(policy.Max, policy.Initial))
		d.logger.Debug("the run goes on", d.fields(record, zap.Duration("duration", took))...)
		d.leave(j, find(result, policy.Max), "")
		return d.release(j, end{fate: later, delay: wait})
	}
	isCut := j.session.Err() != nil
	if isCut && result.Verdict != trigger.Delivered && result.Verdict != trigger.Fail {
		return d.release(j, end{fate: later})
	}
	status, wait := j.endpoint.plan.Retry.judge(result, &record.State, d.now()-j.queued)
	at := storage.Attempt{
		At:         began,
		StatusCode: result.StatusCode,
		Error:      result.Error,
		Detail:     truncate(result.Detail, maxDetail),
		Duration:   took,
	}
	switch {
	case status == storage.Delivered:
		at.Error = ""
	case status == storage.Failed && at.Error == "":
		at.Error = trigger.ErrExpired
	}
	record.Header, record.Body = nil, nil
	d.leave(j, find(result, j.endpoint.plan.Retry.Max), outcome(status, at.Error))
	return d.finish(j, record, at, status, wait)
}

// run calls the trigger. A panic in it is a failed attempt: one event must not
// take down the process and every other event with it.
func (d *Dispatcher) run(j *job, record *storage.Record) (result trigger.Result, refused error) {
	defer func() {
		if p := recover(); p != nil {
			// The panic value may hold anything, even a secret.
			d.logger.Error("a trigger panicked", d.fields(record,
				zap.String("resource_type", record.ResourceType),
				zap.String("panic_type", fmt.Sprintf("%T", p)), zap.Stack("stack"))...)
			result, refused = trigger.Result{Verdict: trigger.Retry, Error: trigger.ErrInternal}, nil
		}
	}()
	resource := trigger.Resource{Type: record.ResourceType, ID: record.ResourceID}
	if err := j.endpoint.trigger.Allow(record.Project, resource); err != nil {
		return trigger.Result{}, err
	}
	event, unshaped, err := j.endpoint.plan.shape(j.session, d.shaping, &trigger.Event{
		ID:         record.ID.String(),
		WebhookID:  record.WebhookID,
		Project:    record.Project,
		Alias:      record.Alias,
		Provider:   record.Provider,
		Type:       record.Type,
		DeliveryID: record.DeliveryID,
		Resource:   resource,
		ReceivedAt: record.ReceivedAt,
		Header:     record.Header,
		Body:       record.Body,
	})
	switch {
	case err != nil:
		return trigger.Result{}, err
	case unshaped != nil:
		return *unshaped, nil
	}
	ctx, cancel := context.WithTimeout(j.session, j.endpoint.timeout)
	defer cancel()
	result = j.endpoint.trigger.Run(ctx, &trigger.Attempt{
		Event:          event,
		Number:         record.Tries + 1,
		IdempotencyKey: idempotencyKey(record),
		Age:            d.now() - j.queued,
		Progress:       record.Progress,
		Save: func(ctx context.Context, progress []byte) error {
			if len(progress) > maxProgress {
				return fmt.Errorf("saving progress of %d bytes: the limit is %d", len(progress), maxProgress)
			}
			return d.events.Save(ctx, j.lane.identity, j.item.id, progress)
		},
	})
	if result.Verdict == trigger.Retry && result.Error == "" && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		result.Error = trigger.ErrTimeout // for a trigger that left it to the deadline
	}
	result.Error = truncate(result.Error, maxCode)
	return result, nil
}

// idempotencyKey is the same for all attempts until the event is queued
// again.
func idempotencyKey(record *storage.Record) string {
	if record.Requeued == 0 {
		return record.ID.String()
	}
	return fmt.Sprintf("%s.%d", record.ID, record.Requeued+1)
}

// finish records an attempt. An event that is still pending waits for the
// delay.
func (d *Dispatcher) finish(j *job, record *storage.Record, at storage.Attempt, status storage.Status, delay time.Duration) end {
	due := time.Now().Add(delay)
	d.observe(j.lane.resource.queue.resourceType, outcome(status, at.Error), at.Duration)
	err := d.tell("recording an attempt", j, func(ctx context.Context) error {
		return d.events.Finish(ctx, j.lane.identity, j.item.id, at, status, due)
	})
	d.reportAttempt(record, at, status)
	return end{delay: delay}.after(status, err)
}

// release ends the claim without an attempt, and the job as e says.
func (d *Dispatcher) release(j *job, e end) end {
	due := time.Now().Add(e.delay)
	err := d.tell("releasing an event", j, func(ctx context.Context) error {
		return d.events.Release(ctx, j.lane.identity, j.item.id, due)
	})
	if e.fate == drop {
		return e
	}
	if err != nil {
		return e.after(storage.Pending, err)
	}
	return e
}

// after sets the fate of an event whose status was told to the storage.
func (e end) after(status storage.Status, err error) end {
	switch {
	case isGone(err), err == nil && status != storage.Pending:
		e.fate, e.delay = forget, 0
	case err != nil:
		e.fate, e.delay = later, max(e.delay, faultWait)
	default:
		e.fate = later
	}
	return e
}

// tell records what has become of a claimed event, and keeps trying while the
// storage cannot take it: otherwise the claim would outlive the attempt.
// Meanwhile the worker takes no other event, and no worker does while the
// storage takes no results at all: a crash would repeat those attempts.
func (d *Dispatcher) tell(what string, j *job, say func(context.Context) error) error {
	ctx := context.WithoutCancel(d.cut)
	untold := false
	defer func() {
		if untold {
			d.count(-1)
		}
	}()
	for n := 1; ; n++ {
		if d.isLost(j) {
			return errLost
		}
		isCut := d.cut.Err() != nil // before the try, so that one try follows the cut
		err := say(ctx)
		if err == nil || isGone(err) {
			return err
		}
		d.fault(what, j, err)
		if !untold && errors.Is(err, storage.ErrUnavailable) {
			untold = true
			d.count(1)
		}
		if isCut || n >= persistence && !errors.Is(err, storage.ErrUnavailable) {
			return err
		}
		sleep(j.session, rest)
	}
}

// count counts the workers whose results an unavailable storage does not take.
func (d *Dispatcher) count(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.schedule.untold += by
}

// bury ends an event that cannot be read, unless the storage already has.
func (d *Dispatcher) bury(j *job, cause error) end {
	at := storage.Attempt{At: time.Now(), Error: trigger.ErrInternal}
	err := d.tell("ending a damaged event", j, func(ctx context.Context) error {
		return d.events.Finish(ctx, j.lane.identity, j.item.id, at, storage.Failed, at.At)
	})
	d.logger.Error("an event is damaged and is not attempted",
		zap.Stringer("event_id", j.item.id), zap.String("webhook_id", j.lane.webhookID), zap.Error(cause))
	return end{}.after(storage.Failed, err)
}

// sleep waits, at most until ctx is done.
func sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// isGone reports whether the event no longer concerns the dispatcher.
func isGone(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNotPending)
}

// truncate returns at most so many characters of a text.
func truncate(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
