package segment

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/internal/seal"
)

// written returns a segment's bytes with frames 1 to n, the synced mark of each
// one behind, and the frames' places.
func written(t testing.TB, key seal.Key, n int, spare int) (Header, []byte, []Frame) {
	t.Helper()
	header := NewHeader()
	header.Number, header.First = 7, 1
	raw := header.Encode(key)
	aead := header.AEAD(key)
	var frames []Frame
	for i := range n {
		start := len(raw)
		raw = Begin(raw)
		raw = append(raw, bytes.Repeat([]byte{byte(i + 1)}, i*37)...)
		raw = Seal(aead, raw, start, byte(i%5), uint64(i+1), uint64(i))
		frames = append(frames, Frame{Sequence: uint64(i + 1), Offset: int64(start), Length: int64(len(raw) - start)})
	}
	return header, append(raw, make([]byte, spare)...), frames
}

func scanAll(t testing.TB, header Header, key seal.Key, raw []byte) (found []uint64, s *Scanner) {
	t.Helper()
	s = Scan(bytes.NewReader(raw), header.AEAD(key), Start, int64(len(raw)))
	for {
		frame, err := s.Next()
		if errors.Is(err, io.EOF) {
			return found, s
		}
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte{byte(frame.Sequence)}, int(frame.Sequence-1)*37)
		if !bytes.Equal(frame.Payload, want) {
			t.Fatalf("frame %d has another payload", frame.Sequence)
		}
		found = append(found, frame.Sequence)
	}
}

func TestHeaderSurvivesOneDamagedCopy(t *testing.T) {
	key := seal.NewKey()
	header := NewHeader()
	header.Number, header.First, header.PreviousEnd, header.PreviousLast, header.Created = 3, 99, 12345, 98, 1700000000000
	raw := header.Encode(key)
	for _, at := range []int{-1, 0, 9, 20, 100, headerSize - 1, copyAt, copyAt + 30} {
		damaged := slices.Clone(raw)
		if at >= 0 {
			damaged[at] ^= 0x10
		}
		got, err := DecodeHeader(damaged, key)
		if err != nil || got != header {
			t.Errorf("byte %d damaged: got %+v, %v", at, got, err)
		}
	}
	raw[30] ^= 1
	raw[copyAt+30] ^= 1
	if _, err := DecodeHeader(raw, key); !errors.Is(err, ErrDamaged) {
		t.Errorf("both copies damaged: %v", err)
	}
}

func TestHeaderRefusals(t *testing.T) {
	key := seal.NewKey()
	header := NewHeader()
	if _, err := DecodeHeader(header.Encode(key), seal.NewKey()); !errors.Is(err, ErrKey) {
		t.Errorf("another key: %v", err)
	}
	if _, err := DecodeHeader(make([]byte, Start), key); !errors.Is(err, ErrEmpty) {
		t.Errorf("zeros: %v", err)
	}
	if _, err := DecodeHeader([]byte("short"), key); !errors.Is(err, ErrDamaged) {
		t.Errorf("short: %v", err)
	}
}

func TestScanFindsWhatWasWritten(t *testing.T) {
	key := seal.NewKey()
	for _, spare := range []int{0, 5, 4096, 3 << 20} {
		header, raw, frames := written(t, key, 60, spare)
		found, s := scanAll(t, header, key, raw)
		if len(found) != len(frames) {
			t.Errorf("spare %d: found %d of %d", spare, len(found), len(frames))
		}
		if rest, err := s.Rest(); rest != 0 || err != nil {
			t.Errorf("spare %d: rest %d, %v", spare, rest, err)
		}
	}
}

func TestScanStepsOverDamage(t *testing.T) {
	key := seal.NewKey()
	header, raw, frames := written(t, key, 60, 1000)
	for i, frame := range frames {
		for range 4 {
			damaged := slices.Clone(raw)
			damaged[frame.Offset+rand.Int64N(frame.Length-alignment)] ^= 1 << rand.IntN(8)
			found, s := scanAll(t, header, key, damaged)
			want := slices.Delete(sequences(60), i, i+1)
			if !slices.Equal(found, want) {
				t.Fatalf("frame %d damaged: found %v", frame.Sequence, found)
			}
			if rest, err := s.Rest(); err != nil || (rest > 0) != (i == len(frames)-1) {
				t.Fatalf("frame %d damaged: rest %d, %v", frame.Sequence, rest, err)
			}
		}
	}
}

func TestScanOfATornTail(t *testing.T) {
	key := seal.NewKey()
	header, raw, frames := written(t, key, 20, 0)
	last := frames[19]
	for cut := last.Offset + 1; cut < last.Offset+last.Length-alignment; cut += 13 {
		found, s := scanAll(t, header, key, append(slices.Clone(raw[:cut]), make([]byte, 500)...))
		if len(found) != 19 || s.End() != last.Offset {
			t.Fatalf("cut at %d: found %v, end %d", cut, found, s.End())
		}
	}
}

func sequences(n int) (all []uint64) {
	for i := range n {
		all = append(all, uint64(i+1))
	}
	return all
}

func TestDiskCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	file, err := OS{}.Create(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("hello"), 100); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != 1<<20 || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if _, err := (OS{}).Create(path, 10); !errors.Is(err, os.ErrExist) {
		t.Fatalf("a second creation: %v", err)
	}
	if free, err := (OS{}).Space(filepath.Dir(path)); err != nil || free <= 0 {
		t.Fatalf("space: %d, %v", free, err)
	}
}

// FuzzScan feeds hostile bytes: what comes out must be what was written.
func FuzzScan(f *testing.F) {
	var key seal.Key
	header, raw, _ := written(f, key, 12, 64)
	aead := header.AEAD(key)
	f.Add(raw[Start:], 0)
	f.Add(raw[Start+40:], 17)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, flip int) {
		data = slices.Clone(data)
		if len(data) > 0 {
			data[uint(flip)%uint(len(data))] ^= 0x40
		}
		s := Scan(bytes.NewReader(data), aead, 0, int64(len(data)))
		end := int64(0)
		for {
			frame, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if frame.Offset < end || frame.Offset+frame.Length > int64(len(data)) {
				t.Fatalf("frame at %d of %d bytes behind %d", frame.Offset, frame.Length, end)
			}
			end = frame.Offset + frame.Length
		}
		if rest, err := s.Rest(); err != nil || rest < 0 || s.End()+rest > int64(len(data)) {
			t.Fatalf("rest %d, %v", rest, err)
		}
		_, _ = DecodeHeader(data, key)
	})
}
