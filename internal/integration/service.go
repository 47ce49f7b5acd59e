package integration

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/module/storage"
)

// What a call to the service may be answered with, besides a Refusal and the
// errors of the storage.
var (
	ErrNotFound     = errors.New("no such integration")
	ErrExists       = errors.New("this webhook ID is taken")
	ErrReadOnly     = errors.New("this integration is declared in the configuration and cannot be changed here")
	ErrPrecondition = errors.New("the integration is not at the revision that the request requires")
	ErrPending      = errors.New("the integration has pending events; force=true discards them")
)

// Events is what the service needs of the events of integrations: the part of
// storage.Events of the same names.
type Events interface {
	PendingOf(identity storage.Identity) int
	Drop(ctx context.Context, identity storage.Identity, force bool) error
}

// View is what a configuration says about integrations: the rules for writes,
// and those that it declares itself.
type View struct {
	Rules    Rules
	Declared *Declared // nil without any
}

// maxTries bounds how often a change begins again because another came
// between.
const maxTries = 16

// Service reads and changes the integrations in a storage. What its methods
// return is shared and must not be changed.
type Service struct {
	integrations storage.Integrations
	events       Events
	now          func() time.Time

	mu    sync.Mutex
	hooks map[*func(string, storage.Identity)]struct{}
	// unsettled are the webhook IDs whose last write failed: what can be read of
	// them may not be on disk.
	unsettled map[string]struct{}
	// uses are the webhook IDs that are being marked as used.
	uses map[string]chan struct{}

	// turns let the changes of one webhook ID follow each other: however many
	// come at once, none of them has to begin again too often.
	turns [64]sync.Mutex
	seed  maphash.Seed
}

// NewService returns a service over what a storage keeps.
func NewService(integrations storage.Integrations, events Events) *Service {
	return &Service{
		integrations: integrations,
		events:       events,
		now:          time.Now,
		hooks:        make(map[*func(string, storage.Identity)]struct{}),
		unsettled:    make(map[string]struct{}),
		uses:         make(map[string]chan struct{}),
		seed:         maphash.MakeSeed(),
	}
}

// turn waits until nobody else changes the integration.
func (s *Service) turn(webhookID string) (end func()) {
	turn := &s.turns[maphash.String(s.seed, webhookID)%uint64(len(s.turns))]
	turn.Lock()
	return turn.Unlock
}

// OnChange calls fn after each write, before it is answered, until stop. fn
// must return quickly. It may be called for a write that failed.
func (s *Service) OnChange(fn func(webhookID string, identity storage.Identity)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks[&fn] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.hooks, &fn)
	}
}

func (s *Service) changed(webhookID string, identity storage.Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for fn := range s.hooks {
		(*fn)(webhookID, identity)
	}
}

// Lookup returns the integration that has the webhook ID, or nil when there
// is none. It does not ask whether the configuration still allows what an
// integration without credentials needs: see Rules.AllowUnauthenticated. A
// deletion that is under way is waited for, since it may be taken back.
func (s *Service) Lookup(ctx context.Context, view View, webhookID string) (*Integration, error) {
	in, record, err := s.find(ctx, view, webhookID)
	if err == nil && in == nil && len(record.Value) > 0 {
		s.turn(webhookID)()
		in, _, err = s.find(ctx, view, webhookID)
	}
	return in, err
}

// Get returns the integration of a project, or ErrNotFound.
func (s *Service) Get(ctx context.Context, view View, project, webhookID string) (*Integration, error) {
	in, _, err := s.find(ctx, view, webhookID)
	if err != nil {
		return nil, err
	}
	if in == nil || in.Project != project {
		return nil, ErrNotFound
	}
	return in, nil
}

// find returns the integration that has the webhook ID, if any, and the
// record under that ID: without a revision when it was never written.
func (s *Service) find(ctx context.Context, view View, webhookID string) (*Integration, storage.Integration, error) {
	if in := view.Declared.get(webhookID); in != nil {
		return in, storage.Integration{}, nil
	}
	record, err := s.integrations.Get(ctx, webhookID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, storage.Integration{WebhookID: webhookID}, nil
	}
	if err != nil || record.Deleted {
		return nil, record, err
	}
	in, err := Decode(record)
	return in, record, err
}

// Create makes an integration of a project from its JSON form. Without a
// webhook ID in the form it draws one.
func (s *Service) Create(ctx context.Context, view View, project string, text []byte) (*Integration, error) {
	document, err := form.Decode(text)
	if err != nil {
		return nil, err
	}
	next, err := reading{rules: view.Rules, project: project}.read(document)
	if err != nil {
		return nil, err
	}
	if next.WebhookID == "" {
		next.WebhookID = newWebhookID()
	}
	defer s.turn(next.WebhookID)()
	return s.change(ctx, func() (*Integration, storage.Integration, error) {
		current, record, err := s.find(ctx, view, next.WebhookID)
		if err == nil && (current != nil || reserved(record, project)) {
			err = ErrExists
		}
		if err != nil {
			return nil, record, err
		}
		return s.begin(ctx, next, record)
	})
}

// Put replaces an integration of a project by its JSON form, or creates it.
func (s *Service) Put(ctx context.Context, view View, project, webhookID string, text []byte, condition Precondition) (in *Integration, created bool, err error) {
	defer s.turn(webhookID)()
	in, err = s.change(ctx, func() (*Integration, storage.Integration, error) {
		current, record, err := s.find(ctx, view, webhookID)
		if err != nil {
			return nil, record, err
		}
		foreign := current != nil && current.Project != project || current == nil && reserved(record, project)
		if foreign {
			current = nil
		}
		if err := condition.check(current); err != nil {
			return nil, record, err
		}
		if foreign {
			return nil, record, ErrExists
		}
		if current != nil && current.ManagedBy == ManagedByConfig {
			return nil, record, ErrReadOnly
		}
		document, err := form.Decode(text)
		if err != nil {
			return nil, record, err
		}
		next, err := reading{rules: view.Rules, project: project, webhookID: webhookID, stored: current}.read(document)
		if err != nil {
			return nil, record, err
		}
		created = current == nil
		if created {
			return s.begin(ctx, next, record)
		}
		return next, record, s.succeed(next, current, record)
	})
	return in, created, err
}

