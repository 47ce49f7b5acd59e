package eventlog

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// errCodec means that bytes are not what an encoder here wrote.
var errCodec = errors.New("the record is malformed")

// The codec is fields one after the other: varints, and strings behind their
// length. Times are in milliseconds since 1970; 0 is no time.

func appendString[T string | []byte](buf []byte, s T) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

func appendInt(buf []byte, n int64) []byte { return binary.AppendVarint(buf, n) }

func appendTime(buf []byte, t time.Time) []byte { return appendInt(buf, millis(t)) }

// millis is a time as it is stored.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment undoes millis.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// appendHeader writes the names in order, so that equal headers are equal bytes.
func appendHeader(buf []byte, header http.Header) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(header)))
	if len(header) == 0 {
		return buf
	}
	var room [32]string // for the names, mostly
	names := slices.AppendSeq(room[:0], maps.Keys(header))
	slices.Sort(names)
	for _, name := range names {
		buf = appendString(buf, name)
		buf = binary.AppendUvarint(buf, uint64(len(header[name])))
		for _, value := range header[name] {
			buf = appendString(buf, value)
		}
	}
	return buf
}

func appendAttempt(buf []byte, a storage.Attempt) []byte {
	buf = appendTime(buf, a.At)
	buf = appendInt(buf, int64(a.StatusCode))
	buf = appendString(buf, a.Error)
	buf = appendString(buf, a.Detail)
	return appendInt(buf, int64(a.Duration))
}

var statuses = [...]storage.Status{"", storage.Pending, storage.Delivered, storage.Failed}

// The codes are the places in statuses; 0 is of no status.
const (
	pendingCode byte = iota + 1
	deliveredCode
	failedCode
)

func statusCode(s storage.Status) byte {
	switch s {
	case storage.Pending:
		return pendingCode
	case storage.Delivered:
		return deliveredCode
	case storage.Failed:
		return failedCode
	}
	return 0
}

// decoder takes fields off raw. After the first that is not there it is failed
// and everything reads as zero.
type decoder struct {
	raw    []byte
	failed bool
}

func (d *decoder) fail() {
	d.raw, d.failed = nil, true
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.raw)) {
		d.fail()
		return nil
	}
	taken := d.raw[:n:n]
	d.raw = d.raw[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
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

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.raw)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.raw = d.raw[size:]
	return n
}

// small is a number that fits an int32, such as a count.
func (d *decoder) small() int {
	n := d.int()
	if n < math.MinInt32 || n > math.MaxInt32 {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) string() string  { return string(d.bytes()) }
func (d *decoder) bytes() []byte   { return d.take(d.uint()) }
func (d *decoder) time() time.Time { return moment(d.int()) }

func (d *decoder) id() (id [16]byte) {
	copy(id[:], d.take(16))
	return id
}

func (d *decoder) status() storage.Status {
	code := d.byte()
	if int(code) >= len(statuses) {
		d.fail()
		return ""
	}
	return statuses[code]
}

// count is how many elements follow, each of at least min bytes.
func (d *decoder) count(min int) int {
	n := d.uint()
	if n > uint64(len(d.raw)/min) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) header() http.Header {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	header := make(http.Header, n)
	for range n {
		name := d.string()
		values := make([]string, d.count(1))
		for i := range values {
			values[i] = d.string()
		}
		header[name] = values
	}
	return header
}

func (d *decoder) attempt() storage.Attempt {
	return storage.Attempt{
		At:         d.time(),
		StatusCode: d.small(),
		Error:      d.string(),
		Detail:     d.string(),
		Duration:   time.Duration(d.int()),
	}
}

// err is the verdict, once everything was taken.
func (d *decoder) err() error {
	if d.failed || len(d.raw) > 0 {
		return errCodec
	}
	return nil
}
