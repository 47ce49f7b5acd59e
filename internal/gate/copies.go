package gate

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/module/storage"
)

// DuplicateWindow is how long a duplicate is recognised.
const DuplicateWindow = 72 * time.Hour

// duplicateRequeues is how often a duplicate requeues a failed event.
const duplicateRequeues = 5

// dedupe returns what makes another request a copy of this one. With a delivery
// ID the body counts, in the form in which it is signed: most signatures do not
// cover the ID, so it proves nothing. If one does, the ID alone decides.
func (v *visit) dedupe() storage.Dedupe {
	message, delivery := &v.content.message, v.content.message.DeliveryID
	mode := v.route.Integration.Dedupe
	switch {
	case mode == integration.DedupeBody:
		delivery = ""
	case mode == integration.DedupeNone || delivery == "":
		return storage.Dedupe{}
	}
	former := v.hashBody(v.former[:0], delivery, v.payload)
	key := former
	switch content := v.claim().Content(v.body); {
	case mode == integration.DedupeDelivery && message.Numbered():
		key = v.hashID(v.digest[:0], delivery, message.Type)
	case mode == integration.DedupeDelivery && v.hashAttempt(delivery):
		key = v.hash.Sum(v.digest[:0])
	case !same(content, v.payload):
		key = v.hashBody(v.digest[:0], delivery, content)
	}
	if mode == integration.DedupeDelivery && !message.Numbered() && message.TypeIsHeader() {
		key = v.hashType(v.digest[:0], key, message.Type)
	}
	d := storage.Dedupe{Key: key, Window: DuplicateWindow, Requeues: duplicateRequeues}
	if !bytes.Equal(key, former) {
		d.Former = former
	}
	return d
}

// The hashed data begins with the length of an ID, or with one of these.
const (
	withType    = 1 << 62
	withoutBody = 1 << 63
)

// hashBody appends the hash of an ID and a body. The length marks where the ID
// ends; without one it is 0.
func (v *visit) hashBody(to []byte, delivery string, body []byte) []byte {
	v.hashHead(uint64(len(delivery)), delivery)
	v.hash.Write(body)
	return v.hash.Sum(to)
}

// hashAttempt hashes an ID, and the body without what a sender changes when it
// retries; false means that there is no such thing.
func (v *visit) hashAttempt(delivery string) bool {
	v.hashHead(uint64(len(delivery)), delivery)
	return v.content.message.WriteAttempt(v.hash)
}

// hashType appends the hash of another hash and an event type.
func (v *visit) hashType(to, hash []byte, kind string) []byte {
	v.hashHead(withType|uint64(len(kind)), kind)
	v.hash.Write(hash)
	return v.hash.Sum(to)
}

// hashID appends the hash of an ID and an event type.
func (v *visit) hashID(to []byte, delivery, kind string) []byte {
	v.hashHead(withoutBody|uint64(len(delivery)), delivery)
	v.hash.Write(append(v.text[:0], kind...))
	return v.hash.Sum(to)
}

func (v *visit) hashHead(head uint64, text string) {
	v.hash.Reset()
	v.hash.Write(append(binary.BigEndian.AppendUint64(v.text[:0], head), text...))
}

// same reports whether two texts share the same memory.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
