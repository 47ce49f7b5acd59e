package fsutil

import (
	"path/filepath"
	"testing"
)

func TestMark(t *testing.T) {
	m, err := OpenMark(filepath.Join(t.TempDir(), "mark"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Read() != 0 {
		t.Error("a new mark is not 0")
	}
	for _, revision := range []uint64{1, 2, 4, 6, 1 << 40} {
		if err := m.Write(revision); err != nil || m.Read() != revision {
			t.Errorf("%d: %d, %v", revision, m.Read(), err)
		}
	}
	// A torn write leaves the one before.
	if _, err := m.file.WriteAt([]byte{0xff}, (1-m.next)*slotOffset+3); err != nil {
		t.Fatal(err)
	}
	if got := m.Read(); got != 6 {
		t.Errorf("after a torn write: %d", got)
	}
}
