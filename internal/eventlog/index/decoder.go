package index

import (
	"encoding/binary"
	"math"
)

// decoder takes one thing after the other from bytes. Once there is too little,
// it gives zeros.
type decoder struct {
	raw    []byte
	failed bool
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.raw)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.raw = d.raw[size:]
	return n
}

// int is a uint that fits an int64.
func (d *decoder) int() int64 {
	n := d.uint()
	if n > math.MaxInt64 {
		d.fail()
		return 0
	}
	return int64(n)
}

// length is a number of bytes, of which there are as many.
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
