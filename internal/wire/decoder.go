package wire

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// ErrMalformed means that bytes are not what an encoder wrote.
var ErrMalformed = errors.New("the record is malformed")

// Decoder takes fields off Raw, one after the other. Once a field is not there the
// decoder has failed and every field reads as zero, so that a caller asks once, at the
// end. What it returns of bytes are Raw's.
type Decoder struct {
	Raw    []byte
	failed bool
}

// Fail makes the decoder fail, for a value that no encoder writes.
func (d *Decoder) Fail() { d.Raw, d.failed = nil, true }

// Failed reports whether a field was not there.
func (d *Decoder) Failed() bool { return d.failed }

// Err returns ErrMalformed unless all was taken and every field was there.
func (d *Decoder) Err() error {
	if d.failed || len(d.Raw) > 0 {
		return ErrMalformed
	}
	return nil
}

// Take takes n bytes.
func (d *Decoder) Take(n uint64) []byte {
	if n > uint64(len(d.Raw)) {
		d.Fail()
		return nil
	}
	taken := d.Raw[:n:n]
	d.Raw = d.Raw[n:]
	return taken
}

// Rest takes all that is left.
func (d *Decoder) Rest() []byte { return d.Take(uint64(len(d.Raw))) }

// Skip leaves out all that is left.
func (d *Decoder) Skip() { d.Raw = nil }

// Byte takes one byte.
func (d *Decoder) Byte() byte {
	if b := d.Take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// Uint64 takes eight bytes, the highest first.
func (d *Decoder) Uint64() uint64 {
	if b := d.Take(8); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Uint takes what AppendUint wrote.
func (d *Decoder) Uint() uint64 {
	if raw := d.Raw; len(raw) > 0 && raw[0] < 0x80 { // as nearly all are
		d.Raw = raw[1:]
		return uint64(raw[0])
	}
	return d.longUint()
}

func (d *Decoder) longUint() uint64 {
	n, size := binary.Uvarint(d.Raw)
	if size <= 0 {
		d.Fail()
		return 0
	}
	d.Raw = d.Raw[size:]
	return n
}

// Int takes what AppendInt wrote.
func (d *Decoder) Int() int64 {
	n, size := binary.Varint(d.Raw)
	if size <= 0 {
		d.Fail()
		return 0
	}
	d.Raw = d.Raw[size:]
	return n
}

// Small takes an Int that fits 32 bits, such as a status code.
func (d *Decoder) Small() int {
	n := d.Int()
	if n < math.MinInt32 || n > math.MaxInt32 {
		d.Fail()
		return 0
	}
	return int(n)
}

// Positive takes a Uint that fits an int64, such as the size of a file.
func (d *Decoder) Positive() int64 {
	n := d.Uint()
	if n > math.MaxInt64 {
		d.Fail()
		return 0
	}
	return int64(n)
}

// Count takes how many elements follow, each of at least so many bytes.
func (d *Decoder) Count(each int) int {
	n := d.Uint()
	if n > uint64(len(d.Raw)/each) {
		d.Fail()
		return 0
	}
	return int(n)
}

// Bytes takes what AppendString wrote.
func (d *Decoder) Bytes() []byte { return d.Take(d.Uint()) }

// String is Bytes, copied.
func (d *Decoder) String() string { return string(d.Bytes()) }

// Time takes what AppendTime wrote.
func (d *Decoder) Time() time.Time { return Moment(d.Int()) }

// ID takes 16 bytes.
func (d *Decoder) ID() (id [16]byte) {
	copy(id[:], d.Take(16))
	return id
}
