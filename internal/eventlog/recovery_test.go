package eventlog

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// askedDisk counts how often its free space is asked for.
type askedDisk struct {
	*faultyDisk
	asked atomic.Int64
}

func (d *askedDisk) Space(dir string) (free int64, err error) {
	d.asked.Add(1)
	return d.faultyDisk.Space(dir)
}

// TestRecoveryWithoutSpaceForTheIndex starts on a nearly full disk with more
// events than recovery writes at once: the index is tried once for each chunk,
// and not again for each event.
func TestRecoveryWithoutSpaceForTheIndex(t *testing.T) {
	const events, chunk = 300, 180
	dir := t.TempDir()
	options := testOptions(t, dir)
	options.FlushEvery = time.Hour
	l := mustOpen(t, options)
	var ids []storage.ID
	for i := range events {
		ids = append(ids, mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{}))
	}
	options, disk := faultyOptions(t, killed(t, l, dir))
	disk.free = openFloor
	asked := &askedDisk{faultyDisk: disk}
	options.disk, options.MaxBehind, options.FlushEvery = asked, chunk, time.Hour
	l = mustOpen(t, options)
	if n := asked.asked.Load(); n > 20 {
		t.Errorf("the free space was asked for %d times", n)
	}
	if n := missing(t, l, ids); n != 0 || l.Counts().Pending != events {
		t.Errorf("%d events are missing, %d are pending", n, l.Counts().Pending)
	}
	disk.set(func(d *faultyDisk) { d.free = 0 })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	options.MaxBehind = 0
	if n := missing(t, mustOpen(t, options), ids); n != 0 {
		t.Errorf("%d are missing once the index has followed", n)
	}
}
