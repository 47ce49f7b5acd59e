package eventlog

import (
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/storage"
)

func appendRef(buf []byte, r storage.Ref) []byte {
	buf = wire.AppendTime(buf, r.Due)
	buf = wire.AppendInt(buf, r.Size)
	buf = wire.AppendString(buf, r.WebhookID)
	buf = wire.AppendString(buf, r.ResourceType)
	buf = wire.AppendString(buf, r.ResourceID)
	return wire.AppendString(buf, r.Project)
}

// decodeRef reads a ref. One of an earlier version ends after the resource's
// type: it is not whole.
func decodeRef(identity storage.Identity, id storage.ID, raw []byte) (r storage.Ref, whole bool, err error) {
	d := wire.Decoder{Raw: raw}
	r = storage.Ref{ID: id, Integration: identity, Due: d.Time(), Size: d.Int(), WebhookID: d.String(), ResourceType: d.String()}
	if whole = len(d.Raw) > 0; whole {
		r.ResourceID, r.Project = d.String(), d.String()
	}
	return r, whole, d.Err()
}
