package journal

import (
	"errors"
	"io"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
)

// findEnd returns where the log's last segment ends, and whether nothing stands
// behind that. A group that was being written when the power went may have
// holes, and nobody was told of it; but a hole before a frame that knows it to be
// durable is damage.
func (r *Recovery) findEnd(file io.ReaderAt, s Segment, offset int64) (end int64, whole bool, err error) {
	type hole struct {
		at    int64
		first uint64
	}
	var holes []hole
	var synced uint64
	expected := r.last + 1
	scanner := segment.Scan(file, s.Header.AEAD(r.j.Key), offset, s.Size)
	for {
		end = scanner.End()
		frame, err := scanner.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, false, err
		}
		if frame.Sequence > expected {
			holes = append(holes, hole{end, expected})
		}
		expected = frame.Sequence + 1
		synced = max(synced, frame.Synced)
	}
	for _, h := range holes {
		if h.first > synced {
			r.j.Logger.Warn("the event log ends in an unfinished group, which was never acknowledged",
				zap.Uint64("segment", s.Number), zap.Int64("bytes", s.Size-h.at))
			return h.at, false, nil
		}
	}
	rest, err := scanner.Rest()
	if rest > 0 {
		r.j.Logger.Warn("the event log ends in a damaged or unfinished record",
			zap.Uint64("segment", s.Number), zap.Int64("bytes", rest))
	}
	return end, rest == 0, err
}
