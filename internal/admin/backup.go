package admin

import (
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/adminapi"
	"github.com/hookgate/hookgate/module/storage"
)

// The caller must read leastOfBackup bytes of a backup in each backupStall
// spent waiting for it, 64 KiB a second: while a backup is written, segments of
// events cannot be removed.
const (
	backupStall   = time.Minute
	leastOfBackup = 60 * 64 << 10
)

// backup streams a backup of the storage. Whatever can be refused is refused
// before the first byte; after that an error cuts the connection, so that
// nobody takes a part for the whole.
func (c *call) backup() error {
	from, ok := c.Storage.(storage.Backuper)
	if !ok {
		return &refusal{http.StatusNotImplemented, "this storage does not support backups"}
	}
	header := c.w.Header()
	c.out.within, c.out.least = backupStall, leastOfBackup
	c.out.begin = func() {
		header.Set("Content-Type", "application/x-tar")
		header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="hookgate-%s.tar"`, time.Now().UTC().Format("20060102-150405")))
		header.Set("Cache-Control", "no-store")
	}
	err := from.Backup(c.r.Context(), &c.out)
	if err == nil || !c.out.begun {
		c.out.begin = nil
		return err
	}
	c.Logger.Error("writing a backup", zap.Error(err))
	panic(http.ErrAbortHandler)
}

// keys lists the keys of a storage that encrypts.
func (c *call) keys() []adminapi.Key {
	keyed, ok := c.Storage.(storage.Keyed)
	if !ok {
		return nil
	}
	keys, err := keyed.Keys()
	if err != nil {
		c.Logger.Warn("looking for the keys in use", zap.Error(err))
		return nil
	}
	var list []adminapi.Key
	for i, key := range keys {
		state := "unused"
		switch {
		case i == 0:
			state = "present"
		case key.Needed:
			state = "needed"
		}
		list = append(list, adminapi.Key{ID: key.ID, State: state, Bytes: key.Bytes})
	}
	return list
}
