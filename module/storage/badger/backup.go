package badger

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hookgate/hookgate/internal/backup"
	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/module/storage"
)

// Backup implements storage.Backuper. Events come first: so there is no event
// in it whose integration is not, unless that was deleted meanwhile.
func (b *backend) Backup(ctx context.Context, w io.Writer) error {
	if !b.backup.TryLock() {
		return fmt.Errorf("writing a backup: %w: another one is being written", storage.ErrBusy)
	}
	defer b.backup.Unlock()
	sealed, err := eventlog.KeyIDs(b.events.Dir)
	if err != nil {
		return err
	}
	for id := range sealed {
		if _, ok := b.key.Find(id); !ok {
			delete(sealed, id) // of what cannot be read here either
		}
	}
	ids := slices.Collect(maps.Keys(sealed))
	out, err := backup.NewWriter(w, b.key, ids...)
	if err != nil {
		return err
	}
	if err := b.events.Segments(ctx, out.Segment); err != nil {
		return err
	}
	for page, err := range b.integrations.Export(ctx) {
		if err != nil {
			return err
		}
		text, err := json.Marshal(page)
		if err != nil {
			return fmt.Errorf("writing integrations to a backup: %w", err)
		}
		if err := out.Page(text); err != nil {
			return err
		}
	}
	return out.Close()
}
