package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// checkTables looks at the end of each table, where lengths say how to read the
// rest: Badger believes them and panics, on a goroutine of its own. All else it
// verifies by checksums.
func checkTables(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := checkTable(path); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

// maxChecksum is the most that a table's checksum takes, in bytes.
const maxChecksum = 64

func checkTable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	// A table ends with its index, the index's length, a checksum, and the
	// checksum's length.
	end := info.Size()
	for _, most := range []int64{maxChecksum, end} {
		var raw [4]byte
		if end < 4 {
			return errors.New("the table is cut")
		}
		if _, err := file.ReadAt(raw[:], end-4); err != nil {
			return err
		}
		length := int64(binary.BigEndian.Uint32(raw[:]))
		end -= 4 + length
		if length > most || end < 0 {
			return errors.New("the table's end is damaged")
		}
	}
	return nil
}
