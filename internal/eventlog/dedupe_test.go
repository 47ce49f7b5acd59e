package eventlog

import (
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// TestCopiesInOneGroup has two copies arrive while another group is synced:
// one is accepted, and both share the fate of theirs.
func TestCopiesInOneGroup(t *testing.T) {
	for name, fault := range map[string]error{"kept": nil, "failed": syscall.EIO} {
		t.Run(name, func(t *testing.T) {
			options, disk := faultyOptions(t, t.TempDir())
			options.FlushEvery = time.Hour
			l := mustOpen(t, options)
			open := disk.shut(t)
			var wait sync.WaitGroup
			outcomes, errs := make([]storage.Outcome, 3), make([]error, 3)
			send := func(i int, key string) {
				wait.Go(func() { _, outcomes[i], errs[i] = l.Append(t.Context(), testEvent(1, key), keyed(key)) })
			}
			send(0, "first")
			queued := func(n int) func() bool {
				return func() bool {
					return l.journal.Queued() == n
				}
			}
			// Behind the first, which waits for the gate, the copies queue up.
			eventually(t, "the first", func() bool {
				disk.mu.Lock()
				defer disk.mu.Unlock()
				return disk.waits
			})
			send(1, "copy")
			send(2, "copy")
			eventually(t, "both copies", queued(2))
			disk.set(func(d *faultyDisk) { d.sync = fault })
			open()
			wait.Wait()
			if errs[0] != nil {
				t.Fatal(errs[0])
			}
			if fault != nil {
				if !errors.Is(errs[1], storage.ErrUnavailable) || !errors.Is(errs[2], storage.ErrUnavailable) {
					t.Fatalf("copies in a group that failed: %v, %v", errs[1], errs[2])
				}
				return
			}
			if errs[1] != nil || errs[2] != nil || outcomes[1]+outcomes[2] != storage.Accepted+storage.Duplicate {
				t.Fatalf("%v, %v", outcomes, errs)
			}
		})
	}
}
