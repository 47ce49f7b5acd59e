package storage

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseIDUndoesString(t *testing.T) {
	for _, id := range []ID{{}, {1}, {15: 255}, ID(bytes.Repeat([]byte{255}, 16)), ID([]byte("0123456789abcdef"))} {
		text := id.String()
		if len(text) != idLength {
			t.Errorf("%q has %d characters", text, len(text))
		}
		if got, err := ParseID(text); err != nil || got != id {
			t.Errorf("%q comes back as %q: %v", text, got, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(ID{1, 2, 3}.String())
	f.Add(strings.Repeat("Z", 26))
	f.Add("0123456789ABCDEFGHJKMNPQ\nR")
	f.Fuzz(func(t *testing.T, text string) {
		if id, err := ParseID(text); err == nil && id.String() != text {
			t.Errorf("%q and %q name the same event", text, id)
		}
	})
}

func FuzzIDOrder(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), []byte("0123456789abcdeg"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) != 16 || len(b) != 16 {
			return
		}
		if bytes.Compare(a, b) != strings.Compare(ID(a).String(), ID(b).String()) {
			t.Errorf("%x and %x sort differently as text", a, b)
		}
	})
}
