package sender

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// A new row states all facts, or for each that it is not known.
func TestFactsAreComplete(t *testing.T) {
	for _, s := range Senders() {
		facts := reflect.ValueOf(s.Delivers)
		for field, value := range facts.Fields() {
			if value.Kind() != reflect.String {
				continue
			}
			switch text := value.String(); {
			case text == "":
				t.Errorf("%s: Delivers.%s is left out: write NotKnown if the sender does not tell it", s.Name, field.Name)
			case strings.ContainsAny(text, "|\n") || strings.HasSuffix(text, ".") || text != strings.TrimSpace(text):
				t.Errorf("%s: Delivers.%s does not fit into a table: %q", s.Name, field.Name, text)
			}
		}
		if known := s.Delivers.Test != NotKnown && s.Delivers.Test != none; known != (s.Delivers.Seen != NotKnown && s.Delivers.Seen != none) {
			t.Errorf("%s: of the test %q one sees %q", s.Name, s.Delivers.Test, s.Delivers.Seen)
		}
		if s.Delivers.Seen == asEvent && s.Status == http.StatusNoContent {
			t.Errorf("%s: its answers have no body to see", s.Name)
		}
		if s.Delivers.Seen == asHandshake && len(s.Handshakes) == 0 {
			t.Errorf("%s: there is no handshake below", s.Name)
		}
		if s.Delivers.Seen == pong && len(s.Pings) == 0 {
			t.Errorf("%s: there is no ping", s.Name)
		}
		if s.Delivers.Batch == oneEvent && len(mustLookup(t, s.Name).lists) > 0 {
			t.Errorf("%s: a request holds several events", s.Name)
		}
		if len(s.Delivers.From) == 0 {
			t.Errorf("%s: Delivers.From is left out", s.Name)
		}
		for _, page := range append(s.Delivers.From, s.Docs) {
			if address, err := url.Parse(page); err != nil || address.Scheme != "https" || address.Host == "" {
				t.Errorf("%s: %q is no page", s.Name, page)
			}
		}
		if s.Title == "" || s.Setup == "" {
			t.Errorf("%s: title or setup is left out", s.Name)
		}
	}
}
