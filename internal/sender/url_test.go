package sender

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/provider"
)

func TestTwilioURLs(t *testing.T) {
	for address, want := range map[string][]string{
		"https://h/x":                   {"https://h/x", "https://h:443/x"},
		"https://h:443/x?a=b":           {"https://h/x?a=b", "https://h:443/x?a=b"},
		"https://h:8443/x":              {"https://h/x", "https://h:8443/x"},
		"http://[::1]/x":                {"http://[::1]/x", "http://[::1]:80/x"},
		"http://[::1]:8080/x":           {"http://[::1]/x", "http://[::1]:8080/x"},
		"https://H/X":                   {"https://H/X", "https://H:443/X", "https://h/X", "https://h:443/X"},
		"https://h/x?a=it's":            {"https://h/x?a=it's", "https://h:443/x?a=it's", "https://h/x?a=it%27s", "https://h:443/x?a=it%27s", "https://h/x?a=it's", "https://h:443/x?a=it's"},
		"https://h/x?a=b+c&d&a=%c3%a9/": {"https://h/x?a=b+c&d&a=%c3%a9/", "https://h:443/x?a=b+c&d&a=%c3%a9/", "https://h/x?a=b%20c&a=%C3%A9%2F&d=", "https://h:443/x?a=b%20c&a=%C3%A9%2F&d="},
		"https://h/x?a=%zz":             {"https://h/x?a=%zz", "https://h:443/x?a=%zz"},
		"https://h?" + long:             {"https://h?" + long, "https://h:443?" + long},
		"nothing":                       nil,
	} {
		if got := slices.Collect(twilioURLs(address)); !slices.Equal(got, want) {
			t.Errorf("%.80s: %.300q, want %.300q", address, got, want)
		}
	}
}

var long = strings.Repeat("'", maxSpelled)

// A query that Twilio has signed cannot be moved into the form, where it would be the
// name of a parameter.
func TestTwilioQueryIsNoParameter(t *testing.T) {
	v := mustVerifier(t, "twilio", false, "token")
	p := mustLookup(t, "twilio")
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	r := &provider.Request{Method: "POST", URL: "https://h.example/x?a=b", Header: form, Body: []byte("Body=hi"), Now: time.Now()}
	if err := p.Sign("token", r); err != nil {
		t.Fatal(err)
	}
	if got := check(v, r); got != "" {
		t.Fatalf("what Twilio sends is %s", got)
	}
	r.URL, r.Body = "https://h.example/x", []byte("%3Fa%3DbBody=hi")
	if got := check(v, r); got == "" {
		t.Error("the moved query verifies")
	}
}

func FuzzTwilioURLs(f *testing.F) {
	f.Add("https://h:1/x?a='%20&b")
	f.Fuzz(func(t *testing.T, address string) {
		n := 0
		for range twilioURLs(address) {
			n++
		}
		if n > 6 {
			t.Errorf("%d spellings", n)
		}
	})
}

// No byte can be moved between the signed parts: a text that is joined in the
// same way is refused, wherever the border is.
func TestBorders(t *testing.T) {
	const base = "https://hooks.example.com/webhooks/x"
	type parts struct{ query, a, b, body string }
	custom := func(signed string) *provider.Description {
		return &provider.Description{Name: "custom", Schemes: []provider.Scheme{{Header: "X-S", Algorithm: provider.HMACSHA256, Signed: signed}}}
	}
	row := func(name string) *provider.Description {
		for _, s := range Senders() {
			if s.Name == name {
				return &s.Description
			}
		}
		return nil
	}
	tests := []struct {
		name        string
		description *provider.Description
		good, moved parts
	}{
		{"behind ?", custom("{url}{body}"), parts{body: `?a=1{"x":2}`}, parts{query: "?a=1", body: `{"x":2}`}},
		{"square", row("square"), parts{body: `?{"x":2}`}, parts{query: `?{"x"`, body: `:2}`}},
		{"hubspot", row("hubspot"), parts{body: `?[{}]`}, parts{query: "?[{", body: "}]"}},
		{"into the address before", row("trello"), parts{body: `{"a":"` + base + `?b"}`}, parts{query: `?b"}` + base, body: `{"a":"`}},
		{"over a dot", custom("{url}.{body}"), parts{query: "?a", body: `b.c`}, parts{query: "?a.b", body: "c"}},
		{"over a text", custom("{url}aa{body}"), parts{query: "?x", body: "aay"}, parts{query: "?xa", body: "ay"}},
		{"from header to header", custom("{header.A}.{header.B}.{body}"), parts{a: "1", b: "2", body: "3.4"}, parts{a: "1", b: "2.3", body: "4"}},
		{"from body to header", custom("{body}.{header.A}"), parts{a: "2", body: "0.1"}, parts{a: "1.2", body: "0"}},
		{"from body to header, doubled", custom("{body}aa{header.A}"), parts{a: "y", body: "xa"}, parts{a: "ay", body: "x"}},
		{"from header to body, doubled", custom("{header.A}aa{body}"), parts{a: "x", body: "ay"}, parts{a: "xa", body: "y"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := Compile(test.description)
			if err != nil {
				t.Fatal(err)
			}
			v, err := p.NewVerifier([]string{"k"}, false)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			request := func(of parts) *provider.Request {
				r := &provider.Request{Method: "POST", URL: base + of.query, Header: http.Header{}, Body: []byte(of.body), Now: now}
				for name, value := range map[string]string{"A": of.a, "B": of.b} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
				return r
			}
			good, moved := request(test.good), request(test.moved)
			for _, r := range []*provider.Request{good, moved} {
				if err := p.Sign("k", r); err != nil {
					t.Fatal(err)
				}
			}
			credential := p.CredentialHeaders()[0]
			if good.Header.Get(credential) != moved.Header.Get(credential) {
				t.Fatal("the signature is another one, so that nothing was moved")
			}
			if got := check(v, moved); got == "" {
				t.Error("what was moved verifies")
			}
			if got := check(v, good); got != "" {
				t.Errorf("what was not is %s", got)
			}
		})
	}
}
