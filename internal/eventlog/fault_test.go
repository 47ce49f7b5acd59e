package eventlog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

// faultyDisk is the machine's disk with faults that a test switches on.
type faultyDisk struct {
	segment.OS
	mu        sync.Mutex
	write     error // of every WriteAt
	tornWrite bool  // a failing write leaves half of its bytes
	sync      error // of every Sync
	create    error
	free      int64         // 0: the real one
	gate      chan struct{} // a Sync waits for it, if there is one
	waits     bool          // one does
}

type faultyFile struct {
	segment.File
	disk *faultyDisk
}

func (d *faultyDisk) set(change func(*faultyDisk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// shut has each Sync wait until open is called, or the test is over: the log
// could not be closed otherwise.
func (d *faultyDisk) shut(t *testing.T) (open func()) {
	gate := make(chan struct{})
	d.set(func(d *faultyDisk) { d.gate, d.waits = gate, false })
	open = sync.OnceFunc(func() {
		d.set(func(d *faultyDisk) { d.gate = nil })
		close(gate)
	})
	t.Cleanup(open)
	return open
}

func (d *faultyDisk) Create(path string, size int64) (segment.File, error) {
	d.mu.Lock()
	err := d.create
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	file, err := d.OS.Create(path, size)
	if err != nil {
		return nil, err
	}
	return faultyFile{file, d}, nil
}

func (d *faultyDisk) Space(dir string) (free int64, err error) {
	free, err = d.OS.Space(dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free > 0 {
		free = d.free
	}
	return free, err
}

func (f faultyFile) WriteAt(raw []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	err, torn := f.disk.write, f.disk.tornWrite
	f.disk.mu.Unlock()
	if err != nil {
		n := 0
		if torn {
			n, _ = f.File.WriteAt(raw[:len(raw)/2], offset)
		}
		return n, err
	}
	return f.File.WriteAt(raw, offset)
}

func (f faultyFile) Sync() error {
	f.disk.mu.Lock()
	gate, err := f.disk.gate, f.disk.sync
	f.disk.waits = gate != nil
	f.disk.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if err != nil {
		return err
	}
	return f.File.Sync()
}

func faultyOptions(t *testing.T, dir string) (Options, *faultyDisk) {
	disk := &faultyDisk{}
	options := testOptions(t, dir)
	options.Logger = zap.NewNop()
	options.disk = disk
	options.retryMin, options.retryMax = time.Millisecond, 5*time.Millisecond
	return options, disk
}

func TestWriteAndSyncErrors(t *testing.T) {
	faults := map[string]func(*faultyDisk){
		"write":      func(d *faultyDisk) { d.write = syscall.EIO },
		"torn write": func(d *faultyDisk) { d.write, d.tornWrite = syscall.ENOSPC, true },
		"sync":       func(d *faultyDisk) { d.sync = syscall.EIO },
		"all": func(d *faultyDisk) {
			d.write, d.sync, d.create = syscall.EIO, syscall.EIO, syscall.ENOSPC
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) { testFault(t, fault) })
	}
}

func testFault(t *testing.T, fault func(*faultyDisk)) {
	dir := t.TempDir()
	options, disk := faultyOptions(t, dir)
	l := mustOpen(t, options)
	var relocated []storage.ID
	add := func(n int) {
		for range n {
			relocated = append(relocated, mustAppend(t, l, testEvent(1, fmt.Sprint(len(relocated))), keyed(fmt.Sprint(len(relocated)))))
		}
	}
	add(20)
	// Two attempts are under way when the disk fails: their ends count.
	for _, id := range relocated[:3] {
		if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
			t.Fatal(err)
		}
	}
	disk.set(fault)
	for i := range 5 {
		_, _, err := l.Append(t.Context(), testEvent(1, "refused"), keyed(fmt.Sprint("refused", i)))
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("an append on a broken disk: %v", err)
		}
	}
	if at := l.Health().FailedAt; time.Since(at).Abs() > time.Minute {
		t.Errorf("the last failure was at %v", at)
	}
	if state := l.Health().State; state != "failed" {
		t.Errorf("the state is %q", state)
	}
	if _, err := l.Claim(t.Context(), storage.Identity{1}, relocated[5]); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("a claim on a broken disk: %v", err)
	}
	if err := l.Finish(t.Context(), storage.Identity{1}, relocated[0], storage.Attempt{StatusCode: 200}, storage.Delivered, time.Time{}); err != nil {
		t.Errorf("a finish on a broken disk: %v", err)
	}
	if err := l.Release(t.Context(), storage.Identity{1}, relocated[1], time.Time{}); err != nil {
		t.Errorf("a release on a broken disk: %v", err)
	}
	if id, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), keyed("7")); id != relocated[7] || outcome != storage.Duplicate || err != nil {
		t.Errorf("a duplicate on a broken disk: %v, %v, %v", id, outcome, err)
	}
	disk.set(func(d *faultyDisk) { d.write, d.sync, d.create = nil, nil, nil })
	eventually(t, "appending again", func() bool {
		id, _, err := l.Append(t.Context(), testEvent(1, fmt.Sprint(len(relocated))), keyed(fmt.Sprint(len(relocated))))
		if err == nil {
			relocated = append(relocated, id)
		}
		return err == nil
	})
	add(20)
	check := func() {
		t.Helper()
		for i, id := range relocated {
			r, err := l.Get(t.Context(), storage.Identity{1}, id)
			if err != nil || string(r.Body) != fmt.Sprint(i) {
				t.Fatalf("event %d: %v", i, err)
			}
			want := storage.Pending
			if i == 0 {
				want = storage.Delivered
			}
			if r.Status != want || r.Crashes != 0 {
				t.Fatalf("event %d: %+v", i, r.State)
			}
		}
		if n := l.PendingOf(storage.Identity{1}); n != len(relocated)-1 {
			t.Fatalf("%d of %d are pending", n, len(relocated)-1)
		}
		if state := l.Health().State; state != "ok" {
			t.Fatalf("the state is %q", state)
		}
	}
	if err := l.Release(t.Context(), storage.Identity{1}, relocated[2], time.Time{}); err != nil {
		t.Fatal(err)
	}
	check()
	l.Close()
	l = mustOpen(t, options)
	check()
	l.Close()
	removeIndex(t, dir)
	l = mustOpen(t, options)
	check()
}

