package sender

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/jsondoc"
)

type wantsNone struct{}

func (wantsNone) Wants(m *Message) bool {
	for range m.Names() {
	}
	return false
}

// However many events a request contains, shared values are looked up once.
func TestManyEvents(t *testing.T) {
	list := "[" + strings.TrimSuffix(strings.Repeat(`{"eventType":"user.x","field":"feed","pad":"`+strings.Repeat("y", 200)+`"},`, MaxEvents), ",") + "]"
	for name, body := range map[string]string{
		"okta": `{"data":{"events":` + list + `},"eventId":"e","eventType":"t"}`,
		"meta": `{"entry":[{"changes":` + list + `}],"object":"page"}`,
	} {
		p, found := Lookup(name)
		if !found {
			t.Fatal(name)
		}
		payload := jsondoc.New([]byte(body))
		var m Message
		began := time.Now()
		wanted, err := m.Read(p, http.Header{}, payload, nil, wantsNone{})
		if took := time.Since(began); wanted || err != nil || m.Type == "" || took > 2*time.Second {
			t.Errorf("%s: %v, %v, %q after %v", name, wanted, err, m.Type, took)
		}
	}
}
