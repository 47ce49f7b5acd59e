package memory_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/storage/storagetest"
	"github.com/hookgate/hookgate/module/storage/storagetest/memory"
)

// places are kept by their names.
type places struct{ all sync.Map }

func (p *places) open(name string) *memory.Handle {
	place, _ := p.all.LoadOrStore(name, memory.NewPlace(50*time.Millisecond))
	return place.(*memory.Place).Open()
}

func TestBackend(t *testing.T) {
	var p places
	storagetest.Backend(t, func(_ *testing.T, place string) storage.Backend { return p.open(place) })
}

// A place that is never opened again loses all, and the suite asks for no more.
func TestBackendOnce(t *testing.T) {
	open := func(*testing.T, string) storage.Backend { return memory.NewPlace(time.Second).Open() }
	storagetest.Backend(t, open, storagetest.Reopening)
}

func TestSeveral(t *testing.T) {
	var p places
	storagetest.Several(t, func(_ *testing.T, place string) storagetest.Peer { return p.open(place) })
}

// Who is silent for a short time keeps what it has, and who is for longer does not.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		place := memory.NewPlace(time.Second)
		a, b := place.Open(), place.Open()
		defer a.Close()
		defer b.Close()
		lost := 0
		stop, err := a.Events().Watch(storage.Watcher{Pending: func(storage.Ref) {}, Lost: func() { lost++ }})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		event := &storage.Event{Integration: storage.Identity{1}}
		id, _, err := a.Events().Append(t.Context(), event, storage.Dedupe{})
		if err != nil {
			t.Fatal(err)
		}
		for _, silence := range []struct {
			time  time.Duration
			err   error
			lost  int
			state string
		}{
			{999 * time.Millisecond, nil, 0, "ok"},
			{1001 * time.Millisecond, storage.ErrNotPending, 1, "failed"},
		} {
			a.Pause()
			time.Sleep(silence.time)
			if state := a.Health().State; state != silence.state {
				t.Errorf("after %v it is %s", silence.time, state)
			}
			a.Resume()
			synctest.Wait()
			if lost != silence.lost {
				t.Errorf("after %v its session was lost %d times", silence.time, lost)
			}
			if _, err = a.Events().Claim(t.Context(), event.Integration, id); !errors.Is(err, silence.err) {
				t.Errorf("a claim after %v: %v", silence.time, err)
			}
			if err == nil {
				err = a.Events().Release(t.Context(), event.Integration, id, time.Now())
			}
			if err != nil && silence.err == nil {
				t.Error(err)
			}
		}
	})
}
