package badger

import (
	"slices"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap/zapcore"
)

// liveCore writes to what is Caddy's default log at the time: an open storage
// outlives the configuration that opened it, and its log.
type liveCore struct {
	fields []zapcore.Field
}

func (liveCore) Enabled(level zapcore.Level) bool { return caddy.Log().Core().Enabled(level) }

func (c liveCore) With(fields []zapcore.Field) zapcore.Core {
	return liveCore{fields: slices.Concat(c.fields, fields)}
}

func (c liveCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c liveCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if checked := caddy.Log().Core().Check(entry, nil); checked != nil {
		checked.Write(slices.Concat(c.fields, fields)...)
	}
	return nil
}

func (liveCore) Sync() error { return caddy.Log().Core().Sync() }
