package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// mark is a file that names the last acknowledged revision. When Badger meets
// a damaged byte in its write-ahead log it drops that record and all later
// ones without a word; the mark tells.
type mark struct {
	file *os.File
	next int64 // the slot to write
}

// A mark has two slots that are written in turn, so that one of them is whole
// whenever the power fails: the revision and its CRC-32C.
const (
	slotSize   = 12
	slotOffset = 512 // a sector each
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func openMark(dir string) (*mark, error) {
	file, err := os.OpenFile(filepath.Join(dir, "acknowledged"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &mark{file: file}, nil
}

// read returns the last acknowledged revision, 0 when none can be read.
func (m *mark) read() (revision uint64) {
	for slot := range int64(2) {
		var raw [slotSize]byte
		if _, err := m.file.ReadAt(raw[:], slot*slotOffset); err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		if crc32.Checksum(raw[:8], castagnoli) != binary.BigEndian.Uint32(raw[8:]) {
			continue
		}
		if found := binary.BigEndian.Uint64(raw[:8]); found >= revision {
			revision, m.next = found, 1-slot
		}
	}
	return revision
}

// write makes the revision durable.
func (m *mark) write(revision uint64) error {
	raw := binary.BigEndian.AppendUint64(nil, revision)
	raw = binary.BigEndian.AppendUint32(raw, crc32.Checksum(raw, castagnoli))
	if _, err := m.file.WriteAt(raw, m.next*slotOffset); err != nil {
		return err
	}
	m.next = 1 - m.next
	return m.file.Sync()
}

func (m *mark) path() string { return m.file.Name() }

func (m *mark) close() error { return m.file.Close() }
