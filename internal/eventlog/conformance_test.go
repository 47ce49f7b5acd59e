package eventlog_test

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage/storagetest"
)

func TestEvents(t *testing.T) {
	key := seal.NewKey()
	storagetest.Events(t, func(t *testing.T, dir string) storagetest.EventLog {
		l, err := eventlog.Open(eventlog.Options{
			Dir: dir, Key: key, SegmentSize: 1 << 20, Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
}
