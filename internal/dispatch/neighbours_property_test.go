package dispatch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/trigger"
)

// Whatever the resources beside them do, and however much there is for them:
// those that always work get their events within a second.
func TestPropertyNeighbours(t *testing.T) {
	if *seed != 0 {
		neighbourhood(t, *seed)
		return
	}
	for range *seeds {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { neighbourhood(t, seed) }) {
			t.Fatalf("to see it again: go test -run TestPropertyNeighbours -seed %d", seed)
		}
	}
}

const (
	districts = 6  // projects
	houses    = 12 // resources of one
)

// street is what goes on around a dispatcher: in each project the first two
// resources work, the others do what they like.
type street struct {
	*bench
	mu    sync.Mutex
	rng   *rand.Rand
	moods map[string]string // by resource
}

func (s *street) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

var moods = []string{"ok", "500", "403", "limited", "broken", "hang", "slow", "mixed"}

func (s *street) answer(ctx context.Context, attempt *trigger.Attempt) trigger.Result {
	id := attempt.Event.Resource.ID
	s.mu.Lock()
	mood := s.moods[attempt.Event.Project+"/"+id]
	s.mu.Unlock()
	if strings.HasPrefix(id, "ok") || mood == "mixed" && s.draw(2) == 0 {
		mood = "ok"
	} else if mood == "mixed" {
		mood = "hang"
	}
	changed := *attempt.Event
	changed.Resource.ID = mood + "-"
	return misbehaves(ctx, &trigger.Attempt{Event: &changed})
}

func (s *street) accept(project, house int) storage.ID {
	id := fmt.Sprint("house-", house)
	if house < 2 {
		id = fmt.Sprint("ok-", house)
	}
	// Neighbours share an integration, two by two; the first has one with both.
	integration := 100*project + house/2
	if house%2 == 1 {
		integration = 100 * project
	}
	return s.events.acceptFor(fmt.Sprint("project-", project), integration, []string{"assistant", "workflow"}[project%2], id)
}

func neighbourhood(t *testing.T, seed uint64) {
	simulate(t, Options{}, func(b *bench) {
		s := &street{bench: b, rng: rand.New(rand.NewPCG(seed, 1)), moods: make(map[string]string)}
		plan := b.plan(Policy{For: 20 * time.Minute, Initial: time.Second, Max: time.Minute}, s.answer)
		plan.Triggers = append(plan.Triggers, &fakeTrigger{types: []string{"workflow"}, log: b.log, run: s.answer})
		b.d.Use(plan)
		accepted := make(map[string]time.Time)
		for range 1200 {
			for project := range districts {
				for house := range 2 {
					accepted[s.accept(project, house).String()] = time.Now()
				}
			}
			for range s.draw(4) {
				project, house := s.draw(districts), 2+s.draw(houses-2)
				s.mu.Lock()
				s.moods[fmt.Sprint("project-", project, "/house-", house)] = moods[s.rng.IntN(len(moods))]
				s.mu.Unlock()
				for range s.draw(40) {
					s.accept(project, house)
				}
			}
			b.pass(time.Duration(s.draw(3000)) * time.Millisecond)
		}
		late := 0
		for _, c := range b.log.started() {
			at, ok := accepted[c.id]
			if ok && c.began.Sub(at) > soonEnough {
				if late++; late < 10 {
					t.Errorf("%s/%s: an event waited %v", c.project, c.resource.ID, c.began.Sub(at))
				}
			}
			delete(accepted, c.id)
		}
		if late > 0 || len(accepted) > 0 {
			t.Errorf("%d waited, %d were never attempted", late, len(accepted))
		}
		for b.events.count()[storage.Pending] > 0 {
			b.pass(time.Hour)
		}
	})
}
