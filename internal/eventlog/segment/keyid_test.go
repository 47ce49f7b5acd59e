package segment

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hookgate/hookgate/internal/seal"
)

func TestKeyOfSegment(t *testing.T) {
	old, key := seal.NewKey(), seal.NewKey()
	header := NewHeader()
	header.Number = 7
	raw := header.Encode(old)
	both := key.Replacing(old)
	got, err := DecodeHeader(raw, both)
	if err != nil || got != header || got.KeyID != old.ID() {
		t.Fatalf("%+v, %v", got, err)
	}
	frame := Seal(header.AEAD(old), append(Begin(nil), "plain"...), 0, 1, 1, 0)
	if opened, err := Open(got.AEAD(both), frame); err != nil || string(opened.Payload) != "plain" {
		t.Errorf("%+v, %v", opened, err)
	}
	if _, err := DecodeHeader(raw, key); !errors.Is(err, ErrKey) {
		t.Errorf("without the old key: %v", err)
	}
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"whole":             {raw, nil},
		"first copy broken": {append(bytes.Repeat([]byte{1}, copyAt), raw[copyAt:]...), nil},
		"both broken":       {make([]byte, Start), ErrDamaged},
		"cut":               {raw[:Start-1], ErrDamaged},
	} {
		id, err := KeyID(c.raw)
		if !errors.Is(err, c.want) || (err == nil) != (id == old.ID()) {
			t.Errorf("%s: %x, %v", name, id, err)
		}
	}
}
