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

// reportCircuit logs that a guest's circuit has opened or closed.
func (d *Dispatcher) reportCircuit(g *guest, code string) {
	types := make([]string, len(g.stations))
	for i, st := range g.stations {
		types[i] = st.resourceType
	}
	if g.circuit.open {
		d.logger.Warn("a trigger's circuit has opened: its endpoint gets one attempt from time to time until one succeeds",
			zap.Strings("resource_types", types), zap.String("outcome", code))
		return
	}
	d.logger.Info("a trigger's circuit has closed", zap.Strings("resource_types", types))
}

// warnPause is how long the storage may list events before they are counted
// for a warning.
const warnPause = time.Second

// warnOfUnserved logs the events that wait for a trigger that the plan in use
// does not have, once for each resource type and plan. mu is held.
func (d *Dispatcher) warnOfUnserved() {
	if d.guests == nil {
		return
	}
	for _, st := range d.schedule.order {
		if st.guest == nil && st.pending > 0 && !st.warned {
			st.warned = true
			d.logger.Warn("events wait, for no trigger serves their resource type",
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

// fault logs a fault of the storage, if none was logged lately: while it
// lasts, every worker meets it.
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
	d.logger.Log(level, what+" has failed; it is tried again",
		zap.Stringer("event_id", j.item.id), zap.String("webhook_id", j.lane.webhookID), zap.Error(err))
}
