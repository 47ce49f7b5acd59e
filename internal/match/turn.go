package match

import (
	"context"
	"runtime"
)

// A payload that is taken apart can need sixty times its size in memory, so few
// are at once, however many requests there are: evaluations use the processor
// alone, and more of them at once would end no sooner. Large payloads have turns
// of their own, lest they keep the small ones waiting.
var (
	turns      = make(chan struct{}, 4*runtime.GOMAXPROCS(0))
	largeTurns = make(chan struct{}, runtime.GOMAXPROCS(0))
)

// large is how many bytes a large payload has at least.
const large = 64 << 10

// takeTurn waits for a turn, which done ends.
func takeTurn(ctx context.Context, size int) (done func(), err error) {
	line := turns
	if size >= large {
		line = largeTurns
	}
	select {
	case line <- struct{}{}:
		return func() { <-line }, nil
	case <-ctx.Done():
		return nil, ErrInterrupted
	}
}
