package eventlog

import (
	"cmp"
	"slices"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// forgetAfter is how long an integration is known to be dropped once nothing of it is
// left, in milliseconds: longer than any request or attempt that looked it up can last.
// Identities are random, so none is met again after that.
const forgetAfter = 15 * 60 * 1000

// gone is an integration of which nothing is left but that it was dropped.
type gone struct {
	identity storage.Identity
	at       int64 // by the log's clock
}

func (g gone) append(buf []byte) []byte { return wire.AppendInt(append(buf, goneVersion), g.at) }

// goneVersion is the first byte of the value; the first version wrote nothing after it.
const goneVersion = 1

// load takes what the index says of a dropped integration.
func (x *flusher) load(identity storage.Identity, value []byte) error {
	x.log.dropped[identity] = struct{}{}
	if len(value) == 0 {
		x.purges = append(x.purges, identity)
		return nil
	}
	g := gone{identity: identity}
	if d := (wire.Decoder{Raw: value}); len(value) > 1 {
		if d.Byte() != goneVersion {
			return wire.ErrMalformed
		}
		if g.at = d.Int(); d.Err() != nil {
			return d.Err()
		}
	}
	x.gone = append(x.gone, g)
	return nil
}

// sortForgets puts what was loaded in its order.
func (x *flusher) sortForgets() {
	slices.SortFunc(x.gone, func(a, b gone) int { return cmp.Compare(a.at, b.at) })
}

// forget forgets integrations that were dropped some time ago, so that making
// and deleting them without end leaves nothing.
func (x *flusher) forget() {
	before := x.log.clock.now() - forgetAfter
	n := 0
	for n < len(x.gone) && x.gone[n].at <= before {
		n++
	}
	if n == 0 {
		return
	}
	w := indexWriter{log: x.log}
	for _, g := range x.gone[:n] {
		w.delete(identityKey(droppedKey, g.identity))
	}
	w.commit()
	if w.err != nil {
		return // the next turn does
	}
	x.log.mu.Lock()
	for _, g := range x.gone[:n] {
		delete(x.log.dropped, g.identity)
	}
	x.log.mu.Unlock()
	x.gone = slices.Delete(x.gone, 0, n)
}

// purge deletes what the index has of dropped integrations.
func (x *flusher) purge() {
	for len(x.purges) > 0 {
		identity := x.purges[0]
		if err := x.purgeOne(identity); err != nil {
			x.log.Logger.Warn("deleted events cannot be removed from the index yet", zap.Error(err))
			return // the next turn goes on
		}
		x.purges = x.purges[1:]
		select {
		case <-x.quit:
			return // so does the next start
		default:
		}
	}
}

func (x *flusher) purgeOne(identity storage.Identity) error {
	w := indexWriter{log: x.log}
	view := x.log.index.View()
	defer view.Close()
	for _, prefix := range []byte{eventKey, entryKey, pendingKey, failedKey, claimKey} {
		err := view.Keys(identityKey(prefix, identity), func(key []byte) (bool, error) {
			w.delete(append([]byte(nil), key...))
			return w.err == nil, nil
		})
		if w.err == nil {
			w.err = err
		}
	}
	w.commit()
	g := gone{identity: identity, at: x.log.clock.now()}
	w.set(identityKey(droppedKey, identity), g.append(nil), true)
	w.commit()
	if w.err == nil {
		x.gone = append(x.gone, g)
	}
	return w.err
}
