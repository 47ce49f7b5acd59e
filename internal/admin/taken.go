package admin

import (
	"net/http"
	"time"
)

// The caller must read leastTaken bytes of an answer in each stallTime spent
// waiting for it, 16 KiB a second. The endpoint itself would wait for ever.
const (
	stallTime  = 30 * time.Second
	leastTaken = 30 * 16 << 10
)

// takenChunk is how many bytes of an answer are written at once.
const takenChunk = 32 << 10

// taken is the body of an answer that may take as long as the caller keeps
// reading.
type taken struct {
	w      http.ResponseWriter
	within time.Duration
	least  int
	// begin is called before the first byte, if it is not nil.
	begin func()

	begun bool
	left  time.Duration // to read the rest of least
	count int           // bytes that were read since left was full
}

// Write implements io.Writer. If the caller has stopped reading, the error is
// os.ErrDeadlineExceeded.
func (k *taken) Write(text []byte) (written int, err error) {
	if !k.begun {
		k.begun, k.left = true, k.within
		if k.begin != nil {
			k.begin()
		}
	}
	for written < len(text) && err == nil {
		var n int
		n, err = k.write(text[written:min(len(text), written+takenChunk)])
		written += n
	}
	return written, err
}

func (k *taken) write(text []byte) (int, error) {
	if k.count >= k.least {
		k.left, k.count = k.within, 0
	}
	began := time.Now()
	// If the deadline cannot be changed, it stays as it is.
	_ = http.NewResponseController(k.w).SetWriteDeadline(began.Add(k.left))
	n, err := k.w.Write(text)
	k.left -= time.Since(began)
	k.count += n
	return n, err
}
