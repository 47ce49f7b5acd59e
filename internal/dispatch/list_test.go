package dispatch

import (
	"math/rand/v2"
	"slices"
	"testing"
)

type member struct {
	n      int
	places link[*member]
}

func (m *member) link() *link[*member] { return &m.places }

// Lists hold what slices would after the same steps.
func TestList(t *testing.T) {
	var lists [3]list[*member]
	var want [3][]*member
	members := make([]*member, 20)
	for n := range members {
		members[n] = &member{n: n}
	}
	for range 20_000 {
		m, to := members[rand.IntN(len(members))], rand.IntN(len(lists)+1)
		switch {
		case rand.IntN(4) == 0 && to < len(lists) && len(want[to]) > 0:
			lists[to].turn()
			want[to] = append(want[to][1:], want[to][0])
		default:
			for i := range want {
				if lists[i].holds(m) != slices.Contains(want[i], m) {
					t.Fatalf("list %d holds %d: %v", i, m.n, lists[i].holds(m))
				}
				want[i] = slices.DeleteFunc(want[i], func(other *member) bool { return other == m })
			}
			if to == len(lists) {
				remove(m)
				break
			}
			move(m, &lists[to])
			want[to] = append(want[to], m)
		}
		for i := range lists {
			var got []*member
			lists[i].each(func(m *member) { got = append(got, m) })
			if !slices.Equal(got, want[i]) || lists[i].empty() != (len(got) == 0) {
				t.Fatalf("list %d has %d members, want %d", i, len(got), len(want[i]))
			}
		}
	}
	for i := range lists {
		lists[i].each(func(m *member) { remove(m) })
		if !lists[i].empty() {
			t.Errorf("list %d is not empty", i)
		}
	}
}
