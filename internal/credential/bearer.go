package credential

import (
	"strings"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/internal/wire"
	"github.com/hookgate/hookgate/module/provider"
)

// Bearer is a bearer token (RFC 6750): any of them.
type Bearer struct {
	Tokens []Secret
}

// Kind implements Credential.
func (*Bearer) Kind() string { return "bearer" }

type bearerForm struct {
	Tokens []string `json:"tokens"`
}

func (b *Bearer) read(f *form.Fields, in *Reading) bool {
	o := f.Object(b.Kind())
	var stored []Secret
	if kept := Of[*Bearer](in.Stored); kept != nil {
		stored = kept.Tokens
	}
	b.Tokens = in.secrets(o, "tokens", 1, stored)
	for i, token := range b.Tokens {
		if !visible(token.value) || strings.Contains(token.value, " ") {
			o.Refuse(form.Item("tokens", i), form.Invalid, "only printable ASCII without blanks is allowed")
		}
	}
	o.End()
	return true
}

// readOption reads bearer <token...>.
func (*Bearer) readOption(o Options) (any, error) {
	var formed bearerForm
	return &formed, o.List(1, &formed.Tokens)
}

func (*Bearer) check(*form.Fields, ProviderFacts) {}

func (*Bearer) warn(Warn) {}

func (*Bearer) keySize(secret Secret, _ ProviderFacts) (int, bool) { return len(secret.value), true }

func (b *Bearer) masked() any { return &bearerForm{masked(b.Tokens)} }

func (*Bearer) shownAbsent() bool { return true }

func (b *Bearer) mapSecrets(change func(string, Secret) Secret) Credential {
	return &Bearer{mapList("tokens", b.Tokens, change)}
}

func (*Bearer) flags() (set, all uint16) { return 1 << 6, 1 << 6 }

func (b *Bearer) appendTo(raw []byte) ([]byte, error) { return appendSecrets(raw, b.Tokens), nil }

func (b *Bearer) readStored(r *wire.StringDecoder, _ uint16) { b.Tokens = readSecrets(r) }

func (*Bearer) size() (entries, texts int) { return 0, 0 }

func (*Bearer) uses([]string) []use { return []use{{"", "Authorization"}} }

func (b *Bearer) judge(*Checker) (judge, error) {
	token, err := newToken("Authorization", "Bearer", reveal(b.Tokens)...)
	return &bearerJudge{token, b}, err
}

func (*Bearer) reasons() []provider.Reason { return commonReasons }

func (*Bearer) logged() (key, value string) { return "", "" }

type bearerJudge struct {
	token
	configured *Bearer
}

func (j *bearerJudge) sample(s *Sample) error {
	s.Request.Header.Set("Authorization", "Bearer "+j.configured.Tokens[0].value)
	return nil
}
