package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/wire"
)

// all appends one field of each kind.
func all(n uint64, text string, at time.Time) []byte {
	buf := append([]byte(nil), 7)
	buf = binary.BigEndian.AppendUint64(buf, n)
	buf = wire.AppendUint(buf, n)
	buf = wire.AppendInt(buf, -int64(n>>1))
	buf = wire.AppendInt(buf, math.MinInt32)
	buf = wire.AppendUint(buf, n>>1)
	buf = wire.AppendString(buf, text)
	buf = wire.AppendString(buf, []byte(text))
	buf = wire.AppendTime(buf, at)
	buf = append(buf, "0123456789abcdef"...)
	buf = wire.AppendUint(buf, 2)
	return append(buf, "rest"...)
}

func TestDecoder(t *testing.T) {
	for _, n := range []uint64{0, 1, 127, 128, 1 << 32, math.MaxUint64} {
		for _, at := range []time.Time{{}, time.UnixMilli(1_800_000_000_123).UTC()} {
			for _, text := range []string{"", "text"} {
				d := wire.Decoder{Raw: all(n, text, at)}
				if d.Byte() != 7 || d.Uint64() != n || d.Uint() != n || d.Int() != -int64(n>>1) || d.Small() != math.MinInt32 ||
					d.Positive() != int64(n>>1) || d.String() != text || string(d.Bytes()) != text || !d.Time().Equal(at) ||
					d.ID() != [16]byte([]byte("0123456789abcdef")) || d.Count(2) != 2 {
					t.Errorf("%d, %q, %v: a field reads as another", n, text, at)
				}
				if !errors.Is(d.Err(), wire.ErrMalformed) || d.Failed() {
					t.Error("what is left is not told from a failure")
				}
				if string(d.Rest()) != "rest" || d.Err() != nil {
					t.Error("the rest is not there")
				}
			}
		}
	}
}

// A field that is not there, or is out of its bounds, makes everything read as zero.
func TestDecoderFails(t *testing.T) {
	over := wire.AppendUint(nil, math.MaxUint64)
	for name, take := range map[string]struct {
		raw  []byte
		take func(*wire.Decoder) bool // reports whether it is zero
	}{
		"byte":     {nil, func(d *wire.Decoder) bool { return d.Byte() == 0 }},
		"uint64":   {[]byte("1234567"), func(d *wire.Decoder) bool { return d.Uint64() == 0 }},
		"uint":     {[]byte{0x80}, func(d *wire.Decoder) bool { return d.Uint() == 0 }},
		"no uint":  {nil, func(d *wire.Decoder) bool { return d.Uint() == 0 }},
		"long":     {bytes.Repeat([]byte{0xff}, 10), func(d *wire.Decoder) bool { return d.Uint() == 0 }},
		"int":      {[]byte{0x80}, func(d *wire.Decoder) bool { return d.Int() == 0 }},
		"small":    {wire.AppendInt(nil, math.MaxInt32+1), func(d *wire.Decoder) bool { return d.Small() == 0 }},
		"positive": {over, func(d *wire.Decoder) bool { return d.Positive() == 0 }},
		"count":    {append(wire.AppendUint(nil, 3), "12345"...), func(d *wire.Decoder) bool { return d.Count(2) == 0 }},
		"bytes":    {append(wire.AppendUint(nil, 3), "12"...), func(d *wire.Decoder) bool { return d.Bytes() == nil }},
		"length":   {over, func(d *wire.Decoder) bool { return d.String() == "" }},
		"id":       {make([]byte, 15), func(d *wire.Decoder) bool { return d.ID() == [16]byte{} }},
	} {
		d := wire.Decoder{Raw: take.raw}
		if !take.take(&d) || !d.Failed() || !errors.Is(d.Err(), wire.ErrMalformed) || len(d.Rest()) > 0 || d.Byte() != 0 {
			t.Errorf("%s: it has not failed", name)
		}
	}
}

// Appending to a field leaves the next one alone.
func TestDecoderLendsOneField(t *testing.T) {
	d := wire.Decoder{Raw: wire.AppendString(wire.AppendString(nil, "one"), "two")}
	_ = append(d.Bytes(), "overwritten"...)
	if got := d.String(); got != "two" {
		t.Errorf("got %q", got)
	}
}

// FuzzDecoder takes fields off anything: nothing panics, nothing comes of nothing, and
// what was taken is never more than there was.
func FuzzDecoder(f *testing.F) {
	f.Add(all(300, "text", time.Now()), []byte{0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, raw, kinds []byte) {
		d := wire.Decoder{Raw: raw}
		taken := 0
		for _, kind := range kinds {
			switch kind % 11 {
			case 0:
				d.Byte()
			case 1:
				d.Uint64()
			case 2:
				n, size := binary.Uvarint(d.Raw)
				if got := d.Uint(); size > 0 && got != n || size <= 0 && !d.Failed() {
					t.Fatalf("got %d, want %d of %d bytes", got, n, size)
				}
			case 3:
				d.Int()
			case 4:
				d.Small()
			case 5:
				d.Positive()
			case 6:
				taken += len(d.Bytes())
			case 7:
				d.Time()
			case 8:
				d.ID()
			case 9:
				if n := d.Count(3); n*3 > len(d.Raw) {
					t.Fatalf("%d of 3 bytes are in %d", n, len(d.Raw))
				}
			case 10:
				taken += len(d.Take(uint64(kind)))
			}
			if d.Failed() && len(d.Raw) > 0 {
				t.Fatal("something is left after a failure")
			}
		}
		if taken > len(raw) {
			t.Fatalf("%d bytes were taken of %d", taken, len(raw))
		}
	})
}