func removeIndex(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherKeyChangesNothing(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, testOptions(t, dir))
	mustAppend(t, l, testEvent(1, "a"), storage.Dedupe{})
	l.Close()
	before := snapshot(t, dir)
	options := testOptions(t, dir)
	options.Key = seal.NewKey()
	if _, err := Open(options); !errors.Is(err, segment.ErrKey) {
		t.Fatalf("opening with another key: %v", err)
	}
	if after := snapshot(t, dir); after != before {
		t.Fatalf("another key changed the files:\n%s\n%s", before, after)
	}
}

// snapshot lists a directory's files with their sizes and contents.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		sum := sha256.New()
		size, err := io.Copy(sum, file)
		fmt.Fprintf(&list, "%s %d %x\n", path, size, sum.Sum(nil))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

// TestFaultStorm works on a log whose disk fails and recovers all the time.
func TestFaultStorm(t *testing.T) {
	dir := t.TempDir()
	options, disk := faultyOptions(t, dir)
	options.SegmentSize = 64 << 10
	l := mustOpen(t, options)
	l.SetLimits(storage.Limits{Failed: time.Millisecond}) // so all is kept elsewhere
	collecting := collectAlways(l)
	identity := storage.Identity{1}
	stop := make(chan struct{})
	var storm, wait sync.WaitGroup
	storm.Go(func() {
		faults := []func(*faultyDisk){
			func(d *faultyDisk) { d.write = syscall.EIO },
			func(d *faultyDisk) { d.write, d.tornWrite = syscall.ENOSPC, true },
			func(d *faultyDisk) { d.sync = syscall.EIO },
			func(d *faultyDisk) { d.create = syscall.ENOSPC },
		}
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				disk.set(func(d *faultyDisk) { d.write, d.tornWrite, d.sync, d.create = nil, false, nil, nil })
				if i%12 == 0 {
					disk.set(faults[i/12%len(faults)])
				}
			}
		}
	})
	var mu sync.Mutex
	acknowledged := make(map[storage.ID]storage.Status)
	for worker := range 8 {
		wait.Go(func() {
			for i := range 400 {
				key := fmt.Sprintf("%d-%d", worker, i)
				id, _, err := l.Append(t.Context(), testEvent(1, key), keyed(key))
				if err != nil {
					continue
				}
				status := storage.Pending
				if _, err := l.Claim(t.Context(), identity, id); err == nil {
					if err := l.Finish(t.Context(), identity, id, storage.Attempt{}, storage.Delivered, time.Time{}); err != nil {
						t.Errorf("finishing: %v", err)
					}
					status = storage.Delivered
				}
				mu.Lock()
				acknowledged[id] = status
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	close(stop)
	storm.Wait()
	if collecting() == 0 {
		t.Log("no segment was removed")
	}
	disk.set(func(d *faultyDisk) { d.write, d.sync, d.create = nil, nil, nil })
	eventually(t, "writing again", func() bool {
		_, _, err := l.Append(t.Context(), testEvent(2, "last"), storage.Dedupe{})
		return err == nil
	})
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	for range 2 {
		for id, status := range acknowledged {
			if r, err := l.Get(t.Context(), identity, id); err != nil || r.Status != status || r.Crashes != 0 {
				t.Fatalf("%v: %+v, %v", id, r, err)
			}
		}
		if state := l.Health().State; state != "ok" {
			t.Fatalf("the state is %q", state)
		}
		l.Close()
		removeIndex(t, dir)
		l = mustOpen(t, options)
	}
}
