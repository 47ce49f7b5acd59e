package state

import (
	"errors"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// TestLostEndsOfAChain has the event that led to a lost one take its place.
func TestLostEndsOfAChain(t *testing.T) {
	there := func(id byte, first, newest byte) *Event {
		e := &Event{Chain: Chain{First: storage.ID{first}, Newest: storage.ID{newest}}}
		e.ID = storage.ID{id}
		return e
	}
	all := map[byte]*Event{1: there(1, 0, 3), 2: there(2, 1, 0), 3: there(3, 1, 0), 4: there(4, 9, 5), 5: there(5, 4, 0), 6: there(6, 0, 9)}
	broken := errors.New("broken")
	for _, test := range []struct{ of, first, newest byte }{{1, 1, 3}, {2, 1, 3}, {3, 1, 3}, {4, 4, 5}, {5, 4, 5}, {6, 6, 6}} {
		first, newest, err := Ends(Change{Now: all[test.of]}, func(id storage.ID) (Change, error) {
			if e := all[id[0]]; e != nil {
				return Change{Now: e}, nil
			}
			return Change{}, storage.ErrNotFound
		})
		if err != nil || first.Now != all[test.first] || newest.Now != all[test.newest] {
			t.Errorf("the ends of %d's chain are %v and %v, %v", test.of, first.Now.ID[0], newest.Now.ID[0], err)
		}
	}
	if _, _, err := Ends(Change{Now: all[2]}, func(storage.ID) (Change, error) { return Change{}, broken }); !errors.Is(err, broken) {
		t.Errorf("a fault is %v", err)
	}
}
