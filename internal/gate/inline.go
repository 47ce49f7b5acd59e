package gate

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
)

// pass passes the request on, if the handler does that: with its body, without
// its credentials, and without the headers that only Hookgate may set.
func (v *visit) pass() *answer {
	if !v.gate.settings.Inline {
		return nil
	}
	if it := v.route.Integration; it.Unused {
		v.config.Integrations.Use(v.r.Context(), it)
	}
	v.seen.Pass, v.seen.Outcome = true, Passed
	v.seen.holding, v.upload.holding = v.upload.holding, holding{}
	body := v.body
	v.body = nil // now owned by the next handler

	for name := range v.r.Header {
		credential := slices.Contains(v.route.strip, name)
		if credential && v.gate.settings.ForwardCredentials {
			continue
		}
		if credential || isOurs(name) {
			delete(v.r.Header, name)
		}
	}
	// The body has been read completely, so it has a length and no trailer.
	v.r.Trailer, v.r.TransferEncoding = nil, nil
	v.r.ContentLength = int64(len(body))
	v.r.GetBody = func() (io.ReadCloser, error) {
		if len(body) == 0 {
			return http.NoBody, nil
		}
		return io.NopCloser(bytes.NewReader(body)), nil
	}
	v.r.Body, _ = v.r.GetBody()
	return nil
}

// isOurs reports whether a header's name begins with X-Webhook-, also as
// gateway interfaces would read it that do not distinguish the two dashes.
func isOurs(name string) bool {
	const prefix = "X-Webhook-"
	return len(name) >= len(prefix) && strings.EqualFold(strings.ReplaceAll(name[:len(prefix)], "_", "-"), prefix)
}
