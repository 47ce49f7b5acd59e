package match

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/hookgate/hookgate/internal/turns"
)

// A payload that is taken apart can need many times its size in memory, so few
// are at once, however many requests there are: evaluations use the processor
// alone, and more of them at once would end no sooner. Large payloads have turns
// of their own, lest they keep the small ones waiting. In each, a project has half
// of the turns that could run at once, and an eighth of the machine's time.
var small, large = newTurns(4*runtime.GOMAXPROCS(0), 4<<20), newTurns(runtime.GOMAXPROCS(0), 32<<20)

func newTurns(total, waiting int) *turns.Turns {
	cores := runtime.GOMAXPROCS(0)
	return turns.New(turns.Limits{
		Total:      total,
		PerProject: max(1, cores/2),
		Part:       time.Duration(cores) * time.Second / 8,
		Waiting:    waiting,
	})
}

// largeSize is how many bytes a large payload has at least.
const largeSize = 64 << 10

// ErrBusy means that other evaluations of the project take all of its time.
var ErrBusy = errors.New("too many expressions of the project are being evaluated")

// Turn waits for the project's turn to have a payload of so many bytes judged in
// another way than by an expression. The error is ErrBusy.
func Turn(ctx context.Context, project string, size int) (end func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return takeTurn(ctx, project, size)
}

// takeTurn waits for a turn, which end ends.
func takeTurn(ctx context.Context, project string, size int) (end func(), err error) {
	line := small
	if size >= largeSize {
		line = large
	}
	end, err = line.Take(ctx, project, size)
	if err != nil {
		return nil, ErrBusy
	}
	return end, nil
}
