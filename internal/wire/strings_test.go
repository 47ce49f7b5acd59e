package wire

import (
	"slices"
	"testing"
	"time"
)

func TestStringDecoder(t *testing.T) {
	at := time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)
	raw := AppendSeconds(AppendList(AppendUint(AppendStrings(nil, "a", ""), 1<<63), []string{"b", "c"}), at)
	raw = AppendList(raw, nil)
	d := NewStringDecoder(raw)
	if a, empty, n := d.String(), d.String(), d.Uint(); a != "a" || empty != "" || n != 1<<63 {
		t.Errorf("%q, %q, %d", a, empty, n)
	}
	if list, then, none := d.List(), d.Seconds(), d.List(); !slices.Equal(list, []string{"b", "c"}) || !then.Equal(at) || none != nil {
		t.Errorf("%q, %v, %q", list, then, none)
	}
	if err := d.Err(); err != nil {
		t.Error(err)
	}
	for end := range raw {
		d := NewStringDecoder(raw[:end])
		_, _, _, _, _, _ = d.String(), d.String(), d.Uint(), d.List(), d.Seconds(), d.List()
		if d.Err() == nil {
			t.Errorf("%d of %d bytes are enough", end, len(raw))
		}
	}
	d = NewStringDecoder([]byte("ab"))
	if d.Uint(); d.Err() == nil {
		t.Error("a byte that is left is none too many")
	}
}

// A number has ten bytes at most, and a count no more elements than bytes follow.
func TestStringDecoderIsBounded(t *testing.T) {
	for _, raw := range []string{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x03ab", ""} {
		d := NewStringDecoder([]byte(raw))
		if list := d.List(); list != nil || d.Err() == nil {
			t.Errorf("%x: %q", raw, list)
		}
	}
}
