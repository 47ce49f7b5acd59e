package eventlog

import (
	"sync"
	"testing"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// The index of an earlier version says of a pending event neither its project
// nor its resource's ID. The watcher learns both all the same, beside events of
// this version.
func TestWatchCompletesRefs(t *testing.T) {
	options := testOptions(t, t.TempDir())
	l := mustOpen(t, options)
	want := make(map[storage.ID]storage.Ref)
	for i := range 5 {
		e := of(1, i)
		e.Project, e.ResourceID = "project-"+string(rune('a'+i)), "id-"+string(rune('a'+i))
		id := mustAppend(t, l, e, storage.Dedupe{})
		want[id] = storage.Ref{ID: id, Integration: e.Integration, WebhookID: "hook", Project: e.Project, ResourceType: "assistant", ResourceID: e.ResourceID}
	}
	if err := (compaction{l}).Flush(nil); err != nil {
		t.Fatal(err)
	}
	batch, n := l.index.Batch(), 0
	for id, ref := range want {
		if n++; n == 3 {
			break
		}
		value := wire.AppendString(wire.AppendString(wire.AppendInt(wire.AppendTime(nil, ref.Due), 7), ref.WebhookID), ref.ResourceType)
		if err := batch.Set(idKey(pendingKey, ref.Integration, id), value, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	l = mustOpen(t, options)
	var mu sync.Mutex
	got := make(map[storage.ID]storage.Ref)
	stop, err := l.Watch(storage.Watcher{Pending: func(ref storage.Ref) {
		mu.Lock()
		defer mu.Unlock()
		got[ref.ID] = ref
	}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are seen", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == len(want)
	})
	stop()
	for id, ref := range want {
		ref.Due, ref.Size = got[id].Due, got[id].Size
		if got[id] != ref {
			t.Errorf("got %+v, want %+v", got[id], ref)
		}
	}
}
