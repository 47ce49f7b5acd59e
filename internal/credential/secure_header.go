package credential

import (
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// SecureHeader is a header with a fixed, secret value.
type SecureHeader struct {
	Name  string
	Value Secret
}

// Kind implements Credential.
func (*SecureHeader) Kind() string { return "secure_header" }

type secureHeaderForm struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (h *SecureHeader) read(f *form.Fields, in *Reading) bool {
	o := f.Object(h.Kind())
	h.Name = o.Text("name", "")
	var stored []Secret
	if kept := Of[*SecureHeader](in.Stored); kept != nil && strings.EqualFold(kept.Name, h.Name) {
		stored = []Secret{kept.Value}
	}
	if h.Name == "" {
		o.Refuse("name", form.Required, "it must not be empty")
	}
	h.Value = in.secret(o, "value", o.Text("value", ""), stored)
	if !visible(h.Value.value) {
		o.Refuse("value", form.Invalid, "only printable ASCII is allowed")
	}
	o.End()
	return true
}

// readOption reads secure_header <name> <value>.
func (*SecureHeader) readOption(o Options) (any, error) {
	var formed secureHeaderForm
	return &formed, o.Secret(&formed.Name, &formed.Value)
}

func (h *SecureHeader) check(f *form.Fields, facts ProviderFacts) {
	checkHeader(f, "secure_header.name", h.Name, facts)
}

func (*SecureHeader) warn(Warn) {}

func (*SecureHeader) keySize(secret Secret, _ ProviderFacts) (int, bool) {
	return len(secret.value), true
}

func (h *SecureHeader) masked() any { return &secureHeaderForm{h.Name, h.Value.Masked()} }

func (*SecureHeader) shownAbsent() bool { return true }

func (h *SecureHeader) mapSecrets(change func(string, Secret) Secret) Credential {
	return &SecureHeader{h.Name, change("value", h.Value)}
}

func (*SecureHeader) flags() (set, all uint16) { return 1 << 3, 1 << 3 }

func (h *SecureHeader) appendTo(raw []byte) ([]byte, error) {
	return AppendSecret(wire.AppendStrings(raw, h.Name), h.Value), nil
}

func (h *SecureHeader) readStored(r *wire.StringDecoder, _ uint16) {
	h.Name, h.Value = r.String(), ReadSecret(r)
}

func (h *SecureHeader) size() (entries, texts int) { return 0, len(h.Name) }

func (h *SecureHeader) uses([]string) []use { return []use{{"name", h.Name}} }

func (h *SecureHeader) judge(*Checker) (judge, error) {
	token, err := newToken(h.Name, "", h.Value.value)
	return &secureHeaderJudge{token, h}, err
}

func (*SecureHeader) reasons() []provider.Reason { return commonReasons }

func (*SecureHeader) logged() (key, value string) { return "", "" }

type secureHeaderJudge struct {
	token
	configured *SecureHeader
}

func (j *secureHeaderJudge) sample(s *Sample) error {
	s.Request.Header.Set(j.configured.Name, j.configured.Value.value)
	return nil
}
