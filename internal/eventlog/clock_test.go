package eventlog

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// fakeTime is the wall clock and the machine's own time in a test's hands.
type fakeTime struct {
	mu   sync.Mutex
	wall time.Time
	up   time.Duration
}

func newFakeTime() *fakeTime { return &fakeTime{wall: time.UnixMilli(1_790_000_000_000)} }

func (f *fakeTime) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wall
}

func (f *fakeTime) uptime() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.up
}

func (f *fakeTime) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wall, f.up = f.wall.Add(d), f.up+d
}

// jump has the wall clock say something else.
func (f *fakeTime) jump(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wall = f.wall.Add(d)
}

func timedOptions(t testing.TB, dir string) (Options, *fakeTime) {
	clock := newFakeTime()
	options := quietOptions(t, dir)
	options.SegmentSize = 16 << 10
	options.now, options.uptime = clock.now, clock.uptime
	return options, clock
}

const day = 24 * time.Hour

var week = storage.Limits{Delivered: 7 * day, Failed: 30 * day, Remember: 3 * day}

// TestClockJumps moves the wall clock: nothing is purged, and the jump shows.
func TestClockJumps(t *testing.T) {
	const year = 365 * day
	for _, jump := range []time.Duration{time.Hour, -time.Hour, year, -year} {
		t.Run(jump.String(), func(t *testing.T) {
			options, clock := timedOptions(t, t.TempDir())
			l := mustOpen(t, options)
			l.SetLimits(week)
			var delivered []storage.ID
			for i := range 40 {
				id := mustAppend(t, l, testEvent(1, payload(i)), keyed(fmt.Sprint(i)))
				deliver(t, l, id)
				delivered = append(delivered, id)
			}
			check := func(there bool) {
				t.Helper()
				turned(t, l)
				for i, id := range delivered[:20] {
					if _, err := l.Get(t.Context(), storage.Identity{1}, id); (err == nil) != there {
						t.Fatalf("event %d: %v", i, err)
					}
				}
				_, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), storage.Dedupe{Key: []byte("1"), Window: 30 * day})
				if err != nil || outcome != storage.Duplicate && there {
					t.Fatalf("a copy: %v, %v", outcome, err)
				}
			}
			clock.jump(jump)
			check(true)
			if got := l.ClockJump(); got != jump {
				t.Fatalf("the jump is %v", got)
			}
			clock.pass(5 * day)
			check(true)
			clock.pass(3 * day)
			check(false)
		})
		t.Run("away "+jump.String(), func(t *testing.T) {
			options, clock := timedOptions(t, t.TempDir())
			l := mustOpen(t, options)
			for i := range 40 {
				deliver(t, l, mustAppend(t, l, testEvent(1, payload(i)), storage.Dedupe{}))
			}
			want := content(t, l)
			l.Close()
			clock.jump(jump)
			l = mustOpen(t, options)
			l.SetLimits(week)
			turned(t, l)
			sameContent(t, l, want)
			shown := jump
			if jump.Abs() <= day && jump > 0 {
				shown = 0
			}
			if got := l.ClockJump(); got != shown {
				t.Fatalf("the jump is %v", got)
			}
		})
	}
}
