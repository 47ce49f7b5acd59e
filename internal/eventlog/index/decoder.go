package index

import (
	"encoding/binary"
	"math"
)

// decoder reads one field after the other. Once there are too few bytes it is failed,
// and every field reads as zero.
type decoder struct {
	raw    []byte
	failed bool
}

func (d *decoder) uint() uint64 {
	if len(d.raw) > 0 && d.raw[0] < 0x80 {
		n := d.raw[0]
		d.raw = d.raw[1:]
		return uint64(n)
	}
	return d.longUint()
}

func (d *decoder) longUint() uint64 {
	n, size := binary.Uvarint(d.raw)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.raw = d.raw[size:]
	return n
}

// int reads a uint that fits an int64.
func (d *decoder) int() int64 {
	n := d.uint()
	if n > math.MaxInt64 {
		d.fail()
		return 0
	}
	return int64(n)
}

// length reads a length that the bytes left can hold.
func (d *decoder) length() int {
	n := d.uint()
	if n > uint64(len(d.raw)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) take(n int) []byte {
	if n > len(d.raw) {
		d.fail()
		return nil
	}
	taken := d.raw[:n:n]
	d.raw = d.raw[n:]
	return taken
}

func (d *decoder) fail() { d.raw, d.failed = nil, true }
