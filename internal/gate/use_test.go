package gate

import (
	"net/http"
	"slices"
	"testing"

	"github.com/hookgate/hookgate/internal/integration"
)

// The first request that is accepted, and no other, is noted as the use of a webhook
// ID.
func TestUseIsNoted(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*integration.Integration)
		inline bool
		header http.Header
		want   []string
	}{
		"accepted":         {set: func(in *integration.Integration) { in.Unused = true }, want: []string{"hook"}},
		"accepted, inline": {set: func(in *integration.Integration) { in.Unused = true }, inline: true, want: []string{"hook"}},
		"used before":      {set: func(*integration.Integration) {}},
		"not authenticated": {
			set: func(in *integration.Integration) { in.Unused = true }, header: signed("push", "1", "another body"),
		},
		"filtered": {set: func(in *integration.Integration) { in.Unused, in.EventFilter = true, []string{"other"} }},
		"ping":     {set: func(in *integration.Integration) { in.Unused = true }, header: signed("ping", "1", push)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, github(c.set))
			header := c.header
			if header == nil {
				header = signed("push", "1", push)
			}
			s := serve(t, b, New(Settings{Inline: c.inline}))
			s.next = func(http.ResponseWriter, *http.Request) {}
			s.post(t, "/webhooks/hook", header, push)
			if !slices.Equal(b.used, c.want) {
				t.Errorf("noted %v, want %v", b.used, c.want)
			}
		})
	}
}
