package backup

import (
	"archive/tar"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/hookgate/hookgate/internal/seal"
)

var (
	// ErrNone means that the input is not a backup.
	ErrNone = errors.New("this is not a Hookgate backup")

	// ErrCut means that the backup is truncated.
	ErrCut = errors.New("the backup is truncated: its end is missing")

	// ErrDamaged means that the backup has been changed since it was written.
	ErrDamaged = errors.New("the backup is damaged")
)

// MissingKeyError means that a key that the backup needs is missing.
type MissingKeyError struct {
	// ID names the key, in hex.
	ID string
}

// Error implements error.
func (e *MissingKeyError) Error() string {
	return "the backup is sealed with the key " + e.ID + ", which is missing"
}

// Reader reads a backup. Its results must not be trusted until Next has
// returned io.EOF.
type Reader struct {
	Manifest Manifest

	tar    *tar.Reader
	key    seal.Key
	digest digest
	end    end
}

// NewReader reads the manifest of a backup.
func NewReader(r io.Reader) (*Reader, error) {
	b := &Reader{tar: tar.NewReader(r), digest: newDigest()}
	header, err := b.tar.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: it is empty", ErrNone)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrNone
	case err != nil:
		return nil, fmt.Errorf("reading a backup: %w", err)
	case header.Name != manifestName:
		return nil, ErrNone
	}
	text, err := b.all(header, maxManifest)
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(text, &b.Manifest) != nil || b.Manifest.Format != format {
		return nil, ErrNone
	}
	if b.Manifest.Version != version {
		return nil, fmt.Errorf("the backup has version %d, which this release cannot read", b.Manifest.Version)
	}
	return b, nil
}

// Unlock sets the key. If the backup needs another one, it returns a
// *MissingKeyError.
func (b *Reader) Unlock(key seal.Key) error {
	ids := key.IDs()
	for i, id := range b.Manifest.Keys {
		if !slices.Contains(ids, id) {
			return &MissingKeyError{ID: id}
		}
		if i > 0 {
			continue
		}
		raw, err := hex.DecodeString(id)
		if err != nil || len(raw) != seal.KeyIDSize {
			return ErrDamaged
		}
		b.key, _ = key.Find([seal.KeyIDSize]byte(raw))
	}
	if len(b.Manifest.Keys) == 0 {
		return ErrDamaged
	}
	return nil
}

// Entry is an entry of a backup: a segment or a page.
type Entry struct {
	// Segment is the name of a segment, and Content its bytes, to be read
	// before the next entry.
	Segment string
	Content io.Reader

	// Page is the text of a page, if Segment is empty.
	Page []byte
}

// Next returns the next entry. After the last one it returns io.EOF, once the
// whole backup has been verified.
func (b *Reader) Next() (Entry, error) {
	header, err := b.next()
	if err != nil {
		return Entry{}, err
	}
	dir, name := path.Split(header.Name)
	switch {
	case header.Name == endName:
		return Entry{}, b.verify(header)
	case dir == segmentsDir+"/" && b.end.Pages == 0 && name != "":
		b.end.Segments++
		b.digest.begin(header.Name, header.Size)
		return Entry{Segment: name, Content: &content{b, header.Size}}, nil
	case header.Name == pageName(b.end.Pages+1):
		b.end.Pages++
		sealed, err := b.all(header, MaxPage+seal.Overhead)
		if err != nil {
			return Entry{}, err
		}
		plain, err := b.key.Open(purpose, b.Manifest.place(header.Name), sealed)
		if err != nil {
			return Entry{}, ErrDamaged
		}
		return Entry{Page: plain}, nil
	default:
		return Entry{}, ErrDamaged
	}
}

func (b *Reader) next() (*tar.Header, error) {
	header, err := b.tar.Next()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, ErrCut
	case errors.Is(err, tar.ErrHeader):
		return nil, ErrDamaged
	case err != nil:
		return nil, fmt.Errorf("reading a backup: %w", err)
	case header.Typeflag != tar.TypeReg, len(header.PAXRecords) > 0:
		return nil, ErrDamaged
	}
	return header, nil
}

// verify compares the end with what was read.
func (b *Reader) verify(header *tar.Header) error {
	sum := b.digest.Sum(nil)
	sealed, err := b.all(header, maxEnd)
	if err != nil {
		return err
	}
	text, err := b.key.Open(purpose, b.Manifest.place(endName), sealed)
	if err != nil {
		return ErrDamaged
	}
	var written end
	if err := json.Unmarshal(text, &written); err != nil {
		return ErrDamaged
	}
	if written.Segments != b.end.Segments || written.Pages != b.end.Pages || !hmac.Equal(written.SHA256, sum) {
		return ErrDamaged
	}
	return io.EOF
}

// all reads a whole entry.
func (b *Reader) all(header *tar.Header, most int64) ([]byte, error) {
	if header.Size > most {
		return nil, ErrDamaged
	}
	b.digest.begin(header.Name, header.Size)
	return io.ReadAll(&content{b, header.Size})
}

// content is the rest of an entry.
type content struct {
	backup *Reader
	left   int64
}

// Read implements io.Reader.
func (c *content) Read(buf []byte) (int, error) {
	n, err := c.backup.tar.Read(buf)
	_, _ = c.backup.digest.Write(buf[:n])
	c.left -= int64(n)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF) && c.left > 0:
		return n, ErrCut
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("reading a backup: %w", err)
	}
	return n, err
}
