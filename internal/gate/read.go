package gate

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// firstBuffer is the size in bytes of a body's first buffer when its length
	// is not announced, and maxFirst the most that is believed of a length.
	firstBuffer = 4 << 10
	maxFirst    = 16 << 10
	// maxRead is how much is read at once, in bytes: of a chunked body net/http
	// returns nothing until the buffer is full or the chunk has ended, and what
	// it holds by then must be counted.
	maxRead = 64 << 10
)

// read receives the body.
func (v *visit) read() *answer { return v.readUpTo(v.gate.settings.MaxBody) }

// readUpTo receives a body of at most so many bytes. Beyond its first size the
// buffer grows with what has arrived, never with what was announced.
func (v *visit) readUpTo(most int64) *answer {
	if !identity(v.r.Header["Content-Encoding"]) {
		return v.refuse(unsupportedEncoding, "content_encoding")
	}
	if v.r.ContentLength == 0 || v.r.Body == nil {
		v.body = v.body[:0]
		v.receive()
		return nil
	}
	v.lease = lease{flight: v.backend.Flight(), identity: v.route.Integration.Identity, client: v.client}
	p := v.pace()
	limit := int(most)
	if v.body == nil {
		v.body = make([]byte, 0, first(v.r.ContentLength))
	}
	for v.body = v.body[:0]; ; {
		if len(v.body) == cap(v.body) {
			v.body = grow(v.body, limit)
		}
		n, err := v.r.Body.Read(v.body[len(v.body):min(len(v.body)+maxRead, cap(v.body))])
		v.body = v.body[:len(v.body)+n]
		if n > 0 {
			if over := v.lease.take(int64(n)); over != nil {
				return v.refuse(over.answer, over.reason)
			}
		}
		switch {
		case len(v.body) > limit:
			return v.refuse(tooLarge, "body")
		case err == io.EOF:
			v.receive()
			if v.gate.settings.Inline {
				// The next handler may take longer. What is stored is answered
				// soon, and net/http sets the deadline of the next request.
				v.control.SetReadDeadline(time.Time{})
			}
			return nil
		case err != nil:
			return v.refuseBody(err)
		case p.late(len(v.body)):
			return v.refuse(tooSlow, "body")
		}
	}
}

// receive takes the body as it is now, as a whole.
func (v *visit) receive() {
	v.received = true
	v.document.Reset(v.body)
}

// refuseBody answers a body that ended before its end.
func (v *visit) refuseBody(err error) *answer {
	var timeout net.Error
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return v.refuse(tooSlow, "body")
	case errors.As(err, &over): // a handler before this one has a bound of its own
		return v.refuse(tooLarge, "body")
	}
	return v.refuse(badBody, "body_cut")
}

// identity says whether the field lists no coding but identity.
func identity(values []string) bool {
	for _, value := range values {
		if value != "" && !strings.EqualFold(value, "identity") {
			return false
		}
	}
	return true
}

// first is the size of the first buffer for a body of that length, or -1: with
// room for a byte more, in which a reader finds the end.
func first(length int64) int64 {
	if length < 0 {
		return firstBuffer
	}
	return min(length, maxFirst) + 1
}

// grow doubles the buffer, up to one byte over the limit: that byte shows
// that a body is too large.
func grow(buffer []byte, limit int) []byte {
	size := min(max(2*cap(buffer), firstBuffer), limit+1)
	grown := make([]byte, len(buffer), max(size, len(buffer)+1))
	copy(grown, buffer)
	return grown
}

// pace watches that a body comes fast enough. The size that counts is the
// announced one, and without one what has come.
type pace struct {
	gate     *Gate
	control  *http.ResponseController
	start    time.Time
	deadline time.Time
	counted  int
	length   bool
}

func (v *visit) pace() pace {
	p := pace{gate: v.gate, control: &v.control, start: time.Now(), length: v.r.ContentLength > 0}
	p.expect(max(v.r.ContentLength, 0))
	return p
}

// expect sets the deadline for a size. Where none can be set, late still
// looks at the clock after each piece.
func (p *pace) expect(size int64) {
	allowance := time.Duration(float64(size) / float64(p.gate.rate) * float64(time.Second))
	p.deadline = p.start.Add(p.gate.patience + allowance)
	p.control.SetReadDeadline(p.deadline)
}

func (p *pace) late(received int) bool {
	if time.Now().After(p.deadline) {
		return true
	}
	// To move a deadline costs something, so a second's worth must have come.
	if !p.length && int64(received-p.counted) >= p.gate.rate {
		p.counted = received
		p.expect(int64(received))
	}
	return false
}
