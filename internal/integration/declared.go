package integration

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/module/storage"
)

// Declaring is how a configuration declares integrations.
type Declaring struct {
	Rules Rules

	// Expand returns what a secret's text in the configuration stands for. field
	// is its path in the form. Without it a secret is what is written.
	Expand func(webhookID, field, text string) (string, error)

	// Place says where a field of an integration, or the integration itself with
	// the field "", is written for people to find, such as Caddyfile:12; "" where
	// that is not known.
	Place func(webhookID, field string) string
}

// maxDeclaredFaults bounds how many integrations one error covers.
const maxDeclaredFaults = 20

// Parse reads the integrations that a configuration declares, by the rules and
// in the JSON form of the admin API. They have no identity yet. The error tells
// all that is wrong with them.
func (d Declaring) Parse(forms []json.RawMessage) ([]*Integration, error) {
	declared := make([]*Integration, 0, len(forms))
	seen := make(map[string]bool)
	var wrong []string
	for i, text := range forms {
		in, webhookID, err := d.parse(text)
		if err == nil && seen[webhookID] {
			err = &form.Refusal{Faults: []form.Fault{{Field: "webhook_id", Code: form.Conflict, Message: "two integrations have this ID"}}}
		}
		if err != nil {
			wrong = append(wrong, d.tell(i, webhookID, err))
			continue
		}
		seen[webhookID] = true
		declared = append(declared, in)
	}
	switch n := len(wrong) - maxDeclaredFaults; {
	case len(wrong) == 0:
		return declared, nil
	case n > 0:
		wrong = append(wrong[:maxDeclaredFaults], fmt.Sprintf("and %d integrations more", n))
	}
	return nil, errors.New(strings.Join(wrong, "; "))
}

func (d Declaring) parse(text []byte) (in *Integration, webhookID string, err error) {
	document, err := form.Decode(text)
	if err != nil {
		return nil, "", err
	}
	object, _ := document.(map[string]any)
	webhookID, _ = object["webhook_id"].(string)
	p := reading{rules: d.Rules, declared: true}
	if d.Expand != nil {
		p.expand = func(field, text string) (string, error) { return d.Expand(webhookID, field, text) }
	}
	if in, err = p.read(document); err != nil {
		return nil, webhookID, err
	}
	in.ManagedBy = ManagedByConfig
	return in, webhookID, nil
}

// tell is what is wrong with the declaration of that number.
func (d Declaring) tell(number int, webhookID string, err error) string {
	name := form.Item("integrations", number)
	switch {
	case ValidWebhookID(webhookID):
		name = "integration " + webhookID
	case webhookID != "":
		name = fmt.Sprintf("integration %.64q", webhookID)
	}
	place := func(field string) string {
		if d.Place == nil {
			return ""
		}
		at := d.Place(webhookID, field)
		if at == "" {
			return ""
		}
		return " (" + at + ")"
	}
	var refusal *form.Refusal
	if !errors.As(err, &refusal) {
		return name + place("") + ": " + err.Error()
	}
	texts := each(refusal.Faults, func(fault form.Fault) string { return fault.String() + place(fault.Field) })
	return name + place("") + ": " + strings.Join(texts, "; ")
}

// Declared is the integrations that a configuration declares, complete.
type Declared struct {
	// Shadowed are the webhook IDs that the storage has an integration of,
	// too. The declaration wins.
	Shadowed []string

	byID   map[string]*Integration
	sorted []*Integration // by project and webhook ID
}

// All returns the declared integrations.
func (d *Declared) All() []*Integration {
	if d == nil {
		return nil
	}
	return d.sorted
}

func (d *Declared) get(webhookID string) *Integration {
	if d == nil {
		return nil
	}
	return d.byID[webhookID]
}

// Declare completes what a configuration declares. Identity and times are kept
// in the storage, so that they outlive restarts and reloads; nothing is
// written there for a declaration that it knows already.
func (s *Service) Declare(ctx context.Context, integrations []*Integration) (*Declared, error) {
	d := &Declared{byID: make(map[string]*Integration)}
	for _, in := range integrations {
		complete, err := s.declare(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("declaring the integration %s: %w", in.WebhookID, err)
		}
		d.byID[in.WebhookID] = complete
		d.sorted = append(d.sorted, complete)
		shadowed, err := s.reserve(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("declaring the integration %s: %w", in.WebhookID, err)
		}
		if shadowed {
			d.Shadowed = append(d.Shadowed, in.WebhookID)
		}
	}
	slices.SortFunc(d.sorted, byPlace)
	return d, nil
}

