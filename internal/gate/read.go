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
	// firstBuffer is the size in bytes of a body's first buffer if its length is
	// not announced, and maxFirst the most that is believed of a length.
	firstBuffer = 4 << 10
	maxFirst    = 16 << 10
	// maxRead is how much is read at once, in bytes: for a chunked body net/http
	// returns nothing until the buffer is full or the chunk has ended, and what it
	// holds by then must be counted.
	maxRead = 32 << 10
)

// read receives the body.
func (v *visit) read() *answer {
	return v.readUpTo(v.gate.settings.MaxBody, v.route.checker.Proven(&v.presented))
}

// readUpTo receives a body of at most that many bytes. Beyond its first size
// the buffer grows with what has arrived, never with what was announced. proven
// means that the headers have authenticated it.
func (v *visit) readUpTo(most int64, proven bool) *answer {
	if !identity(v.r.Header["Content-Encoding"]) {
		return v.refuse(unsupportedEncoding, "content_encoding")
	}
	announced := v.r.ContentLength
	if announced == 0 || v.r.Body == nil {
		v.body = v.body[:0]
		v.receive()
		return nil
	}
	p := v.pace()
	v.upload.begin(v.config.Flight, v.route.Integration.Identity, v.client, announced, most, proven, &v.control, p.start)
	limit := int(most)
	if v.body == nil {
		v.body = make([]byte, 0, first(announced))
	}
	for v.body = v.body[:0]; ; {
		if len(v.body) == cap(v.body) {
			v.body = grow(v.body, limit)
		}
		n, err := v.r.Body.Read(v.body[len(v.body):min(len(v.body)+maxRead, cap(v.body))])
		v.body = v.body[:len(v.body)+n]
		now := time.Now()
		if n > 0 {
			whole := err == io.EOF || int64(len(v.body)) == announced
			if over := v.upload.take(int64(n), now, whole); over != nil {
				return v.refuse(over.answer, over.reason)
			}
		}
		switch {
		case len(v.body) > limit:
			return v.refuse(tooLarge, "body")
		case err == io.EOF:
			return v.receiveAll()
		case err != nil:
			return v.refuseBody(err)
		case now.After(p.deadline):
			return v.refuse(tooSlow, "body")
		case p.extend(len(v.body), v.upload.waited):
			// Others may have ended the upload by a deadline that is now gone.
			if ended := v.upload.wasEnded(); ended != nil {
				return v.refuse(ended.answer, ended.reason)
			}
		}
	}
}

// receiveAll completes the reading of a body.
func (v *visit) receiveAll() *answer {
	if over := v.upload.complete(); over != nil {
		return v.refuse(over.answer, over.reason)
	}
	v.receive()
	if v.gate.settings.Inline {
		// The next handler may take longer. Stored requests are answered soon, and
		// net/http sets the deadline of the next request.
		v.control.SetReadDeadline(time.Time{})
	}
	return nil
}

// receive takes the complete body.
func (v *visit) receive() {
	v.received = true
	v.document.Reset(v.body)
}

// refuseBody answers a body that ended early.
func (v *visit) refuseBody(err error) *answer {
	if ended := v.upload.wasEnded(); ended != nil {
		return v.refuse(ended.answer, ended.reason)
	}
	var timeout net.Error
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return v.refuse(tooSlow, "body")
	case errors.As(err, &over): // an earlier handler has its own limit
		return v.refuse(tooLarge, "body")
	}
	return v.refuse(badBody, "body_cut")
}

// identity reports whether the field lists no coding other than identity.
func identity(values []string) bool {
	for _, value := range values {
		if value != "" && !strings.EqualFold(value, "identity") {
			return false
		}
	}
	return true
}

// first returns the size of the first buffer for a body of that length, or -1:
// with room for one more byte, in which a reader finds the end.
func first(length int64) int64 {
	if length < 0 {
		return firstBuffer
	}
	return min(length, maxFirst) + 1
}

// grow doubles the buffer, up to one byte over the limit: that byte shows that
// a body is too large.
func grow(buffer []byte, limit int) []byte {
	size := min(max(2*cap(buffer), firstBuffer), limit+1)
	grown := make([]byte, len(buffer), max(size, len(buffer)+1))
	copy(grown, buffer)
	return grown
}

// pace checks that a body arrives fast enough: it has patience, plus the time
// earned by the bytes that have arrived, plus the time that it was made to
// wait. Announced bytes earn nothing.
type pace struct {
	gate     *Gate
	control  *http.ResponseController
	start    time.Time
	deadline time.Time
	counted  int
	waited   time.Duration
}

func (v *visit) pace() pace {
	p := pace{gate: v.gate, control: &v.control, start: time.Now()}
	p.expect(0, 0)
	return p
}

// expect sets the deadline for what has arrived. If none can be set, the clock
// is checked after each piece.
func (p *pace) expect(received int, waited time.Duration) {
	p.counted, p.waited = received, waited
	p.deadline = p.start.Add(waited + p.gate.patience + time.Duration(received)*time.Second/leastRate)
	p.control.SetReadDeadline(p.deadline)
}

// extend moves the deadline once a second's worth has arrived, because that
// costs something, or after a wait, and reports whether it did.
func (p *pace) extend(received int, waited time.Duration) bool {
	if received-p.counted < leastRate && waited == p.waited {
		return false
	}
	p.expect(received, waited)
	return true
}
