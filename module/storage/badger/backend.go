package badger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// backend is the open storage.
type backend struct {
	integrations *store.Store
	events       *eventlog.Log
	pair         *pair
	key          seal.Key
	logger       *zap.Logger
	noting       storage.Integrations // integrations, of which events know what was written
	checking     storage.Events       // events, which check that
	backup       sync.Mutex           // held by the backup under way

	// While integrations may be sealed with a replaced key, a goroutine
	// reseals them.
	replaced atomic.Bool

	stop   context.CancelFunc // ends what runs behind
	behind sync.WaitGroup

	closing sync.Once
}

// openBackend opens the parts in a directory. A key that has replaced others is
// the only one that is needed to open the event log's index from then on.
func openBackend(ctx context.Context, dir string, key seal.Key, logger *zap.Logger) (*backend, error) {
	joined, err := newPair(dir, logger)
	if err != nil {
		return nil, err
	}
	integrations, err := store.Open(store.Options{Dir: filepath.Join(dir, integrationsDir), Key: key, Logger: logger, Beside: joined})
	if err != nil {
		return nil, errors.Join(err, joined.noted.Close())
	}
	events, err := openEvents(dir, key, logger, joined, integrations)
	if err != nil {
		return nil, errors.Join(err, integrations.Close(), joined.noted.Close())
	}
	b := &backend{integrations: integrations, events: events, pair: joined, key: key, logger: logger}
	revisions := newRevisions()
	b.noting = notingIntegrations{integrations, revisions}
	b.checking = checkingEvents{events, revisions}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	b.behind.Go(func() { b.noteEvents(ctx) })
	return b, nil
}

// openEvents opens the event log beside the integrations. Their lock keeps other
// processes away.
func openEvents(dir string, key seal.Key, logger *zap.Logger, joined *pair, integrations *store.Store) (*eventlog.Log, error) {
	place, err := joined.check(dir, key, integrations)
	if err != nil {
		return nil, err
	}
	if err := eventlog.Rekey(filepath.Join(dir, eventsDir), key); err != nil {
		return nil, err
	}
	minFree, err := roomOfOthers(dir)
	if err != nil {
		return nil, err
	}
	events, err := eventlog.Open(eventlog.Options{
		Dir: filepath.Join(dir, eventsDir), Key: key, Logger: logger, MinFree: minFree, AtLeast: place.Record,
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(joined.join(dir, events, integrations), fsutil.SyncDir(dir)); err != nil {
		return nil, errors.Join(err, events.Close())
	}
	return events, nil
}

// noteEvents has the integrations note how far the events are, every hour.
func (b *backend) noteEvents(ctx context.Context) {
	ticker := time.NewTicker(noteEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.pair.note(b.integrations)
		}
	}
}

// roomOfOthers is how much of a disk events leave free: what it takes to open
// all of the storage again, with some to spare for integrations to be written.
// On a tiny disk it is half of that disk.
func roomOfOthers(dir string) (int64, error) {
	size, err := fsutil.Size(dir)
	if err != nil {
		return 0, fmt.Errorf("%w: asking for the size of the disk: %w", storage.ErrUnavailable, err)
	}
	return min(size/2, 64<<20), nil
}

// resealPause is how long a failure to reseal integrations stands before it
// is tried again.
const resealPause = 10 * time.Second

// reseal seals all integrations with the present key, beside their use, and
// calls done when no other is needed for them.
func (b *backend) reseal(ctx context.Context, done func() error) {
	b.replaced.Store(true)
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopOthers := b.stop
	b.stop = func() {
		stopOthers()
		stop()
	}
	b.behind.Go(func() {
		for ctx.Err() == nil {
			err := b.integrations.Reseal(ctx)
			if err == nil {
				err = done()
			}
			if err == nil {
				b.replaced.Store(false)
				b.logger.Info("all integrations are sealed with the current key")
				return
			}
			if ctx.Err() == nil {
				b.logger.Warn("sealing integrations with the present key; the replaced one is still needed", zap.Error(err))
			}
			select {
			case <-ctx.Done():
			case <-time.After(resealPause):
			}
		}
	})
}

// Integrations implements storage.Backend.
func (b *backend) Integrations() storage.Integrations { return b.noting }

// Events implements storage.Backend.
func (b *backend) Events() storage.Events { return b.checking }

// Keys implements storage.Keyed.
func (b *backend) Keys() ([]storage.Key, error) {
	present := b.key.ID()
	var keys []storage.Key
	sealed := b.events.Sealed()
	for key := range b.key.All() {
		id := key.ID()
		bytes, ofEvents := sealed[id]
		needed := id == present || ofEvents || b.replaced.Load()
		keys = append(keys, storage.Key{ID: hex.EncodeToString(id[:]), Needed: needed, Bytes: bytes})
	}
	return keys, nil
}

// Health implements storage.Backend.
func (b *backend) Health() storage.Health {
	health, integrations := b.events.Health(), b.integrations.Health()
	// That integrations cannot be written is told before a full disk, which is
	// seen elsewhere, too.
	if health.State == "ok" || health.State == "full" && integrations.State == "failed" {
		health.State = integrations.State
	}
	if integrations.FailedAt.After(health.FailedAt) {
		health.FailedAt = integrations.FailedAt
	}
	return health
}

// Disk implements storage.DiskMeter.
func (b *backend) Disk() storage.Disk {
	disk := b.events.Disk()
	disk.SizeBytes += b.integrations.Disk().SizeBytes
	return disk
}

// ClockJump implements storage.ClockWatcher.
func (b *backend) ClockJump() time.Duration { return b.events.ClockJump() }

// Close implements storage.Backend.
func (b *backend) Close() (err error) {
	b.closing.Do(func() {
		b.stop()
		b.behind.Wait()
		err = b.events.Close()
		b.pair.note(b.integrations)
		err = errors.Join(err, b.integrations.Close(), b.pair.noted.Close())
	})
	return err
}

// Interface guards
var (
	_ storage.Backend      = (*backend)(nil)
	_ storage.Backuper     = (*backend)(nil)
	_ storage.Keyed        = (*backend)(nil)
	_ storage.DiskMeter    = (*backend)(nil)
	_ storage.ClockWatcher = (*backend)(nil)

	_ storage.Limiter            = checkingEvents{}
	_ storage.Meter              = checkingEvents{}
	_ storage.IntegrationLimiter = notingIntegrations{}
	_ storage.IntegrationMeter   = notingIntegrations{}
)
