package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/wire"
)

// Names of files. A name that ends in asideSuffix is of one that is being written.
const (
	manifestName = "manifest"
	asideSuffix  = ".new"
	runSuffix    = ".run"
)

// manifestPurpose binds what is sealed to the manifest.
const manifestPurpose = "hookgate event index manifest"

// manifestVersion is the first byte of a manifest.
const manifestVersion = 1

// manifest lists what the index is made of. It has its own key for the runs, so that
// a new key of the operator's changes this one file.
type manifest struct {
	data seal.Key
	next uint64 // number of the next run
	runs []meta // newest first
}

// meta is what the manifest records about a run.
type meta struct {
	number  uint64
	level   uint64
	size    int64 // of the file
	tail    int64 // offset of the tail
	entries int64
	dead    int64 // entries, of this run and older ones, that no longer count because of it
	salt    [seal.SaltSize]byte
}

func (m *manifest) append(buf []byte) []byte {
	buf = append(buf, manifestVersion)
	text := m.data.Text()
	buf = append(binary.AppendUvarint(buf, uint64(len(text))), text...)
	buf = binary.AppendUvarint(buf, m.next)
	for _, r := range m.runs {
		for _, n := range []uint64{r.number, r.level, uint64(r.size), uint64(r.tail), uint64(r.entries), uint64(r.dead)} {
			buf = binary.AppendUvarint(buf, n)
		}
		buf = append(buf, r.salt[:]...)
	}
	return buf
}

func decodeManifest(plain []byte) (m manifest, err error) {
	d := wire.Decoder{Raw: plain}
	if d.Byte() != manifestVersion {
		return m, ErrDamaged
	}
	if m.data, err = seal.ParseKey(d.String()); err != nil {
		return m, ErrDamaged // the error may quote what is in there
	}
	m.next = d.Uint()
	for !d.Failed() && len(d.Raw) > 0 {
		r := meta{number: d.Uint(), level: d.Uint(), size: d.Positive(), tail: d.Positive(), entries: d.Positive(), dead: d.Positive()}
		copy(r.salt[:], d.Take(seal.SaltSize))
		if r.tail > r.size || r.number >= m.next {
			return m, ErrDamaged
		}
		m.runs = append(m.runs, r)
	}
	if d.Failed() {
		return m, ErrDamaged
	}
	return m, nil
}

// write replaces the manifest. After an error, named reports whether the new one may
// be in place all the same.
func (m *manifest) write(dir string, key seal.Key) (named bool, err error) {
	path := filepath.Join(dir, manifestName)
	file, err := os.OpenFile(path+asideSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return false, err
	}
	_, err = file.Write(key.Seal(manifestPurpose, nil, m.append(nil)))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return false, err
	}
	if err := os.Rename(path+asideSuffix, path); err != nil {
		return false, err
	}
	return true, fsutil.SyncDir(dir)
}

func readManifest(dir string, key seal.Key) (manifest, error) {
	sealed, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return manifest{}, err
	}
	plain, err := key.Open(manifestPurpose, nil, sealed)
	if err != nil {
		return manifest{}, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	return decodeManifest(plain)
}

// Rekey seals the index in a directory, which is not open, under the key, if one that
// the key has replaced opens it now. It replaces one small file atomically, so a crash
// leaves one key or the other. It leaves alone an index that none of them opens, and
// does nothing where there is no index.
func Rekey(dir string, key seal.Key) error {
	sealed, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) || err == nil && seal.SealedBy(sealed) == key.ID() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rotating the event index's key: %w", err)
	}
	m, err := readManifest(dir, key)
	if errors.Is(err, ErrDamaged) {
		return nil
	}
	if err == nil {
		_, err = m.write(dir, key)
	}
	if err != nil {
		return fmt.Errorf("rotating the event index's key: %w", err)
	}
	return nil
}
