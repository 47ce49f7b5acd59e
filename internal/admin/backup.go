package admin

import (
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/storage"
)

// The caller must take leastTaken bytes of a backup in each stallTime that is
// spent waiting for it: 64 KiB a second.
const (
	stallTime  = time.Minute
	leastTaken = 60 * 64 << 10
)

// backup streams a backup of the storage. What can be refused is refused before
// its first byte; after that an error cuts the connection, so that nobody takes
// a part for the whole.
func (c *call) backup() error {
	from, ok := c.Storage.(storage.Backuper)
	if !ok {
		return &refusal{http.StatusNotImplemented, "this storage has no backup"}
	}
	out := &backupStream{call: c}
	err := from.Backup(c.r.Context(), out)
	if err == nil || !out.begun {
		return err
	}
	c.Logger.Error("writing a backup", zap.Error(err))
	panic(http.ErrAbortHandler)
}

// backupStream is the body of an answer that may take as long as it is taken.
// While it is written, segments of events cannot go.
type backupStream struct {
	*call
	begun bool
	left  time.Duration // to take the rest of leastTaken
	taken int           // since left was stallTime
}

// Write implements io.Writer.
func (s *backupStream) Write(text []byte) (int, error) {
	if !s.begun || s.taken >= leastTaken {
		s.left, s.taken = stallTime, 0
	}
	began := time.Now()
	// Where the deadline cannot be moved it stays as it is.
	_ = http.NewResponseController(s.w).SetWriteDeadline(began.Add(s.left))
	if !s.begun {
		s.begun = true
		header := s.w.Header()
		header.Set("Content-Type", "application/x-tar")
		header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="hookgate-%s.tar"`, time.Now().UTC().Format("20060102-150405")))
		header.Set("Cache-Control", "no-store")
	}
	n, err := s.w.Write(text)
	s.left -= time.Since(began)
	s.taken += n
	return n, err
}

// keyStatus is a key of the storage.
type keyStatus struct {
	ID string `json:"id"`
	// State is "present" (it seals), "needed" (something is kept that it has
	// sealed) or "unused" (it may be removed).
	State string `json:"state"`
	// Bytes are those of the events that it has sealed.
	Bytes int64 `json:"bytes"`
}

// keys lists the keys of a storage that has some.
func (c *call) keys() []keyStatus {
	keyed, ok := c.Storage.(storage.Keyed)
	if !ok {
		return nil
	}
	keys, err := keyed.Keys()
	if err != nil {
		c.Logger.Warn("looking for the keys in use", zap.Error(err))
		return nil
	}
	var list []keyStatus
	for i, key := range keys {
		state := "unused"
		switch {
		case i == 0:
			state = "present"
		case key.Needed:
			state = "needed"
		}
		list = append(list, keyStatus{key.ID, state, key.Bytes})
	}
	return list
}
