package eventlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/hookgate/hookgate/internal/eventlog/journal"
	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/internal/eventlog/state"
	"github.com/hookgate/hookgate/module/storage"
)

// bodyChunk is how many bytes of a body are in memory while it is read.
const bodyChunk = 32 << 10

// bodyReader reads the body of an event again, chunk by chunk, after the record was
// opened as a whole: GCM has one tag for all of it. A digest of each chunk stands
// for the tag then, so that nothing is given out that was not sealed. Between two
// chunks it holds no file, and so no disk space: the segment may go.
type bodyReader struct {
	log    *Log
	number uint64 // of the segment
	frame  segment.Frame
	offset int64 // of the body in the payload
	size   int64
	sums   [][sha256.Size]byte

	chunk  []byte
	rest   []byte // of the chunk, to be read
	next   int    // chunk
	failed error
}

// records has memory for whole records.
var records = sync.Pool{New: func() any { return new([]byte) }}

// Open implements storage.Events.
func (l *Log) Open(ctx context.Context, identity storage.Identity, id storage.ID) (*storage.Record, storage.Body, error) {
	if err := l.enter(); err != nil {
		return nil, nil, err
	}
	defer l.leave()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	e, _, err := l.look(identity, id)
	if err != nil {
		return nil, nil, err
	}
	b := &bodyReader{log: l}
	var whole *storage.Event
	if err := l.whereItIs(e, func(e *state.Event) error {
		whole, err = l.openBody(e, b)
		return err
	}); err != nil {
		return nil, nil, l.unread(err)
	}
	r, err := l.record(e)
	if err != nil {
		return nil, nil, err
	}
	r.Header = whole.Header
	return &r, b, nil
}

// openBody prepares the reading of an event's body, and returns the event without it.
func (l *Log) openBody(e *state.Event, b *bodyReader) (*storage.Event, error) {
	raw := records.Get().(*[]byte)
	defer records.Put(raw)
	*raw = slices.Grow((*raw)[:0], int(e.Place.Length))[:e.Place.Length]
	frame, event, err := l.readInto(e, *raw)
	if err != nil {
		return nil, err
	}
	b.number, b.frame, b.size = e.Place.Segment, frame, int64(len(event.Body))
	b.offset = int64(len(frame.Payload)) - b.size // it comes last
	b.sums = b.sums[:0]
	for chunk := range slices.Chunk(event.Body, bodyChunk) {
		b.sums = append(b.sums, sha256.Sum256(chunk))
	}
	b.frame.Payload, event.Body = nil, nil
	return event, nil
}

// Size implements storage.Body.
func (b *bodyReader) Size() int64 { return b.size }

// Read implements io.Reader.
func (b *bodyReader) Read(buf []byte) (int, error) {
	if len(b.rest) == 0 && b.failed == nil {
		b.failed = b.fill()
	}
	if len(b.rest) == 0 {
		return 0, b.failed
	}
	n := copy(buf, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// fill reads the next chunk.
func (b *bodyReader) fill() error {
	if b.next == len(b.sums) {
		return io.EOF
	}
	if err := b.log.enter(); err != nil {
		return err
	}
	defer b.log.leave()
	if b.chunk == nil {
		b.chunk = make([]byte, min(bodyChunk, b.size))
	}
	from := int64(b.next) * bodyChunk
	chunk := b.chunk[:min(bodyChunk, b.size-from)]
	if err := b.log.journal.ReadText(b.number, b.frame, b.offset+from, chunk); err != nil {
		return fmt.Errorf("reading on in an event: %w", err)
	}
	if sum := sha256.Sum256(chunk); !bytes.Equal(sum[:], b.sums[b.next][:]) {
		return journal.ErrUnreadable
	}
	b.rest = chunk
	b.next++
	return nil
}

// Close implements io.Closer.
func (b *bodyReader) Close() error {
	b.rest, b.failed = nil, errors.New("the body is closed")
	return nil
}
