package sender

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/provider"
)

// A request that is sent again as it was is still fresh at the sender's last retry, unless
// the sender signs it again. A future time does not indicate a retry.
func TestWindowsCoverRetries(t *testing.T) {
	const now, minute = 1764000000, 60
	tests := []struct {
		provider, body string
		last           int64 // when the last retry comes, in seconds; or the window of the sender's own documents
	}{
		{"slack", `{"type":"event_callback"}`, 6 * minute},
		{"zoom", `{"event":"meeting.started"}`, 85 * minute},
		{"linear", `{"type":"Issue","webhookTimestamp":1764000000000}`, 7*hour + minute},
		{"calendly", `{"event":"invitee.created"}`, 24*hour - minute},
		{"mailgun", `{"signature":{"token":"t"},"event-data":{"event":"failed"}}`, 8*hour + 5*minute},
		{"zendesk", `{"type":"a"}`, 5 * minute},
		{"twitch", `{}`, 10 * minute},
		{"box", `{"trigger":"FILE.UPLOADED"}`, 10 * minute},
		{"sanity", `{"_type":"post"}`, 2 * minute},
		{"stripe", `{"type":"a"}`, 5 * minute},
		{"standard-webhooks", `{"type":"a"}`, 5 * minute},
	}
	for _, test := range tests {
		p, key := mustLookup(t, test.provider), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		r := &provider.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(test.body), Now: time.Unix(now, 0)}
		for _, at := range p.delivery {
			if at.header != "" {
				r.Header.Set(at.header, "1")
			}
		}
		if err := p.Sign(key, r); err != nil {
			t.Fatal(err)
		}
		v := mustVerifier(t, test.provider, p.SHA256(), key)
		for after, want := range map[int64]Reason{0: "", test.last: "", 24*hour + 1: Stale, -5*minute - 1: Stale} {
			claim, reason := v.Precheck(r.Header, time.Unix(now+after, 0))
			if reason == "" {
				reason = claim.Verify(r.Body)
			}
			if reason != want {
				t.Errorf("%s, %d s after: %q, want %q", test.provider, after, reason, want)
			}
		}
	}
	// Only they can sign with their keys.
	for name, last := range map[string]int64{"discord": 10 * minute, "sendgrid": 24 * hour} {
		c := mustLookup(t, name).schemes[0].clock
		if c.check("1764000000", time.Unix(now+last, 0)) != "" || c.check("1764000000", time.Unix(now-5*minute-1, 0)) != Stale {
			t.Errorf("%s: a window of %d seconds", name, c.tolerance)
		}
	}
}
