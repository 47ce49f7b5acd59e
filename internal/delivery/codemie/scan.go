package codemie

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// The platform's answers echo the payload, some of them several times and
// before the interesting part. So an answer is read as a stream, within a
// limit, and only the wanted values are kept.

// fields are the wanted values of an answer by path, such as "error.message".
// An array's elements share the path of the array, and of several values under
// one path the last one counts.
type fields map[string]field

// field is a string, number, bool or null ("").
type field struct {
	text string
	// cut means that the value was longer than maxField.
	cut bool
}

const (
	maxField = 16 << 10 // bytes kept of a value, before unescaping
	maxName  = 128      // bytes compared of a member's name
	maxDepth = 100      // nested objects and arrays
)

var (
	errSyntax   = errors.New("the answer is not JSON")
	errTooLarge = errors.New("the answer is too large")
)

// scan reads one JSON value of at most limit bytes. It returns what it found
// even if there is an error.
func scan(r io.Reader, limit int64, want ...string) (fields, error) {
	bounded := &io.LimitedReader{R: r, N: limit + 1}
	s := &scanner{in: bufio.NewReader(bounded), want: make(map[string]bool, len(want)), found: make(fields)}
	for _, path := range want {
		s.want[path] = true
	}
	err := s.value("", 0)
	if bounded.N <= 0 {
		return s.found, errTooLarge
	}
	if errors.Is(err, io.EOF) {
		err = errSyntax
	}
	return s.found, err
}

type scanner struct {
	in    *bufio.Reader
	want  map[string]bool
	found fields
	unit  [6]byte // a character of a string, as it is written
}

// next returns the next byte that is not white space.
func (s *scanner) next() (byte, error) {
	for {
		c, err := s.in.ReadByte()
		if err != nil || (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
			return c, err
		}
	}
}

func (s *scanner) value(path string, depth int) error {
	c, err := s.next()
	if err != nil {
		return err
	}
	return s.valueFrom(c, path, depth)
}

func (s *scanner) valueFrom(c byte, path string, depth int) error {
	if depth > maxDepth {
		return errSyntax
	}
	switch c {
	case '{':
		return s.object(path, depth+1)
	case '[':
		return s.array(path, depth+1)
	case '"':
		keep := 0
		if s.want[path] {
			keep = maxField
		}
		text, cut, err := s.text(keep)
		if err == nil && s.want[path] {
			s.found[path] = field{text, cut}
		}
		return err
	}
	text, err := s.literal(c)
	if err == nil && s.want[path] {
		s.found[path] = field{text: text}
	}
	return err
}

func (s *scanner) object(path string, depth int) error {
	c, err := s.next()
	if err != nil || c == '}' {
		return err
	}
	for {
		if c != '"' {
			return errSyntax
		}
		name, cut, err := s.text(maxName)
		if err != nil {
			return err
		}
		if c, err = s.next(); err != nil {
			return err
		} else if c != ':' {
			return errSyntax
		}
		if err := s.value(member(path, name, cut), depth); err != nil {
			return err
		}
		more, err := s.more('}')
		if err != nil || !more {
			return err
		}
		if c, err = s.next(); err != nil {
			return err
		}
	}
}

// outside is the path of values that cannot be wanted.
const outside = "\x00"

func member(path, name string, cut bool) string {
	switch {
	case path == outside, cut, name == "", strings.Contains(name, "."):
		return outside
	case path == "":
		return name
	}
	return path + "." + name
}

func (s *scanner) array(path string, depth int) error {
	c, err := s.next()
	if err != nil || c == ']' {
		return err
	}
	for {
		if err := s.valueFrom(c, path, depth); err != nil {
			return err
		}
		more, err := s.more(']')
		if err != nil || !more {
			return err
		}
		if c, err = s.next(); err != nil {
			return err
		}
	}
}

// more reports whether a comma follows, rather than the end.
func (s *scanner) more(end byte) (bool, error) {
	c, err := s.next()
	switch {
	case err != nil:
		return false, err
	case c == end:
		return false, nil
	case c == ',':
		return true, nil
	}
	return false, errSyntax
}

// text reads a string after its opening quote and keeps about its first keep
// bytes.
func (s *scanner) text(keep int) (text string, cut bool, err error) {
	raw := make([]byte, 0, min(keep, 64)+2)
	raw = append(raw, '"')
	for {
		if cut {
			s.skip()
		}
		c, err := s.in.ReadByte()
		if err != nil {
			return "", false, err
		}
		s.unit[0] = c
		length := 1
		switch {
		case c == '"':
			return unquote(append(raw, '"'), cut)
		case c < ' ':
			return "", false, errSyntax
		case c == '\\':
			if length, err = s.escape(s.unit[1:]); err != nil {
				return "", false, err
			}
			length++
		}
		if cut = cut || len(raw) > keep; !cut {
			raw = append(raw, s.unit[:length]...)
		}
	}
}

// skip skips the buffered plain characters.
func (s *scanner) skip() {
	buffered, _ := s.in.Peek(s.in.Buffered())
	n := 0
	for n < len(buffered) && buffered[n] != '"' && buffered[n] != '\\' && buffered[n] >= ' ' {
		n++
	}
	_, _ = s.in.Discard(n)
}

// escape reads what follows a backslash.
func (s *scanner) escape(into []byte) (int, error) {
	c, err := s.in.ReadByte()
	if err != nil {
		return 0, err
	}
	into[0] = c
	if strings.IndexByte(`"\/bfnrt`, c) >= 0 {
		return 1, nil
	}
	if c != 'u' {
		return 0, errSyntax
	}
	if _, err := io.ReadFull(s.in, into[1:5]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errSyntax
		}
		return 0, err
	}
	var unit [2]byte
	if _, err := hex.Decode(unit[:], into[1:5]); err != nil {
		return 0, errSyntax
	}
	return 5, nil
}

func unquote(raw []byte, cut bool) (string, bool, error) {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", false, errSyntax
	}
	return text, cut, nil
}

// literal reads a number, true, false or null that begins with c.
func (s *scanner) literal(c byte) (string, error) {
	raw := []byte{c}
	for {
		c, err := s.in.ReadByte()
		if err != nil && (!errors.Is(err, io.EOF) || len(raw) == 0) {
			return "", err
		}
		if err != nil || strings.IndexByte(" \t\r\n,]}", c) >= 0 {
			if err == nil {
				_ = s.in.UnreadByte()
			}
			break
		}
		if raw = append(raw, c); len(raw) > 64 {
			return "", errSyntax
		}
	}
	if !json.Valid(raw) {
		return "", errSyntax
	}
	if string(raw) == "null" {
		return "", nil
	}
	return string(raw), nil
}
