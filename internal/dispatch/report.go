package dispatch

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// outcome is the word for an attempt in logs and metrics.
func outcome(status storage.Status, code string) string {
	switch {
	case status == storage.Delivered:
		return "delivered"
	case code == "":
		return trigger.ErrInternal
	default:
		return code
	}
}

// fields identify an event and its attempt in the log.
func (d *Dispatcher) fields(record *storage.Record, more ...zap.Field) []zap.Field {
	return append([]zap.Field{
		zap.Stringer("event_id", record.ID),
		zap.String("webhook_id", record.WebhookID),
		zap.String("project", record.Project),
		zap.Int("attempt", record.Tries+1),
	}, more...)
}

// reportAttempt logs an attempt: the end of an event at level info, one that
// will be repeated at debug. A trigger's detail stays out of the log.
func (d *Dispatcher) reportAttempt(record *storage.Record, at storage.Attempt, status storage.Status) {
	level, message := zapcore.DebugLevel, "an attempt failed and will be repeated"
	switch status {
	case storage.Delivered:
		level, message = zapcore.InfoLevel, "an event was delivered"
	case storage.Failed:
		level, message = zapcore.InfoLevel, "an event has failed"
	}
	if entry := d.logger.Check(level, message); entry != nil {
		entry.Write(d.fields(record,
			zap.String("outcome", outcome(status, at.Error)),
			zap.Int("status_code", at.StatusCode),
			zap.Duration("duration", at.Duration))...)
	}
}

// reportCircuits logs which circuits have opened or closed by a job's end. Those
// of endpoints are few; a project may have thousands of resources that fail, so
// the lines about these are bounded. mu is held.
func (d *Dispatcher) reportCircuits(j *job, before, after circuits, code string, now time.Duration) {
	if before == after {
		return
	}
	g, r := j.endpoint, j.lane.resource
	project := zap.String("project", r.project.name)
	if before.endpoint != after.endpoint {
		d.reportCircuit("an endpoint", after.endpoint, zap.Strings("resource_types", g.resourceTypes()), zap.String("outcome", code))
	}
	if before.project != after.project && g.lines.take(now) {
		d.reportCircuit("a project", after.project, project, zap.Strings("resource_types", g.resourceTypes()),
			zap.String("outcome", code), g.lines.told())
	}
	if before.resource != after.resource && g.lines.take(now) {
		d.reportCircuit("a resource", after.resource, project, zap.String("resource_type", r.queue.resourceType),
			zap.String("resource_id", r.id), zap.String("outcome", code), g.lines.told())
	}
}

func (d *Dispatcher) reportCircuit(whose string, isOpen bool, fields ...zap.Field) {
	if isOpen {
		d.logger.Warn(whose+"'s circuit has opened: one attempt probes it from time to time, until one succeeds", fields...)
		return
	}
	d.logger.Info(whose+"'s circuit has closed", fields...)
}

// quota bounds the lines that tell of one trigger's circuits.
type quota struct {
	since         time.Duration
	used, leftOut int
}

const (
	quotaTime  = time.Minute
	quotaLines = 10
)

// take reports whether one more line may be written.
func (q *quota) take(now time.Duration) bool {
	if q.used == 0 || now-q.since >= quotaTime {
		q.since, q.used = now, 0
	}
	if q.used == quotaLines {
		q.leftOut++
		return false
	}
	q.used++
	return true
}

// told is the log field with the number of lines left out before this one.
func (q *quota) told() zap.Field {
	n := q.leftOut
	q.leftOut = 0
	if n == 0 {
		return zap.Skip()
	}
	return zap.Int("left_out", n)
}

// warnPause is how long the storage may list events before they are counted
// for a warning.
const warnPause = time.Second

// warnOfUnserved logs the events that wait for a trigger that the plan in use
// does not have, once for each resource type and plan. mu is held.
func (d *Dispatcher) warnOfUnserved() {
	if !d.hasPlan {
		return
	}
	for _, st := range d.schedule.order {
		if !st.isServed() && st.pending > 0 && !st.warned {
			st.warned = true
			d.logger.Warn("events are waiting because no trigger serves their resource type",
				zap.String("resource_type", st.resourceType), zap.Int("pending", st.pending))
		}
	}
}

func (d *Dispatcher) warnLater() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.warning = nil
	d.warnOfUnserved()
}

// fault logs a storage fault, unless one was logged recently: every worker meets
// it while it lasts.
func (d *Dispatcher) fault(what string, j *job, err error) {
	d.mu.Lock()
	recent := time.Since(d.lastFault) < faultLogPause && !d.lastFault.IsZero()
	if !recent {
		d.lastFault = time.Now()
	}
	d.mu.Unlock()
	level := zapcore.ErrorLevel
	if recent {
		level = zapcore.DebugLevel
	}
	d.logger.Log(level, what+" has failed; it is retried",
		zap.Stringer("event_id", j.item.id), zap.String("webhook_id", j.lane.webhookID), zap.Error(err))
}