// reserve keeps the webhook ID for the declaration's project, as a deletion
// over the admin API does, so that no other project can take the URL over once
// it is not declared any more. It reports whether the storage has an integration
// of the ID.
func (s *Service) reserve(ctx context.Context, in *Integration) (shadowed bool, err error) {
	defer s.turn(in.WebhookID)()
	for range maxTries {
		record, err := s.integrations.Get(ctx, in.WebhookID)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			record = storage.Integration{WebhookID: in.WebhookID, Deleted: true}
		case err != nil:
			return false, err
		case !record.Deleted:
			return true, nil
		case record.Project == in.Project && record.Declared, len(record.Value) > 0: // a deletion that was cut short is its project's to end
			return false, nil
		}
		record.Project, record.Declared = in.Project, true
		_, err = s.integrations.Put(ctx, record, record.Revision)
		if !errors.Is(err, storage.ErrConflict) {
			return false, err
		}
	}
	return false, storage.ErrConflict
}

// declaration is what the storage keeps of a declared integration: no secret,
// only a keyed digest that tells whether it has changed. Its record is under
// an ID that no webhook can have, and marked as deleted, so that no listing
// shows it.
type declaration struct {
	Identity  storage.Identity `json:"identity"`
	Seed      []byte           `json:"seed"` // key of the digest, salt of the secrets
	Digest    []byte           `json:"digest"`
	CreatedAt time.Time        `json:"created_at"`
	UpdatedAt time.Time        `json:"updated_at"`
}

func (s *Service) declare(ctx context.Context, in *Integration) (*Integration, error) {
	for range maxTries {
		record, err := s.integrations.Get(ctx, "declared/"+in.Project+"/"+in.WebhookID)
		if errors.Is(err, storage.ErrNotFound) {
			record = storage.Integration{WebhookID: "declared/" + in.Project + "/" + in.WebhookID, Project: in.Project, Deleted: true, Declared: true}
		} else if err != nil {
			return nil, err
		}
		known, changed, err := s.remember(record, in)
		if err != nil {
			return nil, err
		}
		if changed || !record.Declared {
			record.Declared = true
			if record.Value, err = json.Marshal(known); err != nil {
				return nil, err
			}
			record.Revision, err = s.integrations.Put(ctx, record, record.Revision)
			if errors.Is(err, storage.ErrConflict) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		complete := salted(in, known.Seed)
		complete.Identity, complete.Revision = known.Identity, record.Revision
		complete.CreatedAt, complete.UpdatedAt = known.CreatedAt, known.UpdatedAt
		return complete, nil
	}
	return nil, storage.ErrConflict
}

// remember returns what to keep of the declaration, and whether that differs
// from the record.
func (s *Service) remember(record storage.Integration, in *Integration) (known declaration, changed bool, err error) {
	if record.Revision == 0 {
		known = declaration{Identity: newIdentity(), Seed: make([]byte, credential.SaltSize), CreatedAt: s.second()}
		rand.Read(known.Seed) // never fails, says crypto/rand
	} else if err := json.Unmarshal(record.Value, &known); err != nil {
		return known, false, storage.ErrCorrupt
	}
	text, err := salted(in, known.Seed).Encode()
	if err != nil {
		return known, false, err
	}
	mac := hmac.New(sha256.New, known.Seed)
	mac.Write(text)
	digest := mac.Sum(nil)
	if hmac.Equal(digest, known.Digest) {
		return known, false, nil
	}
	known.Digest, known.UpdatedAt = digest, s.second()
	return known, true, nil
}

// salted returns a copy of a declared integration whose secrets have one salt,
// so that their masks stay the same over restarts.
func salted(in *Integration, salt []byte) *Integration {
	complete := *in
	complete.Authentication.Credentials = in.Authentication.Credentials.MapSecrets(func(secret credential.Secret) credential.Secret {
		return secret.Salted(string(salt))
	})
	return &complete
}

func byPlace(a, b *Integration) int {
	return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.WebhookID, b.WebhookID))
}
