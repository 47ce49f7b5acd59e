package stray

import "testing"

func TestEnd(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "", "a b": "", `a"b`: "", "é": "", "(a)": "", "\xff\x00binary\x80": "", "********5d41c0aa": "",
		" a": "begins with a blank", "a\t": "ends with a blank", "\u00a0a": "begins with a blank", "a\u3000": "ends with a blank",
		"a\n": "ends with a line break", "a\r": "ends with a line break", "\r\na": "begins with a line break", "a\u2028": "ends with a line break",
		`"a`: "begins with a quote", "a'": "ends with a quote", "`a`": "begins with a quote", "\u201ca": "begins with a quote", "a\u2019": "ends with a quote", "«a»": "begins with a quote",
		"\ufeffa": "begins with a byte order mark", "a\ufeff": "ends with a byte order mark", "\xff\xfea": "begins with a byte order mark", "\xfe\xff\x00a": "begins with a byte order mark",
		"a\u200b": "ends with an invisible character", "\u202ea": "begins with an invisible character", "a\x00": "ends with a control character", "\x1b[0ma": "begins with a control character",
		`"`: "begins with a quote",
	} {
		if got := End(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTrim(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "a\r": "a\r", "\n": "", "a \n": "a "} {
		if got := TrimBreak(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := TrimPEM(text); got != text {
			t.Errorf("%q is no key, and becomes %q", text, got)
		}
		const pem = "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"
		if got := TrimPEM(pem + text); got != pem+want {
			t.Errorf("%q: %q", pem+text, got)
		}
	}
}
