package sender

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
)

// vector is a request with the required answer, most of them created by the
// sender's own library.
type vector struct {
	ID          string              `json:"id"`
	Provider    string              `json:"provider"`
	Note        string              `json:"note"`
	Requirement string              `json:"requirement"`
	Secrets     []string            `json:"secrets"`
	URL         string              `json:"url"`
	Headers     map[string][]string `json:"headers"`
	Body        []byte              `json:"body_base64"`
	Repeat      struct {
		Byte  byte `json:"byte"`
		Count int  `json:"count"`
	} `json:"body_repeat"`
	Now   int64 `json:"now"`
	Valid bool  `json:"valid"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// header returns the fields as net/http hands them over: names canonical,
// blanks around values gone (RFC 9110, 5.5).
func (v *vector) header() http.Header {
	header := http.Header{}
	for name, values := range v.Headers {
		for _, value := range values {
			header.Add(name, strings.Trim(value, " \t"))
		}
	}
	return header
}

func (v *vector) body() []byte {
	if v.Repeat.Count > 0 {
		return bytes.Repeat([]byte{v.Repeat.Byte}, v.Repeat.Count)
	}
	return v.Body
}

// lookup returns the provider that the vector means: some name the way in as
// well.
func (v *vector) lookup(t *testing.T) *Provider {
	t.Helper()
	switch v.Provider {
	case "github-sha1":
		return mustLookup(t, "github")
	case "alertmanager-basic", "alertmanager-bearer":
		return mustLookup(t, "alertmanager")
	}
	return mustLookup(t, v.Provider)
}

// verify goes the whole way that a request goes.
func (v *vector) verify(t *testing.T) Reason {
	t.Helper()
	p := v.lookup(t)
	verifier, err := p.NewVerifier(v.Secrets, p.SHA256() && v.Provider != "github-sha1")
	if err != nil {
		return Reason(err.Error())
	}
	claim, reason := verifier.Precheck(v.header(), time.Unix(v.Now, 0))
	if reason != "" {
		return reason
	}
	claim.URL = v.URL
	return claim.Verify(v.body())
}

// stricter reports the vectors that leave the answer open and that this package
// refuses, by the end of their names.
func stricter(v *vector) bool {
	return v.Requirement == "may" && strings.HasSuffix(v.ID, "-sig-uppercase-hex") // digests count in lower case only
}

// later is by how many seconds the time of a vector's request is postponed: it
// was too old for a window that did not cover the sender's retries.
var later = map[string]int64{"linear-ts-stale": 8*hour - 60, "linear-stale-body-fresh-header": 8*hour - 60}

func TestVectors(t *testing.T) {
	all := vectors(t)
	if len(all) < 500 {
		t.Fatalf("only %d vectors", len(all))
	}
	for _, v := range all {
		t.Run(v.ID, func(t *testing.T) {
			want := v.Valid && !stricter(&v)
			v.Now += later[v.ID]
			if reason := v.verify(t); (reason == "") != want {
				t.Errorf("%s: reason %q, want valid = %v (%s)", v.Note, reason, want, v.Requirement)
			}
		})
	}
}

// Each valid vector must fail once its secrets or any byte of its body have
// changed.
func TestVectorsChanged(t *testing.T) {
	for _, v := range vectors(t) {
		if !v.Valid || stricter(&v) || v.Repeat.Count > 0 {
			continue
		}
		t.Run(v.ID, func(t *testing.T) {
			good := v.Secrets
			v.Secrets = nil
			for _, secret := range good {
				v.Secrets = append(v.Secrets, otherSecret(secret))
			}
			if v.verify(t) == "" {
				t.Error("another secret verifies")
			}
			v.Secrets = good
			if p := v.lookup(t); p.schemes[0].method.kind == byToken {
				return // a token covers no body
			}
			for i := range v.Body {
				v.Body[i] ^= 1
				if v.verify(t) == "" {
					t.Errorf("byte %d of the body may change", i)
				}
				v.Body[i] ^= 1
			}
		})
	}
}

// otherSecret returns another secret of the same form.
func otherSecret(secret string) string {
	if at := strings.IndexFunc(secret, unicode.IsDigit); at >= 0 {
		digit := byte('1')
		if secret[at] == '1' {
			digit = '2'
		}
		return secret[:at] + string(digit) + secret[at+1:]
	}
	return secret + "Zm9v" // valid where base64 is due
}
