package eventlog_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage/storagetest"
)

func TestEvents(t *testing.T) {
	key, dir := seal.NewKey(), t.TempDir()
	storagetest.Events(t, func(t *testing.T, place string) storagetest.EventLog {
		l, err := eventlog.Open(eventlog.Options{
			Dir: filepath.Join(dir, place), Key: key, SegmentSize: 1 << 20, Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return l
	})
}
