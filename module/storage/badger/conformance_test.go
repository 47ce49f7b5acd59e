package badger

import (
	"path/filepath"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
	"github.com/hookgate/hookgate/module/storage/storagetest"
)

func TestBackend(t *testing.T) {
	dir := t.TempDir()
	storagetest.Backend(t, func(t *testing.T, place string) storage.Backend {
		b, err := mustProvision(t, &Storage{Path: filepath.Join(dir, place)}).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}
