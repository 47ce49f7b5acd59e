package integration

import (
	"encoding/binary"
	"maps"
	"slices"
	"strconv"

	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/internal/wire"
)

// The value of a stored integration is compact, since it is read for each
// request that asks for one of very many. Its secrets are in the clear: the
// storage encrypts the value. It is
//
//	version, identity, flags       as bytes, 1 and 16 and 1, in version 2 as
//	                               1 and 16 and 2, the low byte first
//	created, updated               varints, seconds since 1970
//	alias, match, dedupe           texts; match is that of the credentials
//	expression                     text
//	credentials                    each as the file of its kind writes it
//	event filter                   list of texts
//	payload                        list of texts: none, or a template, a number
//	                               of bytes, and name and path of each field
//	resource                       type, ID
//	further resources              list of type and ID
//	handshake                      varint and text, when it was opened and with
//	                               which key; secret, varint and text, what came
//	                               when and from where; varint and text of what
//	                               was refused
//
// where a text follows its length and a list its count, both as uvarints, and
// a secret is two texts, value and salt. The flags tell which credentials and
// whether a resource is there; the others take no room. Version 2 is written
// only where the flags of version 1 cannot say all.
const (
	storedVersion = 1
	wideVersion   = 2
)

// The flags of a stored integration. The other ones tell of its credentials, each
// in the file of its kind. Those from 1<<8 on need version 2.
const (
	flagEnabled         = 1 << 0
	flagSHA256          = 1 << 1
	flagUnauthenticated = 1 << 2
	flagResource        = 1 << 7
	flagFurther         = 1 << 9
	flagHandshake       = 1 << 10

	ownFlags = flagEnabled | flagSHA256 | flagUnauthenticated | flagResource | flagFurther | flagHandshake
)

// Encode returns the value to store. It holds the secrets: it is for the
// storage alone, which encrypts it. Times are kept to the second.
func (in *Integration) Encode() ([]byte, error) {
	auth := &in.Authentication
	var raw []byte
	if flags := in.flags(); flags>>8 == 0 {
		raw = append([]byte{storedVersion}, in.Identity[:]...)
		raw = append(raw, byte(flags))
	} else {
		raw = append([]byte{wideVersion}, in.Identity[:]...)
		raw = binary.LittleEndian.AppendUint16(raw, flags)
	}
	raw = wire.AppendSeconds(wire.AppendSeconds(raw, in.CreatedAt), in.UpdatedAt)
	raw = wire.AppendStrings(raw, in.Alias, string(auth.Match), string(in.Dedupe), in.Match)
	raw, err := auth.Credentials.AppendTo(raw)
	if err != nil {
		return nil, err
	}
	raw = wire.AppendList(raw, in.EventFilter)
	raw = wire.AppendList(raw, specTexts(in.Payload))
	for i, resource := range in.Resources {
		if i == 1 {
			raw = wire.AppendUint(raw, uint64(len(in.Resources)-1))
		}
		raw = wire.AppendStrings(raw, resource.Type, resource.ID)
	}
	if in.Handshake != nil {
		raw = appendHandshake(raw, in.Handshake)
	}
	return raw, nil
}

func (in *Integration) flags() uint16 {
	flags := in.Authentication.Credentials.Flags()
	for _, flag := range []struct {
		bit uint16
		set bool
	}{
		{flagEnabled, in.IsEnabled},
		{flagSHA256, in.Authentication.RequireSHA256Signature},
		{flagUnauthenticated, in.Authentication.AllowUnauthenticated},
		{flagResource, len(in.Resources) > 0},
		{flagFurther, len(in.Resources) > 1},
		{flagHandshake, in.Handshake != nil},
	} {
		if flag.set {
			flags |= flag.bit
		}
	}
	return flags
}

// specTexts returns what a spec says in one order.
func specTexts(spec *payload.Spec) []string {
	if spec == nil {
		return nil
	}
	texts := []string{spec.Template, strconv.Itoa(spec.MaxBytes)}
	for _, name := range slices.Sorted(maps.Keys(spec.Fields)) {
		texts = append(texts, name, spec.Fields[name])
	}
	return texts
}

func each[A, B any](list []A, convert func(A) B) []B {
	converted := make([]B, len(list))
	for i, value := range list {
		converted[i] = convert(value)
	}
	return converted
}
