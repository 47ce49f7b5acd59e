package match

import (
	"context"
	"errors"
	"runtime"

	"github.com/hookgate/hookgate/internal/turns"
)

// A payload that is taken apart can need many times its size in memory, so few
// are at once, however many requests there are: evaluations use the processor
// alone, and more of them at once would end no sooner. Large payloads have turns
// of their own, lest they keep the small ones waiting.
var (
	small = turns.ForComputing(4*runtime.GOMAXPROCS(0), 4<<20)
	large = turns.ForComputing(runtime.GOMAXPROCS(0), 32<<20)
)

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
