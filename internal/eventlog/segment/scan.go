package segment

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
)

// window is what a Scanner reads at a time.
const window = 1 << 20

// Scanner reads the frames of a segment in order. It steps over what is
// damaged to the next frame that opens.
type Scanner struct {
	file  io.ReaderAt
	aead  cipher.AEAD
	next  int64 // where the next frame should begin
	limit int64 // frames end at or before it

	buf   []byte // holds the file's bytes from bufAt on
	bufAt int64
	err   error
}

// Scan reads the frames from the offset on, and none that ends behind limit.
func Scan(file io.ReaderAt, aead cipher.AEAD, offset, limit int64) *Scanner {
	return &Scanner{file: file, aead: aead, next: offset, limit: limit}
}

// Next returns the next frame that opens; its payload is valid until the next
// call. A frame whose Offset is not the End before it stands behind damage.
// The error is io.EOF, or one of reading the file.
func (s *Scanner) Next() (Frame, error) {
	for at := s.next; at+frameSize <= s.limit; at += alignment {
		if at > s.next {
			at = s.seek(at)
		}
		frame, ok := s.open(at)
		if s.err != nil {
			return Frame{}, s.err
		}
		if ok {
			s.next = at + frame.Length
			return frame, nil
		}
		if at == s.next && s.zeros(at) {
			break // the unused rest of a segment
		}
	}
	if s.err != nil {
		return Frame{}, s.err
	}
	return Frame{}, io.EOF
}

// End is the offset behind the last frame that Next returned.
func (s *Scanner) End() int64 { return s.next }

// Rest counts the bytes behind End up to the last that is not zero.
func (s *Scanner) Rest() (int64, error) {
	var rest int64
	for at := s.next; at < s.limit; at += window {
		raw := s.at(at, min(window, s.limit-at))
		for i := len(raw) - 1; i >= 0; i-- {
			if raw[i] != 0 {
				rest = at + int64(i) + 1 - s.next
				break
			}
		}
	}
	return rest, s.err
}

// open decrypts the frame at an offset, if there is one.
func (s *Scanner) open(at int64) (Frame, bool) {
	frame, _, ok := parseHead(s.at(at, frameSize))
	if !ok || at+frame.Length > s.limit {
		return Frame{}, false
	}
	raw := s.at(at, frame.Length)
	if int64(len(raw)) < frame.Length {
		return Frame{}, false
	}
	// A body that does not open is left scrambled in the buffer, which is
	// read again before the search goes on through it.
	opened, err := Open(s.aead, raw)
	if err != nil {
		s.buf = s.buf[:0]
		return Frame{}, false
	}
	opened.Offset = at
	// The payload was opened in place: these bytes are no file's any more.
	return opened, true
}

// seek returns the first place from at on that could begin a frame.
func (s *Scanner) seek(at int64) int64 {
	for ; at+frameSize <= s.limit; at += alignment {
		raw := s.at(at, frameSize)
		if len(raw) < frameSize {
			break
		}
		if binary.BigEndian.Uint32(raw) == frameMagic {
			break
		}
	}
	return at
}

// zeros reports whether nothing but zeros follows.
func (s *Scanner) zeros(at int64) bool {
	for ; at < s.limit; at += window {
		for _, b := range s.at(at, min(window, s.limit-at)) {
			if b != 0 {
				return false
			}
		}
	}
	return s.err == nil
}

// at returns n bytes of the file at an offset, fewer at its end.
func (s *Scanner) at(offset, n int64) []byte {
	if offset < s.bufAt || offset+n > s.bufAt+int64(len(s.buf)) {
		s.fill(offset, n)
	}
	if offset-s.bufAt > int64(len(s.buf)) {
		return nil
	}
	raw := s.buf[offset-s.bufAt:]
	return raw[:min(n, int64(len(raw)))]
}

func (s *Scanner) fill(offset, n int64) {
	size := min(max(n, window), s.limit-offset)
	if int64(cap(s.buf)) < size {
		s.buf = make([]byte, size)
	}
	read, err := s.file.ReadAt(s.buf[:size], offset)
	s.buf, s.bufAt = s.buf[:read], offset
	if err != nil && !errors.Is(err, io.EOF) && s.err == nil {
		s.err = err
	}
}
