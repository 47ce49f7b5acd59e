package journal

import (
	"fmt"
	"strconv"
	"strings"
)

const segmentSuffix = ".segment"

func segmentName(number uint64) string { return fmt.Sprintf("%016x%s", number, segmentSuffix) }

// segmentNumber reads the number in a segment's name.
func segmentNumber(name string) (number uint64, ok bool) {
	digits, _ := strings.CutSuffix(name, segmentSuffix)
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && name == segmentName(number)
}

// IsSegment reports whether a file's name is that of a segment.
func IsSegment(name string) bool {
	_, ok := segmentNumber(name)
	return ok
}
