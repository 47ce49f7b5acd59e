package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/form"
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
		var refusal *form.Refusal
		if test.want == "" {
			if !errors.As(err, &refusal) || refusal.Faults[0].Field != "authentication.source_ips[0]" {
				t.Errorf("%q: %v", test.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
		} else if got := shown(in, "source_ips").([]string); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%q: reads back as %q", test.text, got)
		}
	}
	for _, list := range []string{`[]`, `"192.0.2.1"`, `[1]`, "[" + strings.Repeat(`"192.0.2.1",`, 200) + `"192.0.2.1"]`} {
		if _, err := parseForm(t, `"authentication":{"source_ips":`+list+`}`); err == nil {
			t.Errorf("takes %.40s", list)
		}
	}
	if _, err := parseForm(t, `"authentication":{"source_ips":null,"bearer":{"tokens":["t"]}}`); err != nil {
		t.Error(err)
	}
}

// A list of ranges is bounded as one range is: by how many addresses it lets in.
func TestSourcesCoverLittle(t *testing.T) {
	ranges := func(count, bits int, format string) []string {
		var list []string
		for i := range count {
			list = append(list, fmt.Sprintf(format+"/%d", i<<(8-min(bits, 8)), bits))
		}
		return list
	}
	nested := []string{"10.0.0.0/8"}
	for i := range 150 {
		nested = append(nested, fmt.Sprintf("10.%d.0.0/16", i))
	}
	for name, test := range map[string]struct {
		list []string
		ok   bool
	}{
		"199 of /8":                  {ranges(199, 8, "%d.0.0.0"), false},
		"5 of /8":                    {ranges(5, 8, "%d.0.0.0"), false},
		"4 of /8":                    {ranges(4, 8, "%d.0.0.0"), true},
		"4 of /8 and an address":     {append(ranges(4, 8, "%d.0.0.0"), "192.0.2.1"), false},
		"4 of /8, as IPv6, and more": {append(ranges(4, 8, "%d.0.0.0"), "::ffff:192.0.2.0/120"), false},
		"128 of /9":                  {ranges(128, 9, "%d.128.0.0"), false},
		"200 of /16":                 {ranges(200, 16, "10.%d.0.0"), true},
		"one in another":             {nested, true},
		"one four times":             {[]string{"10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9"}, true},
		"what is private":            {[]string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fd00::/8", "fe80::/10", "::1"}, true},
		"/8 of IPv6":                 {[]string{"2600::/8"}, false},
		"/12 of IPv6":                {[]string{"2a00::/12"}, false},
		"/16 of IPv6":                {[]string{"2a00::/16"}, true},
		"2 of /16 of IPv6":           {[]string{"2a00::/16", "2a01::/16"}, false},
		"200 of /32 of IPv6":         {ranges(200, 32, "2a00:%d::"), true},
		"200 addresses of IPv6":      {ranges(200, 128, "2a00::%d"), true},
	} {
		list, err := json.Marshal(test.list)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseForm(t, `"authentication":{"source_ips":`+string(list)+`}`)
		got := faultsOf(t, err)
		if test.ok && err != nil || !test.ok && (len(got) != 1 || !strings.HasPrefix(got[0], "authentication.source_ips not_allowed together they admit")) {
			t.Errorf("%s: %q", name, got)
		}
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
		{`{"sans":[` + strings.Repeat(`"a",`, 50) + `"a"]}`, "authentication.client_certificate"},
		{`{"subject":"x"}`, "authentication.client_certificate.subject"},
	}
	for _, test := range tests {
		_, err := parseForm(t, `"authentication":{"client_certificate":`+test.form+`}`)
		var refusal *form.Refusal
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
