package sender

import (
	"strings"
	"testing"
)

func TestCheckSecret(t *testing.T) {
	tests := []struct {
		provider, secret string
		ok               bool
	}{
		{"github", "x", true},
		{"github", "pässwörd☃", true},
		{"gitlab", "token", true},
		{"gitlab", "two words", true},
		{"gitlab", " blank", false},
		{"gitlab", "tökn", false},
		{"gitlab", "line\nbreak", false},
		{"standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true},
		{"standard-webhooks", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true},
		{"standard-webhooks", "whsec_", false},
		{"standard-webhooks", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", false},
		{"standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", false},
	}
	for _, test := range tests {
		err := mustLookup(t, test.provider).CheckSecret(test.secret)
		if (err == nil) != test.ok {
			t.Errorf("%s: CheckSecret(%q) = %v", test.provider, test.secret, err)
		}
		if err != nil && len(test.secret) > 8 && strings.Contains(err.Error(), test.secret) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

// What counts about a secret is the key that it stands for.
func TestKeySize(t *testing.T) {
	for _, test := range []struct {
		provider, secret string
		size             int
		shared           bool
	}{
		{"github", "abc", 3, true},
		{"gitlab", "a token", 7, true},
		{"standard-webhooks", "whsec_YWJj", 3, true},
		{"standard-webhooks", "YWJj", 3, true},
		{"discord", strings.Repeat("0a", 32), 0, false},
		{"meta", "verify:w", 0, false},
		{"meta", "abc", 3, true},
		{"sns", "arn:aws:sns:eu-west-1:123456789012:topic", 0, false},
	} {
		p, found := Lookup(test.provider)
		if !found {
			t.Fatal(test.provider)
		}
		if size, shared := p.KeySize(test.secret); size != test.size || shared != test.shared {
			t.Errorf("%s: %d, %v", test.provider, size, shared)
		}
	}
}