// Patch applies a JSON merge patch (RFC 7396) to an integration of a project.
func (s *Service) Patch(ctx context.Context, view View, project, webhookID string, text []byte, condition Precondition) (*Integration, error) {
	defer s.turn(webhookID)()
	return s.change(ctx, func() (*Integration, storage.Integration, error) {
		current, record, err := s.own(ctx, view, project, webhookID, condition)
		if err != nil {
			return nil, record, err
		}
		patch, err := form.Decode(text)
		if err != nil {
			return nil, record, err
		}
		document, err := current.document()
		if err != nil {
			return nil, record, err
		}
		merged := form.MergePatch(document, patch)
		recompute(merged, patch, current.SignatureProvider())
		next, err := reading{rules: view.Rules, project: project, webhookID: webhookID, stored: current, cleared: form.Cleared(patch)}.read(merged)
		if err != nil {
			return nil, record, err
		}
		return next, record, s.succeed(next, current, record)
	})
}

// recompute takes require_sha256_signature out of a patched form when the
// patch changes the provider without naming it, so that it takes the new
// provider's default.
func recompute(merged, patch any, provider string) {
	auth := form.Member(merged, credentials)
	if _, named := form.Member(patch, credentials)["require_sha256_signature"]; named {
		return
	}
	if next, _ := form.Member(auth, "signature")["provider"].(string); next != provider {
		delete(auth, "require_sha256_signature")
	}
}

// own returns an integration of the project that can be changed.
func (s *Service) own(ctx context.Context, view View, project, webhookID string, condition Precondition) (*Integration, storage.Integration, error) {
	current, record, err := s.find(ctx, view, webhookID)
	switch {
	case err != nil:
	case current == nil || current.Project != project:
		err = ErrNotFound
	case condition.check(current) != nil:
		err = ErrPrecondition
	case current.ManagedBy == ManagedByConfig:
		err = ErrReadOnly
	}
	return current, record, err
}

// change reads, decides and writes, and begins again when somebody else wrote
// between. What is on disk already is not written again: its revision stays.
func (s *Service) change(ctx context.Context, decide func() (*Integration, storage.Integration, error)) (*Integration, error) {
	for range maxTries {
		next, record, err := decide()
		if err != nil {
			return nil, err
		}
		value, err := next.Encode()
		if err != nil {
			return nil, err
		}
		if s.settled(record) && same(value, record.Value) {
			next.Revision = record.Revision
			return next, nil
		}
		record.WebhookID, record.Project, record.Deleted, record.Value = next.WebhookID, next.Project, false, value
		next.Revision, err = s.put(ctx, record, next.Identity)
		if errors.Is(err, storage.ErrConflict) {
			continue
		}
		return next, err
	}
	return nil, storage.ErrConflict
}

// put writes a record over the revision that it holds.
func (s *Service) put(ctx context.Context, record storage.Integration, identity storage.Identity) (uint64, error) {
	revision, err := s.integrations.Put(ctx, record, record.Revision)
	s.mu.Lock()
	_, limited := errors.AsType[*storage.LimitError](err)
	switch {
	case err == nil:
		delete(s.unsettled, record.WebhookID)
	case !limited && !errors.Is(err, storage.ErrConflict):
		s.unsettled[record.WebhookID] = struct{}{}
	}
	s.mu.Unlock()
	s.changed(record.WebhookID, identity)
	return revision, err
}

// settled reports whether what was read of a record is on disk.
func (s *Service) settled(record storage.Integration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, failed := s.unsettled[record.WebhookID]
	return !failed
}

// same compares values to store, which hold secrets.
func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// begin completes a new integration, after what is left of a deleted one
// under its webhook ID has gone.
func (s *Service) begin(ctx context.Context, next *Integration, record storage.Integration) (*Integration, storage.Integration, error) {
	if len(record.Value) == len(storage.Identity{}) {
		if err := s.events.Drop(ctx, storage.Identity(record.Value), true); err != nil {
			return nil, record, err
		}
	}
	record.Unused, record.Declared = record.Unused || record.Revision == 0, false
	next.Identity = newIdentity()
	next.ManagedBy = ManagedByAPI
	next.CreatedAt = s.second()
	next.UpdatedAt = next.CreatedAt
	return next, record, nil
}

// succeed completes an integration that replaces another, whose record is given.
// One that is the same keeps its time.
func (s *Service) succeed(next, current *Integration, record storage.Integration) error {
	next.Identity = current.Identity
	next.ManagedBy = ManagedByAPI
	next.CreatedAt = current.CreatedAt
	next.UpdatedAt = current.UpdatedAt
	keepHandshake(next, current)
	value, err := next.Encode()
	if err == nil && !same(value, record.Value) {
		next.UpdatedAt = s.after(current.UpdatedAt)
	}
	return err
}

// second is the time as integrations show it.
func (s *Service) second() time.Time { return s.now().UTC().Truncate(time.Second) }

// reserved reports whether a deleted integration of another project holds the
// webhook ID.
func reserved(record storage.Integration, project string) bool {
	return record.Deleted && record.Project != project
}

func newIdentity() (identity storage.Identity) {
	rand.Read(identity[:]) // never fails, says crypto/rand
	return identity
}
