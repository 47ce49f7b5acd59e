package memory_test

import (
	"sync"
	"testing"
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
