package journal

import (
	"os"
	"testing"
)

func damage(t *testing.T, path string, offset int, patch []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	offset = int(uint(offset) % uint(len(raw)))
	for i, b := range patch {
		if offset+i < len(raw) {
			raw[offset+i] ^= b
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
