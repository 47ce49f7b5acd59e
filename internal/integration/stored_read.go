package integration

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

// Decode undoes Encode for a record of a storage.
func Decode(record storage.Integration) (*Integration, error) {
	in := &Integration{
		WebhookID: record.WebhookID,
		Project:   record.Project,
		ManagedBy: ManagedByAPI,
		Revision:  record.Revision,
		Unused:    record.Unused,
	}
	if err := in.decode(record.Value); err != nil {
		return nil, fmt.Errorf("reading the integration %s: %w", record.WebhookID, err)
	}
	return in, nil
}

func (in *Integration) decode(value []byte) error {
	flags, rest, err := in.decodeHead(value)
	if err != nil {
		return err
	}
	// All texts are parts of one string, so that they cost one allocation.
	r := wire.NewStringDecoder(rest)
	in.CreatedAt, in.UpdatedAt = r.Seconds(), r.Seconds()
	in.Alias = r.String()
	auth := &in.Authentication
	auth.Match, in.Dedupe, in.Match = Match(r.String()), Dedupe(r.String()), r.String()
	in.IsEnabled = flags&flagEnabled != 0
	auth.RequireSHA256Signature = flags&flagSHA256 != 0
	auth.AllowUnauthenticated = flags&flagUnauthenticated != 0
	auth.Credentials = credential.ReadStored(r, flags)
	in.EventFilter = r.List()
	in.Payload = readSpec(r)
	if flags&flagResource != 0 {
		in.Resources = []Resource{readResource(r)}
	}
	if flags&flagFurther != 0 {
		further := wire.TakeList(r, readResource)
		if len(in.Resources) == 0 || len(further) == 0 {
			return storage.ErrCorrupt
		}
		in.Resources = append(in.Resources, further...)
	}
	if flags&flagHandshake != 0 {
		in.Handshake = readHandshake(r)
	}
	if r.Err() != nil {
		return storage.ErrCorrupt
	}
	return nil
}

// decodeHead reads what comes before the texts.
func (in *Integration) decodeHead(value []byte) (flags uint16, rest []byte, err error) {
	if len(value) > 0 && value[0] != storedVersion && value[0] != wideVersion {
		return 0, nil, fmt.Errorf("it is stored in version %d of the format, and this program reads versions up to %d: %w",
			value[0], wideVersion, storage.ErrCorrupt)
	}
	head := 1 + len(in.Identity)
	if len(value) < head+1 || value[0] == wideVersion && len(value) < head+2 {
		return 0, nil, storage.ErrCorrupt
	}
	in.Identity = storage.Identity(value[1:])
	flags = uint16(value[head])
	head++
	if value[0] == wideVersion {
		flags |= uint16(value[head]) << 8
		head++
	}
	if flags&^(ownFlags|credential.Flags()) != 0 {
		return 0, nil, storage.ErrCorrupt
	}
	return flags, value[head:], nil
}

func readResource(r *wire.StringDecoder) Resource { return Resource{Type: r.String(), ID: r.String()} }

// readSpec undoes specTexts.
func readSpec(r *wire.StringDecoder) *payload.Spec {
	texts := r.List()
	if texts == nil {
		return nil
	}
	if len(texts)%2 != 0 {
		r.Fail()
		return nil
	}
	maxBytes, err := strconv.Atoi(texts[1])
	spec := &payload.Spec{Template: texts[0], MaxBytes: maxBytes}
	if len(texts) > 2 {
		spec.Fields = make(map[string]string)
	}
	for field := range slices.Chunk(texts[2:], 2) {
		spec.Fields[field[0]] = field[1]
	}
	if err != nil || !slices.Equal(texts, specTexts(spec)) {
		r.Fail()
	}
	return spec
}
