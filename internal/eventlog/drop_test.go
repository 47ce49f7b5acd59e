package eventlog

import (
	"errors"
	"sync"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// TestDropAgainstAppends: of an integration that is dropped without force while
// it is appended to, either nothing was appended or nothing is dropped.
func TestDropAgainstAppends(t *testing.T) {
	l := mustOpen(t, testOptions(t, t.TempDir()))
	for round := range 200 {
		identity := storage.Identity{1, byte(round), byte(round >> 8)}
		var posters sync.WaitGroup
		var accepted [4]bool
		for i := range accepted {
			posters.Go(func() {
				_, _, err := l.Append(t.Context(), &storage.Event{Integration: identity}, storage.Dedupe{})
				if err != nil && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
				}
				accepted[i] = err == nil
			})
		}
		err := l.Drop(t.Context(), identity, false)
		posters.Wait()
		switch {
		case errors.Is(err, storage.ErrPending):
			if l.PendingOf(identity) != len(accepted) {
				t.Fatalf("a refused drop left %d of %d events", l.PendingOf(identity), len(accepted))
			}
		case err != nil:
			t.Fatal(err)
		case accepted != [4]bool{}:
			t.Fatalf("acknowledged events were dropped: %v", accepted)
		}
	}
}
