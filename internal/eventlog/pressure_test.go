package eventlog

import (
	"errors"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// of is an event of 1 KB of an integration, whose entries in the
// index are of the usual size: its delivery ID is not as long as its body.
func of(identity byte, i int) *storage.Event {
	e := testEvent(identity, payload(i))
	e.DeliveryID = e.DeliveryID[:100]
	return e
}

func settle(t testing.TB, l *Log, identity byte, id storage.ID, status storage.Status) {
	t.Helper()
	if _, err := l.Claim(t.Context(), storage.Identity{identity}, id); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), storage.Identity{identity}, id, storage.Attempt{}, status, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// crowdedLog has a budget of 4 MiB.
func crowdedLog(t *testing.T) *Log {
	options := quietOptions(t, t.TempDir())
	options.SegmentSize = 128 << 10
	l := mustOpen(t, options)
	eventually(t, "all is counted", func() bool { return l.Usage().Counted })
	l.SetLimits(storage.Limits{Disk: 4 << 20, Delivered: time.Hour, Failed: time.Hour})
	return l
}

// TestDeliveredGoUnderPressure writes three times what the disk may hold.
func TestDeliveredGoUnderPressure(t *testing.T) {
	l := crowdedLog(t)
	first := mustAppend(t, l, of(1, 0), storage.Dedupe{})
	failed := mustAppend(t, l, of(1, 1), storage.Dedupe{})
	settle(t, l, 1, failed, storage.Failed)
	var ids []storage.ID
	refused := 0
	for i := range 6000 {
		id, _, err := l.Append(t.Context(), of(1, i), storage.Dedupe{})
		if err != nil {
			var limit *storage.LimitError
			if !errors.As(err, &limit) || limit.Limit != storage.LimitDisk {
				t.Fatal(err)
			}
			refused++ // the compactor is behind
			continue
		}
		settle(t, l, 1, id, storage.Delivered)
		ids = append(ids, id)
	}
	if refused > 0 {
		t.Fatalf("%d events were refused", refused)
	}
	usage := l.Usage()
	if usage.DiskBytes > 4<<20+256<<10 || usage.PurgedDelivered < 3000 || usage.PurgedFailed != 0 {
		t.Fatalf("the usage is %+v", usage)
	}
	// The oldest went, and what was not delivered did not.
	for i, id := range ids {
		_, err := l.Get(t.Context(), storage.Identity{1}, id)
		if i < 1000 && !errors.Is(err, storage.ErrNotFound) || i >= 5800 && err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	for _, id := range []storage.ID{first, failed} {
		if _, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSettledMakeRoomForRefused: an integration that is refused, for all of its
// events are pending, is let in again once they are settled, though nothing else
// happens to it then.
func TestSettledMakeRoomForRefused(t *testing.T) {
	l := crowdedLog(t)
	const most = 32
	l.SetLimits(storage.Limits{Events: most})
	var pending []storage.ID
	for i := range most {
		pending = append(pending, mustAppend(t, l, of(1, i), storage.Dedupe{}))
	}
	add := func() error {
		_, _, err := l.Append(t.Context(), of(1, most), storage.Dedupe{})
		return err
	}
	for range 3 {
		if err := add(); !errors.Is(err, storage.ErrUnavailable) {
			t.Fatalf("one more than there may be: %v", err)
		}
	}
	for _, id := range pending {
		settle(t, l, 1, id, storage.Delivered)
	}
	eventually(t, "there is room", func() bool { return add() == nil })
}

// TestFailedGoUnderPressure: where nothing is delivered, failed events go of the
// integration that has most, the oldest first.
func TestFailedGoUnderPressure(t *testing.T) {
	l := crowdedLog(t)
	var small, large []storage.ID
	refused := 0
	for i := range 100 {
		small = append(small, mustAppend(t, l, of(1, i), storage.Dedupe{}))
		settle(t, l, 1, small[i], storage.Failed)
	}
	for i := range 4000 {
		id, _, err := l.Append(t.Context(), of(2, i), storage.Dedupe{})
		if err != nil {
			refused++
			continue
		}
		settle(t, l, 2, id, storage.Failed)
		large = append(large, id)
	}
	if refused > 0 {
		t.Fatalf("%d events were refused", refused)
	}
	for i, id := range small {
		if _, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil {
			t.Fatalf("event %d of the small integration: %v", i, err)
		}
	}
	for i, id := range large {
		_, err := l.Get(t.Context(), storage.Identity{2}, id)
		if i < 300 && !errors.Is(err, storage.ErrNotFound) || i > len(large)-50 && err != nil {
			t.Fatalf("event %d of %d of the large integration: %v", i, len(large), err)
		}
	}
	if usage := l.Usage(); usage.PurgedDelivered != 0 || usage.PurgedFailed < 500 {
		t.Fatalf("the usage is %+v", usage)
	}
}

// TestIndexIsGivenBack: where the index is as large as the log, what it gives back
// of purged events is not purged once more. The disk is cut by two fifths, and
// most events are of one integration.
func TestIndexIsGivenBack(t *testing.T) {
	options := quietOptions(t, t.TempDir())
	l := mustOpen(t, options)
	eventually(t, "all is counted", func() bool { return l.Usage().Counted })
	var small []storage.ID
	for i := range 1000 {
		e := testEvent(2, "")
		if i%20 < 3 {
			e = testEvent(1, "")
		}
		e.DeliveryID = payload(i)
		id := mustAppend(t, l, e, storage.Dedupe{})
		settle(t, l, e.Integration[0], id, storage.Failed)
		if e.Integration[0] == 1 {
			small = append(small, id)
		}
	}
	if err := (compaction{l}).Flush(nil); err != nil {
		t.Fatal(err)
	}
	used := l.used()
	l.SetLimits(storage.Limits{Disk: used / 5 * 3})
	eventually(t, "the disk is relieved", func() bool {
		turned(t, l)
		return l.used() < used/5*3
	})
	for i, id := range small {
		if _, err := l.Get(t.Context(), storage.Identity{1}, id); err != nil {
			t.Fatalf("event %d of the small integration: %v", i, err)
		}
	}
	if usage := l.Usage(); usage.Events < 300 {
		t.Fatalf("%d events are left, in %d bytes with %d of the index", usage.Events, l.used(), l.indexBytes.Load())
	}
}

// TestPendingFillTheDisk: what is pending stays, and its own integration is
// refused first, then its project, and then everybody.
func TestPendingFillTheDisk(t *testing.T) {
	l := crowdedLog(t)
	var relocated []storage.ID
	fill := func(identity byte, project, limit string) {
		t.Helper()
		for i := range 4000 {
			e := of(identity, i)
			e.Project = project
			id, _, err := l.Append(t.Context(), e, storage.Dedupe{})
			var reached *storage.LimitError
			switch {
			case errors.As(err, &reached) && reached.Limit == limit:
				return
			case err != nil:
				t.Fatalf("integration %d is refused with %v, want %s", identity, err, limit)
			}
			if identity == 1 {
				relocated = append(relocated, id)
			}
		}
		t.Fatalf("integration %d was never refused", identity)
	}
	fill(1, "a", storage.LimitIntegrationDisk)
	fill(2, "a", storage.LimitProjectDisk)
	fill(4, "b", storage.LimitIntegrationDisk)
	fill(5, "c", storage.LimitDisk)
	turned(t, l)
	for i, id := range relocated {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil || string(r.Body) != payload(i) {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	// Once it is delivered, there is room again.
	for _, id := range relocated {
		settle(t, l, 1, id, storage.Delivered)
	}
	eventually(t, "there is room", func() bool {
		l.compactor.Hurry()
		_, _, err := l.Append(t.Context(), of(9, 0), storage.Dedupe{})
		return err == nil
	})
}
