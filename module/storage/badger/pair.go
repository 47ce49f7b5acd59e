package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/fsutil"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
)

const (
	// notedFile lies among the events and names the last change of an integration.
	notedFile = "integrations"

	// acceptFile has an old copy of a part be accepted, once.
	acceptFile = "accept-older-copy"

	// noteEvery is how often integrations note how far the events are, beside each
	// start, change and end.
	noteEvery = time.Hour
)

// pair has each part of the storage know how far the other one is, so that an old copy
// of one of them that is put back beside the other is noticed: with it, a secret that was
// revoked since would verify again. Each part notes the other's place after that is
// durable, so it is never behind its own note, whenever the process or the power ends.
type pair struct {
	log    *zap.Logger
	noted  *fsutil.Mark
	events atomic.Pointer[eventlog.Log]
}

// newPair opens what is noted among the events.
func newPair(dir string, logger *zap.Logger) (*pair, error) {
	noted, err := fsutil.OpenMark(filepath.Join(dir, eventsDir, notedFile))
	if err == nil {
		err = fsutil.SyncDir(filepath.Join(dir, eventsDir))
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("opening what the events know of the integrations: %w", err))
	}
	return &pair{log: logger, noted: noted}, nil
}

// Age implements store.Beside.
func (p *pair) Age() int64 {
	if events := p.events.Load(); events != nil {
		return events.Age()
	}
	return 0
}

// Place implements store.Beside.
func (p *pair) Place() store.Place {
	if events := p.events.Load(); events != nil {
		return store.Place(events.Place())
	}
	return store.Place{}
}

// Noted implements store.Beside. A note that cannot be written is made up for by the
// next one.
func (p *pair) Noted(revision uint64) {
	if err := p.noted.Write(revision); err != nil {
		p.log.Warn("the events cannot note how far the integrations are", zap.Error(err))
	}
}

// OlderCopyError is that one part of the storage is an old copy.
type OlderCopyError struct {
	part, dir, other, accept string
}

func (e *OlderCopyError) Error() string {
	return fmt.Sprintf("the %s in %s are an older copy than the %s beside them know of: secrets that were revoked since would be valid again, or events be "+
		"missing or run twice. Put the newest copy back, or restore a backup in place of both (hookgate webhooks restore). "+
		"To go on with the older copy make the empty file %s and start again", e.part, e.dir, e.other, e.accept)
}

// check is an error when a part is an old copy, unless that is accepted. It changes
// nothing, and returns how far the events must be at least.
func (p *pair) check(dir string, key seal.Key, integrations *store.Store) (place store.Place, err error) {
	revision, err := integrations.Last()
	if err != nil {
		return place, err
	}
	if place, err = integrations.Place(); err != nil {
		return place, err
	}
	events, err := eventlog.Find(filepath.Join(dir, eventsDir), key, eventlog.Place(place))
	if err != nil {
		return place, err
	}
	if events != eventlog.Fits {
		place = store.Place{}
	}
	accept := filepath.Join(dir, acceptFile)
	var found *OlderCopyError
	switch noted := p.noted.Read(); {
	case revision > 0 && revision < noted: // of none at all, nothing verifies
		found = &OlderCopyError{integrationsDir, filepath.Join(dir, integrationsDir), eventsDir, accept}
	case events == eventlog.Older:
		found = &OlderCopyError{eventsDir, filepath.Join(dir, eventsDir), integrationsDir, accept}
	default:
		return place, nil
	}
	if _, err := os.Stat(accept); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return place, errors.Join(found, err)
	}
	p.log.Warn("an older copy of a part of the storage is used, as is asked for by "+accept, zap.String("part", found.part))
	return place, nil
}

// join notes in both parts where they are, now that both are open.
func (p *pair) join(dir string, events *eventlog.Log, integrations *store.Store) error {
	p.events.Store(events)
	revision, err := integrations.Last()
	if err != nil {
		return err
	}
	p.Noted(revision)
	p.note(integrations)
	if err := os.Remove(filepath.Join(dir, acceptFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// note has the integrations note how far the events are. A full or failing disk puts
// that off.
func (p *pair) note(integrations *store.Store) {
	if err := integrations.NoteEvents(); err != nil {
		p.log.Warn("the integrations cannot note how far the events are", zap.Error(err))
	}
}

// Interface guards
var _ store.Beside = (*pair)(nil)
