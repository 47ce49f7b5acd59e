package payload

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

// text is the text of a value. A long one is never in memory as a whole.
type text struct {
	pieces iter.Seq[[]byte]
	length int // bytes
}

// textOf returns a string itself, nothing for null, and JSON for anything else.
func textOf(value jsondoc.Value) text {
	if value.IsNull() {
		value = jsondoc.Value{}
	}
	return newText(value.Pieces())
}

// plainText returns the text of a header.
func plainText(said string) text {
	return newText(func(yield func([]byte) bool) { yield([]byte(strings.ToValidUTF8(said, "\uFFFD"))) })
}

func newText(pieces iter.Seq[[]byte]) text {
	t := text{pieces: pieces}
	for piece := range pieces {
		t.length += len(piece)
	}
	return t
}

// cut returns up to most bytes of the text, and says so if there are more.
func (t text) cut(most int) string {
	var out strings.Builder
	left := most
	for piece := range t.pieces {
		if len(piece) > left {
			for left > 0 && !utf8.RuneStart(piece[left]) {
				left--
			}
			out.Write(piece[:left])
			return fmt.Sprintf("%s… [cut: %d of %d bytes]", out.String(), out.Len(), t.length)
		}
		out.Write(piece)
		left -= len(piece)
	}
	return out.String()
}

// level returns the maximum length of a value so that all of them together are
// at most most bytes long: short ones stay whole, long ones share what is left.
func level(lengths []int, most int) int {
	sorted := slices.Sorted(slices.Values(lengths))
	for i, length := range sorted {
		share := most / (len(sorted) - i)
		if length > share {
			return share
		}
		most -= length
	}
	return math.MaxInt
}
