package integration

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/provider"
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
	r := &storedReader{left: string(rest)}
	in.CreatedAt, in.UpdatedAt = r.time(), r.time()
	in.Alias = r.text()
	auth := &in.Authentication
	auth.Match, in.Dedupe, in.Match = Match(r.text()), Dedupe(r.text()), r.text()
	in.IsEnabled = flags&flagEnabled != 0
	auth.RequireSHA256Signature = flags&flagSHA256 != 0
	auth.AllowUnauthenticated = flags&flagUnauthenticated != 0
	r.credentials(flags, auth)
	in.EventFilter = readList(r, r.text)
	in.Payload = r.spec()
	if flags&flagResource != 0 {
		in.Resources = []Resource{r.resource()}
	}
	if flags&flagFurther != 0 {
		further := readList(r, r.resource)
		if len(in.Resources) == 0 || len(further) == 0 {
			return storage.ErrCorrupt
		}
		in.Resources = append(in.Resources, further...)
	}
	if flags&flagHandshake != 0 {
		in.Handshake = r.handshake()
	}
	if r.failed || r.left != "" {
		return storage.ErrCorrupt
	}
	return nil
}

// decodeHead reads what comes before the texts.
func (in *Integration) decodeHead(value []byte) (flags uint16, rest []byte, err error) {
	if len(value) > 0 && value[0] != storedVersion && value[0] != wideVersion {
		return 0, nil, fmt.Errorf("it is stored in version %d of the form, and this program reads the versions to %d: %w",
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
	if flags >= flagsEnd {
		return 0, nil, storage.ErrCorrupt
	}
	return flags, value[head:], nil
}

// credentials reads what appendCredentials wrote.
func (r *storedReader) credentials(flags uint16, auth *Authentication) {
	if flags&flagHeader != 0 {
		auth.SecureHeader = &SecureHeader{Name: r.text(), Value: r.secret()}
	}
	if flags&flagSignature != 0 {
		auth.Signature = &Signature{Provider: r.text(), Secrets: readList(r, r.secret)}
		if auth.Signature.Provider == Custom {
			auth.Signature.Description = r.description()
		}
		if flags&flagTolerance != 0 {
			auth.Signature.Tolerance = r.tolerance()
		}
	}
	if flags&flagBasic != 0 {
		auth.Basic = &Basic{Username: r.text(), Password: r.secret()}
	}
	if flags&flagBearer != 0 {
		auth.Bearer = &Bearer{Tokens: readList(r, r.secret)}
	}
	if flags&flagJWT != 0 {
		auth.JWT = r.jwt()
	}
	if flags&flagCertificate != 0 {
		auth.ClientCertificate = &ClientCertificate{SANs: readList(r, r.text), Fingerprints: readList(r, r.text)}
	}
	if flags&flagSources != 0 {
		auth.SourceIPs = r.sources()
	}
}

// storedReader reads what is left of a stored integration. After a failure it
// reads nothing any more, and returns zero values.
type storedReader struct {
	left   string
	failed bool
}

func (r *storedReader) fail() {
	r.left, r.failed = "", true
}

// uvarint reads a number as encoding/binary writes it.
func (r *storedReader) uvarint() (number uint64) {
	for i := range min(len(r.left), binary.MaxVarintLen64) {
		b := r.left[i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break // more than 64 bits
		}
		if number |= uint64(b&0x7f) << (7 * i); b < 0x80 {
			r.left = r.left[i+1:]
			return number
		}
	}
	r.fail()
	return 0
}

func (r *storedReader) time() time.Time {
	zigzag := r.uvarint()
	return time.Unix(int64(zigzag>>1)^-int64(zigzag&1), 0).UTC()
}

func (r *storedReader) text() (text string) {
	length := r.uvarint()
	if length > uint64(len(r.left)) {
		r.fail()
		return ""
	}
	text, r.left = r.left[:length], r.left[length:]
	return text
}

func (r *storedReader) resource() Resource { return Resource{Type: r.text(), ID: r.text()} }

func (r *storedReader) secret() Secret { return Secret{value: r.text(), salt: r.text()} }

// tolerance reads a number of seconds that a form can have.
func (r *storedReader) tolerance() int {
	seconds := r.uvarint()
	if seconds == 0 || seconds > provider.MaxTolerance {
		r.fail()
		return 0
	}
	return int(seconds)
}

// spec undoes specTexts.
func (r *storedReader) spec() *payload.Spec {
	texts := readList(r, r.text)
	if texts == nil {
		return nil
	}
	if len(texts)%2 != 0 {
		r.fail()
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
		r.fail()
	}
	return spec
}

// readList reads the items of a list, nil without any.
func readList[T any](r *storedReader, read func() T) []T {
	count := r.uvarint()
	if count > uint64(len(r.left)) { // an item takes a byte or more
		r.fail()
	}
	if count == 0 || r.failed {
		return nil
	}
	list := make([]T, count)
	for i := range list {
		list[i] = read()
	}
	return list
}
