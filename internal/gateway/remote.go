package gateway

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/internal/admin"
	"github.com/hookgate/hookgate/internal/jwt"
	"github.com/hookgate/hookgate/internal/remotekey"
	"github.com/hookgate/hookgate/internal/sender"
)

// openRemote prepares the fetching of keys and certificates.
func (e *engine) openRemote(shelf remotekey.Shelf) {
	client := remotekey.NewClient(nil)
	e.keySets = jwt.NewKeySets(client, e.fetched)
	e.remote = &sender.Remote{
		Google:       e.keySets.Issuer(jwt.Google),
		Certificates: remotekey.NewCertificates(client, e.fetched),
		Client:       client,
	}
	e.remote.Certificates.Use(shelf)
	ctx, cancel := context.WithTimeout(context.Background(), shelfPatience)
	defer cancel()
	if err := e.remote.Certificates.Load(ctx, shelf); err != nil {
		e.logger.Warn("the saved certificates of senders cannot be loaded and will be fetched again", zap.Error(err))
	}
}

func (e *engine) closeRemote() {
	e.keySets.Close()
	e.remote.Certificates.Close()
}

// sources records the fetches of keys by the names of their sources: issuers and
// senders. The zero value is empty.
type sources struct {
	mu     sync.Mutex
	byName map[string]admin.Source
}

const maxSources = 4 * MaxIssuers

func (s *sources) note(name, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil || len(s.byName) >= maxSources { // after many reloads with other names
		s.byName = make(map[string]admin.Source)
	}
	source := s.byName[name]
	source.Name, source.Error = name, code
	if code == "" {
		source.FetchedAt = time.Now()
	} else {
		source.FailedAt = time.Now()
	}
	s.byName[name] = source
}

func (s *sources) list() []admin.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.byName), func(a, b admin.Source) int { return strings.Compare(a.Name, b.Name) })
}

// fetched reports a fetch of keys in metrics, log and status. It names the source and
// never its address, which may be confidential.
func (e *engine) fetched(name, code string) {
	e.sources.note(name, code)
	e.fetch(name, code)
	if code == "" {
		return
	}
	e.logger.Warn("the keys of a sender cannot be fetched", zap.String("source", name), zap.String("error", code))
}
