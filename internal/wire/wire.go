// Package wire is how values are written on disk: fields one after the other, numbers
// as varints, texts behind their length, and no name of any field. A decoder allocates
// no more than what it reads has bytes for.
package wire

import (
	"encoding/binary"
	"time"
)

// AppendUint appends a number that is never negative.
func AppendUint(buf []byte, n uint64) []byte { return binary.AppendUvarint(buf, n) }

// AppendInt appends a number.
func AppendInt(buf []byte, n int64) []byte { return binary.AppendVarint(buf, n) }

// AppendString appends a text behind its length.
func AppendString[T string | []byte](buf []byte, s T) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// AppendTime appends a time in milliseconds.
func AppendTime(buf []byte, t time.Time) []byte { return AppendInt(buf, Millis(t)) }

// Millis returns a time as it is stored: in milliseconds since 1970, where 0 is the
// zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment is the inverse of Millis.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
