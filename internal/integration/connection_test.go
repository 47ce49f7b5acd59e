package integration

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSourceIPs(t *testing.T) {
	tests := []struct {
		text string
		want string // "" is refused
	}{
		{"192.0.2.7", "192.0.2.7"},
		{"192.0.2.7/32", "192.0.2.7"},
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"2001:DB8::/32", "2001:db8::/32"},
		{"2001:db8::1", "2001:db8::1"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{"::ffff:0.0.0.0/96", ""},
		{"::ffff:0.0.0.0/90", ""},
		{"192.0.2.7/24", ""},
		{"0.0.0.0/0", ""},
		{"::/0", ""},
		{"8.0.0.0/7", ""},
		{"fe80::1%eth0", ""},
		{"fe80::%eth0/64", ""},
		{"192.0.2.07", ""},
		{"192.0.2.0/024", ""},
		{"192.0.2", ""},
		{"example.com", ""},
		{"", ""},
		{"192.0.2.0/33", ""},
		{" 192.0.2.1", ""},
	}
	for _, test := range tests {
		in, err := parseForm(t, `"authentication":{"source_ips":[`+quote(test.text)+`]}`)
		var refusal *Refusal
		if test.want == "" {
			if !errors.As(err, &refusal) || refusal.Faults[0].Field != "authentication.source_ips[0]" {
				t.Errorf("%q: %v", test.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
		} else if got := in.Mask("").Authentication.SourceIPs; !slices.Equal(got, []string{test.want}) {
			t.Errorf("%q: reads back as %q", test.text, got)
		}
	}
	for _, list := range []string{`[]`, `"192.0.2.1"`, `[1]`, "[" + strings.Repeat(`"192.0.2.1",`, maxSources) + `"192.0.2.1"]`} {
		if _, err := parseForm(t, `"authentication":{"source_ips":`+list+`}`); err == nil {
			t.Errorf("takes %.40s", list)
		}
	}
	if _, err := parseForm(t, `"authentication":{"source_ips":null,"bearer":{"tokens":["t"]}}`); err != nil {
		t.Error(err)
	}
}

func TestClientCertificate(t *testing.T) {
	digest := strings.Repeat("0a", 32)
	tests := []struct {
		form  string
		field string // that is refused
	}{
		{`{"sans":["sender.example.com","spiffe://example.com/sender","ci@example.com"]}`, ""},
		{`{"fingerprints":["` + digest + `"]}`, ""},
		{`{}`, "authentication.client_certificate"},
		{`{"sans":[],"fingerprints":[]}`, "authentication.client_certificate"},
		{`{"sans":[""]}`, "authentication.client_certificate.sans[0]"},
		{`{"sans":["a","192.0.2.1"]}`, "authentication.client_certificate.sans[1]"},
		{`{"sans":["*.example.com"]}`, "authentication.client_certificate.sans[0]"},
		{`{"sans":["b c"]}`, "authentication.client_certificate.sans[0]"},
		{`{"sans":["ü.example"]}`, "authentication.client_certificate.sans[0]"},
		{`{"fingerprints":["` + strings.ToUpper(digest) + `"]}`, "authentication.client_certificate.fingerprints[0]"},
		{`{"fingerprints":["` + digest[2:] + `"]}`, "authentication.client_certificate.fingerprints[0]"},
		{`{"sans":[` + strings.Repeat(`"a",`, maxNames) + `"a"]}`, "authentication.client_certificate"},
		{`{"subject":"x"}`, "authentication.client_certificate.subject"},
	}
	for _, test := range tests {
		_, err := parseForm(t, `"authentication":{"client_certificate":`+test.form+`}`)
		var refusal *Refusal
		if test.field == "" && err != nil || test.field != "" && (!errors.As(err, &refusal) || refusal.Faults[0].Field != test.field) {
			t.Errorf("%.60s: %v", test.form, err)
		}
	}
	if _, err := parseForm(t, `"authentication":{"allow_unauthenticated":true,"source_ips":["192.0.2.1"]}`); err == nil {
		t.Error("allow_unauthenticated stands beside a credential")
	}
}

func parseForm(t *testing.T, text string) (*Integration, error) {
	t.Helper()
	return parse(t, `{`+text+`}`, nil)
}

func quote(text string) string { return fmt.Sprintf("%q", text) }

// What is read as a source is written in one way, which reads as the same.
func FuzzSource(f *testing.F) {
	for _, text := range []string{"192.0.2.0/24", "::ffff:192.0.2.0/120", "2001:db8::1", "::/0", "fe80::1%eth0", "1/1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, ok := source(text)
		if !ok {
			return
		}
		if again, ok := source(sourceText(prefix)); !ok || again != prefix {
			t.Errorf("%q reads as %v, and that as %v", text, prefix, again)
		}
		if prefix.Addr().Is4In6() || prefix.Addr().Zone() != "" {
			t.Errorf("%q reads as %v", text, prefix)
		}
	})
}
