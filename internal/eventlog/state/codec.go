package state

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

var statuses = [...]storage.Status{"", storage.Pending, storage.Delivered, storage.Failed}

// Statuses is how many codes of a status there are.
const Statuses = len(statuses)

// The codes of statuses, as they are stored; 0 is of no status.
const (
	PendingCode byte = iota + 1
	DeliveredCode
	FailedCode
)

// StatusCode returns the code of a status.
func StatusCode(s storage.Status) byte {
	switch s {
	case storage.Pending:
		return PendingCode
	case storage.Delivered:
		return DeliveredCode
	case storage.Failed:
		return FailedCode
	}
	return 0
}

// decoder reads what events are made of.
type decoder struct{ wire.Decoder }

func (d *decoder) status() storage.Status {
	code := d.Byte()
	if int(code) >= len(statuses) {
		d.Fail()
		return ""
	}
	return statuses[code]
}

// EnvelopeSize counts the bytes of an event's texts.
func EnvelopeSize(e *storage.Event) int64 {
	return int64(len(e.WebhookID) + len(e.Project) + len(e.Alias) + len(e.Provider) + len(e.Type) +
		len(e.DeliveryID) + len(e.ResourceType) + len(e.ResourceID))
}

// appendEnvelope writes an event without ID, identity, header and body.
func appendEnvelope(buf []byte, e *storage.Event) []byte {
	buf = wire.AppendTime(buf, e.ReceivedAt)
	buf = wire.AppendString(buf, e.WebhookID)
	buf = wire.AppendString(buf, e.Project)
	buf = wire.AppendString(buf, e.Alias)
	buf = wire.AppendString(buf, e.Provider)
	buf = wire.AppendString(buf, e.Type)
	buf = wire.AppendString(buf, e.DeliveryID)
	buf = wire.AppendString(buf, e.ResourceType)
	return wire.AppendString(buf, e.ResourceID)
}

func (d *decoder) envelope(e *storage.Event) {
	e.ReceivedAt = d.Time()
	e.WebhookID = d.String()
	e.Project = d.String()
	e.Alias = d.String()
	e.Provider = d.String()
	e.Type = d.String()
	e.DeliveryID = d.String()
	e.ResourceType = d.String()
	e.ResourceID = d.String()
}

// appendContent writes header and body. The body comes last, so that it is copied
// once and needs no length.
func appendContent(buf []byte, e *storage.Event) []byte {
	return append(appendHeader(buf, e.Header), e.Body...)
}

// contentBound is the most bytes that appendContent writes.
func contentBound(e *storage.Event) int64 {
	n := int64(len(e.Body))
	for name, values := range e.Header {
		n += int64(len(name)) + 20
		for _, value := range values {
			n += int64(len(value)) + 10
		}
	}
	return n
}

// content reads header and body, or leaves them out.
func (d *decoder) content(e *storage.Event, whole bool) {
	if whole {
		e.Header = d.header()
		e.Body = d.Rest()
	} else {
		d.Skip()
	}
}

// appendHeader writes the names in order, so that equal headers are equal bytes.
func appendHeader(buf []byte, header http.Header) []byte {
	buf = wire.AppendUint(buf, uint64(len(header)))
	if len(header) == 0 {
		return buf
	}
	var room [32]string // for the names, mostly
	names := slices.AppendSeq(room[:0], maps.Keys(header))
	slices.Sort(names)
	for _, name := range names {
		buf = wire.AppendString(buf, name)
		buf = wire.AppendUint(buf, uint64(len(header[name])))
		for _, value := range header[name] {
			buf = wire.AppendString(buf, value)
		}
	}
	return buf
}

func (d *decoder) header() http.Header {
	n := d.Count(2)
	if n == 0 {
		return nil
	}
	header := make(http.Header, n)
	for range n {
		name := d.String()
		values := make([]string, d.Count(1))
		for i := range values {
			values[i] = d.String()
		}
		header[name] = values
	}
	return header
}

func appendAttempt(buf []byte, a storage.Attempt) []byte {
	buf = wire.AppendTime(buf, a.At)
	buf = wire.AppendInt(buf, int64(a.StatusCode))
	buf = wire.AppendString(buf, a.Error)
	buf = wire.AppendString(buf, a.Detail)
	return wire.AppendInt(buf, int64(a.Duration))
}

func (d *decoder) attempt() storage.Attempt {
	return storage.Attempt{
		At:         d.Time(),
		StatusCode: d.Small(),
		Error:      d.String(),
		Detail:     d.String(),
		Duration:   time.Duration(d.Int()),
	}
}
