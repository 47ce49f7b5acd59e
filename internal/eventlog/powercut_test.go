package eventlog

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// volatileDisk is a disk with a cache: what was not synced is in the files that
// the process sees, and only by chance in the image that a power cut leaves.
type volatileDisk struct {
	segment.OS
	image string

	mu    sync.Mutex
	files map[string]*volatileFile // by the base of their names
	off   bool                     // the power is off: nothing reaches the image
}

type volatileFile struct {
	segment.File
	disk  *volatileDisk
	image *os.File
	cache []volatileWrite
}

type volatileWrite struct {
	offset int64
	raw    []byte
}

func (d *volatileDisk) Create(path string, size int64) (segment.File, error) {
	file, err := d.OS.Create(path, size)
	if err != nil || filepath.Ext(path) != ".new" {
		return file, err
	}
	image, err := os.Create(filepath.Join(d.image, filepath.Base(path)))
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &volatileFile{File: file, disk: d, image: image}
	d.files[filepath.Base(path)] = f
	return f, image.Truncate(size)
}

func (d *volatileDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.off {
		if err := os.Rename(filepath.Join(d.image, filepath.Base(from)), filepath.Join(d.image, filepath.Base(to))); err != nil {
			return err
		}
		d.files[filepath.Base(to)] = d.files[filepath.Base(from)]
		delete(d.files, filepath.Base(from))
	}
	return d.OS.Rename(from, to)
}

func (d *volatileDisk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.off {
		if err := os.Remove(filepath.Join(d.image, filepath.Base(path))); err != nil {
			return err
		}
		delete(d.files, filepath.Base(path))
	}
	return d.OS.Remove(path)
}

func (f *volatileFile) WriteAt(raw []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.cache = append(f.cache, volatileWrite{offset, append([]byte(nil), raw...)})
	return f.File.WriteAt(raw, offset)
}

func (f *volatileFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off {
		return nil
	}
	for _, write := range f.cache {
		if _, err := f.image.WriteAt(write.raw, write.offset); err != nil {
			return err
		}
	}
	f.cache = nil
	return nil
}

// cut turns the power off: of what was cached, any pages may have been written.
func (d *volatileDisk) cut() error {
	const page = 512
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	for _, f := range d.files {
		for _, write := range f.cache {
			for at := 0; at < len(write.raw); at += page {
				if rand.IntN(2) == 0 {
					part := write.raw[at:min(at+page, len(write.raw))]
					if _, err := f.image.WriteAt(part, write.offset+int64(at)); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// volatileOptions has a log on a disk whose power can be cut.
func volatileOptions(t *testing.T) (Options, *volatileDisk) {
	t.Helper()
	disk := &volatileDisk{image: filepath.Join(t.TempDir(), "segments"), files: make(map[string]*volatileFile)}
	if err := os.Mkdir(disk.image, 0o700); err != nil {
		t.Fatal(err)
	}
	options := quietOptions(t, t.TempDir())
	options.disk = disk
	return options, disk
}

// after is the log's directory as the power cut leaves it.
func (d *volatileDisk) after() string { return filepath.Dir(d.image) }

func (d *volatileDisk) isOff() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// TestPowerCut cuts the power under load: what was acknowledged before is in
// the image, and nothing in it is taken for damage.
func TestPowerCut(t *testing.T) {
	for round := range 8 {
		t.Run(fmt.Sprint(round), testPowerCut)
	}
}

func testPowerCut(t *testing.T) {
	options, disk := volatileOptions(t)
	options.SegmentSize = 64 << 10
	l := mustOpen(t, options)
	// Every event is relocated again and again.
	l.SetLimits(storage.Limits{Delivered: time.Millisecond})
	collecting := collectAlways(l)

	var mu sync.Mutex
	acknowledged := make(map[storage.ID]string)
	replays := make(map[storage.ID]storage.ID) // of an event
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 100 {
				text := body(fmt.Sprintf("%d-%d", worker, i))
				e := testEvent(1, text)
				id, _, err := l.Append(t.Context(), e, keyed(text))
				if err != nil {
					t.Error(err)
					return
				}
				if disk.isOff() {
					return // nobody gets this answer any more
				}
				mu.Lock()
				acknowledged[id] = text
				mu.Unlock()
				if i%3 == 0 {
					if _, err := l.Claim(t.Context(), e.Integration, id); err != nil {
						t.Error(err)
					}
				}
				if i%6 != 0 {
					continue
				}
				if err := l.Finish(t.Context(), e.Integration, id, storage.Attempt{}, storage.Failed, time.Time{}); err != nil {
					t.Error(err)
				}
				replay, err := l.Replay(t.Context(), e.Integration, id, again)
				if err != nil {
					t.Error(err)
				}
				if disk.isOff() {
					return
				}
				mu.Lock()
				acknowledged[replay], replays[id] = text, replay
				mu.Unlock()
			}
		})
	}
	eventually(t, "some events", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged) > 100+rand.IntN(400)
	})
	if err := disk.cut(); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	if collecting() == 0 {
		t.Log("no segment was removed")
	}

	options.Dir, options.disk = disk.after(), nil
	l = mustOpen(t, options)
	for id, text := range acknowledged {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil || string(r.Body) != text {
			t.Fatalf("an acknowledged event is gone: %v", err)
		}
		if replay, ok := replays[id]; ok && (r.Newest != replay || r.Status != storage.Failed) {
			t.Fatalf("an acknowledged replay is not the newest: %+v", r)
		}
	}
	if state := l.Health().State; state != "ok" {
		t.Fatalf("the state is %q", state)
	}
	mustAppend(t, l, testEvent(1, "new"), storage.Dedupe{})
	if err := l.Finish(t.Context(), storage.Identity{1}, storage.ID{}, storage.Attempt{}, storage.Delivered, time.Time{}); err == nil {
		t.Fatal("an unknown event was finished")
	}
}

// TestPowerCutBehindLazyRecords cuts the power when a rotation has left records
// that nobody waited for: what the next segment says of this one is true.
func TestPowerCutBehindLazyRecords(t *testing.T) {
	options, disk := volatileOptions(t)
	options.SegmentSize = 16 << 10
	options.FlushEvery = time.Hour
	l := mustOpen(t, options)
	id := mustAppend(t, l, testEvent(1, "a"), storage.Dedupe{})
	for first := l.journal.Size(); l.journal.Size() < 3*first; {
		if _, err := l.Claim(t.Context(), storage.Identity{1}, id); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(t.Context(), storage.Identity{1}, id, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := disk.cut(); err != nil {
		t.Fatal(err)
	}
	options.Dir, options.disk = disk.after(), nil
	l = mustOpen(t, options)
	if _, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil {
		t.Fatal(err)
	}
	if state := l.Health().State; state != "ok" {
		t.Fatalf("the state is %q", state)
	}
}
