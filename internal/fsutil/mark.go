package fsutil

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// Mark is a file with an increasing number, which survives a power cut at any
// moment. It is not safe for concurrent use.
type Mark struct {
	file *os.File
	next int64 // the slot to write
}

// A mark has two slots that are written alternately, so that one of them is
// always intact: the number and its CRC-32C.
const (
	slotSize   = 12
	slotOffset = 512 // a sector each
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenMark opens or creates a mark. Syncing the name of a new one is up to the
// caller.
func OpenMark(path string) (*Mark, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &Mark{file: file}, nil
}

// Read returns the number, or 0 if none can be read.
func (m *Mark) Read() (number uint64) {
	for slot := range int64(2) {
		var raw [slotSize]byte
		if _, err := m.file.ReadAt(raw[:], slot*slotOffset); err != nil && !errors.Is(err, io.EOF) {
			continue
		}
		if crc32.Checksum(raw[:8], castagnoli) != binary.BigEndian.Uint32(raw[8:]) {
			continue
		}
		if found := binary.BigEndian.Uint64(raw[:8]); found >= number {
			number, m.next = found, 1-slot
		}
	}
	return number
}

// Write makes the number durable.
func (m *Mark) Write(number uint64) error {
	raw := binary.BigEndian.AppendUint64(nil, number)
	raw = binary.BigEndian.AppendUint32(raw, crc32.Checksum(raw, castagnoli))
	if _, err := m.file.WriteAt(raw, m.next*slotOffset); err != nil {
		return err
	}
	m.next = 1 - m.next
	return m.file.Sync()
}

// Path returns the path of the file.
func (m *Mark) Path() string { return m.file.Name() }

// Close closes the file.
func (m *Mark) Close() error { return m.file.Close() }
