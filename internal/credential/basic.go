package credential

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/stray"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// Basic is HTTP basic authentication (RFC 7617).
type Basic struct {
	Username string
	Password Secret
}

const maxUsername = 256 // characters

// Kind implements Credential.
func (*Basic) Kind() string { return "basic" }

type basicForm struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

func (b *Basic) read(f *form.Fields, in *Reading) bool {
	o := f.Object(b.Kind())
	if !o.Has("username") {
		o.Refuse("username", form.Required, "it is required, and may be empty")
	}
	b.Username = o.Text("username", "")
	var stored []Secret
	if kept := Of[*Basic](in.Stored); kept != nil && kept.Username == b.Username {
		stored = []Secret{kept.Password}
	}
	switch {
	case utf8.RuneCountInString(b.Username) > maxUsername:
		o.Refuse("username", form.TooLong, "at most %d characters are allowed", maxUsername)
	case strings.Contains(b.Username, ":") || strings.ContainsFunc(b.Username, unicode.IsControl):
		o.Refuse("username", form.Invalid, "a colon and control characters are not allowed")
	}
	b.Password = in.secret(o, "password", o.Text("password", ""), stored)
	if strings.ContainsFunc(b.Password.value, unicode.IsControl) {
		o.Refuse("password", form.Invalid, "control characters are not allowed")
	}
	o.End()
	return true
}

// readOption reads basic <user> <password>.
func (*Basic) readOption(o Options) (any, error) {
	var formed basicForm
	return &formed, o.Login(&formed.Username, &formed.Password)
}

func (*Basic) check(*form.Fields, ProviderFacts) {}

func (b *Basic) warn(warn Warn) {
	if found := stray.End(b.Username); found != "" {
		warn("username", "it %s", found)
	}
}

func (*Basic) keySize(secret Secret, _ ProviderFacts) (int, bool) { return len(secret.value), true }

func (b *Basic) masked() any { return &basicForm{b.Username, b.Password.Masked()} }

func (*Basic) shownAbsent() bool { return true }

func (b *Basic) mapSecrets(change func(string, Secret) Secret) Credential {
	return &Basic{b.Username, change("password", b.Password)}
}

func (*Basic) flags() (set, all uint16) { return 1 << 5, 1 << 5 }

func (b *Basic) appendTo(raw []byte) ([]byte, error) {
	return AppendSecret(wire.AppendStrings(raw, b.Username), b.Password), nil
}

func (b *Basic) readStored(r *wire.StringDecoder, _ uint16) {
	b.Username, b.Password = r.String(), ReadSecret(r)
}

func (b *Basic) size() (entries, texts int) { return 0, len(b.Username) }

func (*Basic) uses([]string) []use { return []use{{"", "Authorization"}} }

func (b *Basic) judge(*Checker) (judge, error) {
	// The base64 text has one spelling, so it is compared as it is. A colon in the
	// user name would move the border to the password.
	if strings.Contains(b.Username, ":") || b.Password.value == "" {
		return nil, errors.New("the basic credential is not valid")
	}
	pair := base64.StdEncoding.EncodeToString([]byte(b.Username + ":" + b.Password.value))
	token, err := newToken("Authorization", "Basic", pair)
	return &basicJudge{token, b}, err
}

func (*Basic) reasons() []provider.Reason { return commonReasons }

func (*Basic) logged() (key, value string) { return "", "" }

type basicJudge struct {
	token
	configured *Basic
}

func (j *basicJudge) sample(s *Sample) error {
	r := http.Request{Header: s.Request.Header}
	r.SetBasicAuth(j.configured.Username, j.configured.Password.value)
	return nil
}
