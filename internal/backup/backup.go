// Package backup is the file format of a backup: a tar stream of a manifest,
// the segments of the event log, pages of integrations, and an end.
// Confidential content is sealed, and the end is a sealed digest of everything
// before it, so that a truncated or modified backup is recognised.
package backup

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"time"

	"github.com/hookgate/hookgate/internal/seal"
)

const (
	format  = "hookgate backup"
	version = 1
	purpose = "hookgate backup"

	manifestName = "manifest.json"
	segmentsDir  = "segments"
	pagesDir     = "integrations"
	endName      = "end"
)

// MaxPage is the maximum size of a page in bytes.
const MaxPage = 8 << 20

// The maximum sizes of other entries that are read at once, in bytes.
const (
	maxManifest = 64 << 10
	maxEnd      = 4 << 10
)

// Manifest is the first entry of a backup. It can be read without a key.
type Manifest struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	ID      string    `json:"id"` // random, in hex
	Created time.Time `json:"created"`
	// Keys are the IDs of the required keys, in hex: first the one that sealed the
	// backup itself, then those of the segments.
	Keys []string `json:"keys"`
}

// place binds sealed content to this backup.
func (m *Manifest) place(name string) []byte { return []byte(m.ID + "/" + name) }

// end is the plaintext of the last entry.
type end struct {
	Segments int    `json:"segments"`
	Pages    int    `json:"pages"`
	SHA256   []byte `json:"sha256"` // over all previous entries
}

// digest is over the names, sizes and contents of entries.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) begin(name string, size int64) {
	head := binary.BigEndian.AppendUint64(nil, uint64(len(name)))
	head = append(head, name...)
	head = binary.BigEndian.AppendUint64(head, uint64(size))
	_, _ = d.Write(head) // never fails, according to hash.Hash
}

// Writer writes a backup: segments first, then pages, then Close.
type Writer struct {
	tar      *tar.Writer
	key      seal.Key
	manifest Manifest
	digest   digest
	end      end
}

// NewWriter begins a backup. It is sealed with the key; others are the IDs of
// further keys that are needed to read the segments.
func NewWriter(w io.Writer, key seal.Key, others ...[seal.KeyIDSize]byte) (*Writer, error) {
	var id [16]byte
	rand.Read(id[:]) // never fails, according to crypto/rand
	first := key.ID()
	b := &Writer{
		tar:    tar.NewWriter(w),
		key:    key,
		digest: newDigest(),
		manifest: Manifest{
			Format: format, Version: version, ID: hex.EncodeToString(id[:]), Created: time.Now().UTC().Truncate(time.Second),
			Keys: []string{hex.EncodeToString(first[:])},
		},
	}
	for _, other := range others {
		if other != first {
			b.manifest.Keys = append(b.manifest.Keys, hex.EncodeToString(other[:]))
		}
	}
	text, err := json.MarshalIndent(b.manifest, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("writing a backup: %w", err)
	}
	return b, b.bytes(manifestName, append(text, '\n'))
}

// Segment adds a segment of the event log, as it is.
func (b *Writer) Segment(name string, size int64, content io.Reader) error {
	b.end.Segments++
	name = path.Join(segmentsDir, name)
	b.digest.begin(name, size)
	return b.entry(name, size, io.TeeReader(content, b.digest))
}

// Page adds a page of integrations, which is sealed and must have at most
// MaxPage bytes.
func (b *Writer) Page(plain []byte) error {
	if len(plain) > MaxPage {
		return fmt.Errorf("writing a backup: a page of %d bytes is too large", len(plain))
	}
	b.end.Pages++
	name := pageName(b.end.Pages)
	return b.bytes(name, b.key.Seal(purpose, b.manifest.place(name), plain))
}

func pageName(number int) string { return path.Join(pagesDir, fmt.Sprintf("%08d", number)) }

// Close completes the backup. Without it the backup counts as truncated.
func (b *Writer) Close() error {
	b.end.SHA256 = b.digest.Sum(nil)
	text, err := json.Marshal(b.end)
	if err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	if err := b.bytes(endName, b.key.Seal(purpose, b.manifest.place(endName), text)); err != nil {
		return err
	}
	if err := b.tar.Close(); err != nil {
		return fmt.Errorf("writing a backup: %w", err)
	}
	return nil
}

func (b *Writer) bytes(name string, content []byte) error {
	b.digest.begin(name, int64(len(content)))
	_, _ = b.digest.Write(content)
	return b.entry(name, int64(len(content)), bytes.NewReader(content))
}

func (b *Writer) entry(name string, size int64, content io.Reader) error {
	header := &tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: b.manifest.Created, Format: tar.FormatUSTAR}
	err := b.tar.WriteHeader(header)
	if err == nil {
		_, err = io.CopyN(b.tar, content, size)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("writing %s to a backup: %w", name, err)
	}
	return nil
}
