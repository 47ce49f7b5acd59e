package integration

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/hookgate/hookgate/internal/payload"
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
//	secure header                  name, secret
//	signature                      provider, list of secrets, and of the custom
//	                               provider its description in JSON; a number of
//	                               seconds, where how old it may be is set
//	basic                          username, secret
//	bearer                         list of secrets
//	jwt                            issuer, audience, header, list of texts: name
//	                               and JSON value of each claim
//	client certificate             lists of texts: names, fingerprints
//	source IPs                     list of texts
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

// The flags of a stored integration.
const (
	flagEnabled = 1 << iota
	flagSHA256
	flagUnauthenticated
	flagHeader
	flagSignature
	flagBasic
	flagBearer
	flagResource
	flagJWT // the first of version 2
	flagFurther
	flagHandshake
	flagCertificate
	flagSources
	flagTolerance
	flagsEnd
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
	raw = binary.AppendVarint(raw, in.CreatedAt.Unix())
	raw = binary.AppendVarint(raw, in.UpdatedAt.Unix())
	raw = appendTexts(raw, in.Alias, string(auth.Match), string(in.Dedupe), in.Match)
	raw, err := appendCredentials(raw, auth)
	if err != nil {
		return nil, err
	}
	raw = appendList(raw, in.EventFilter)
	raw = appendList(raw, specTexts(in.Payload))
	for i, resource := range in.Resources {
		if i == 1 {
			raw = binary.AppendUvarint(raw, uint64(len(in.Resources)-1))
		}
		raw = appendTexts(raw, resource.Type, resource.ID)
	}
	if in.Handshake != nil {
		raw = appendHandshake(raw, in.Handshake)
	}
	return raw, nil
}

// appendCredentials writes those that the flags tell of, in their order.
func appendCredentials(raw []byte, auth *Authentication) ([]byte, error) {
	if header := auth.SecureHeader; header != nil {
		raw = appendSecret(appendTexts(raw, header.Name), header.Value)
	}
	if signature := auth.Signature; signature != nil {
		raw = appendSecrets(appendTexts(raw, signature.Provider), signature.Secrets)
		if signature.Description != nil {
			text, err := json.Marshal(signature.Description)
			if err != nil {
				return nil, err
			}
			raw = appendTexts(raw, string(text))
		}
		if signature.Tolerance != 0 {
			raw = binary.AppendUvarint(raw, uint64(signature.Tolerance))
		}
	}
	if basic := auth.Basic; basic != nil {
		raw = appendSecret(appendTexts(raw, basic.Username), basic.Password)
	}
	if bearer := auth.Bearer; bearer != nil {
		raw = appendSecrets(raw, bearer.Tokens)
	}
	if auth.JWT != nil {
		var err error
		if raw, err = appendJWT(raw, auth.JWT); err != nil {
			return nil, err
		}
	}
	if certificate := auth.ClientCertificate; certificate != nil {
		raw = appendList(appendList(raw, certificate.SANs), certificate.Fingerprints)
	}
	if len(auth.SourceIPs) > 0 {
		raw = appendList(raw, each(auth.SourceIPs, sourceText))
	}
	return raw, nil
}

func (in *Integration) flags() (flags uint16) {
	auth := &in.Authentication
	for i, set := range []bool{
		in.IsEnabled, auth.RequireSHA256Signature, auth.AllowUnauthenticated, auth.SecureHeader != nil,
		auth.Signature != nil, auth.Basic != nil, auth.Bearer != nil, len(in.Resources) > 0,
		auth.JWT != nil, len(in.Resources) > 1, in.Handshake != nil, auth.ClientCertificate != nil, len(auth.SourceIPs) > 0,
		auth.Signature != nil && auth.Signature.Tolerance != 0,
	} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

func appendTexts(raw []byte, texts ...string) []byte {
	for _, text := range texts {
		raw = binary.AppendUvarint(raw, uint64(len(text)))
		raw = append(raw, text...)
	}
	return raw
}

func appendList(raw []byte, texts []string) []byte {
	return appendTexts(binary.AppendUvarint(raw, uint64(len(texts))), texts...)
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

func appendSecret(raw []byte, secret Secret) []byte {
	return appendTexts(raw, secret.value, secret.salt)
}

func appendSecrets(raw []byte, secrets []Secret) []byte {
	raw = binary.AppendUvarint(raw, uint64(len(secrets)))
	for _, secret := range secrets {
		raw = appendSecret(raw, secret)
	}
	return raw
}

func each[A, B any](list []A, convert func(A) B) []B {
	converted := make([]B, len(list))
	for i, value := range list {
		converted[i] = convert(value)
	}
	return converted
}
