package network

import "testing"

// Whoever holds an address also holds its neighbours, if one line has many.
func TestOf(t *testing.T) {
	for client, want := range map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::",
		"2001:db8:1:3::1":      "2001:db8:1:3::",
		"fe80::1%eth0":         "fe80::",
		"":                     "invalid IP",
		"@":                    "invalid IP",
		"192.0.2.1:80":         "invalid IP",
	} {
		if got := Of(client).String(); got != want {
			t.Errorf("%q is %s, want %s", client, got, want)
		}
	}
}
