package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/fb"
)

// checkTables verifies the checksums of all tables. Badger does so as well, but
// trusts some lengths before it does, and panics in one of its own goroutines.
func checkTables(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := checkTable(raw); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errTable = errors.New("the table is damaged")

// checkTable verifies a table: its blocks, their index, the index's length, and
// the index's checksum. A table is at most as large as a memtable.
func checkTable(raw []byte) error {
	rest, sum, ok := cutLast(raw)
	if !ok {
		return errTable
	}
	blocks, index, ok := cutLast(rest)
	if !ok || !verify(index, sum) {
		return errTable
	}
	table := fb.GetRootAsTableIndex(index, 0)
	for i := range table.OffsetsLength() {
		var at fb.BlockOffset
		if !table.Offsets(&at, i) || uint64(at.Offset())+uint64(at.Len()) > uint64(len(blocks)) {
			return errTable
		}
		block, sum, ok := cutLast(blocks[at.Offset():][:at.Len()])
		if !ok || !verify(block, sum) {
			return errTable
		}
	}
	return nil
}

// cutLast cuts off the last field, which is followed by its length in four
// bytes.
func cutLast(raw []byte) (before, field []byte, ok bool) {
	if len(raw) < 4 {
		return nil, nil, false
	}
	at := uint64(len(raw) - 4)
	length := uint64(binary.BigEndian.Uint32(raw[at:]))
	if length > at {
		return nil, nil, false
	}
	return raw[:at-length], raw[at-length : at], true
}

// verify compares with a checksum as Badger writes it: in Protocol Buffers, the
// algorithm (1; absent for CRC-32C) and the sum (2).
func verify(data, checksum []byte) bool {
	var fields [3]uint64
	for len(checksum) > 0 {
		tag := checksum[0]
		value, size := binary.Uvarint(checksum[1:])
		if size <= 0 || tag != 1<<3 && tag != 2<<3 {
			return false
		}
		fields[tag>>3] = value
		checksum = checksum[1+size:]
	}
	return fields[1] == 0 && fields[2] == uint64(crc32.Checksum(data, castagnoli))
}
