package match

import (
	"context"
	"errors"
	"runtime"

	"github.com/hookgate/hookgate/internal/turns"
)

// A parsed payload can need many times its size in memory, so only few are
// processed at once, however many requests there are: evaluations only use the
// processor, and running more of them at once would not finish earlier. Large
// payloads have separate turns, so that they do not keep the small ones
// waiting.
var (
	small = turns.ForComputing(4*runtime.GOMAXPROCS(0), 4<<20)
	large = turns.ForComputing(runtime.GOMAXPROCS(0), 32<<20)
)

// largeSize is the minimum size of a large payload in bytes.
const largeSize = 64 << 10

// ErrBusy means that other evaluations of the project take up all of its time.
var ErrBusy = errors.New("too many expressions of the project are being evaluated")

// Turn waits for the project's turn to evaluate a payload of that size other
// than by an expression. The error is ErrBusy.
func Turn(ctx context.Context, project string, size int) (end func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return takeTurn(ctx, project, size)
}

// takeTurn waits for a turn; end ends it.
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
