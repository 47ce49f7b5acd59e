package integration

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/form"
	"github.com/hookgate/hookgate/module/storage"
)

const learner = `"authentication":{"signature":{"provider":"asana"}}`

func newLearner(t *testing.T, form string) (*Service, View, *Integration) {
	t.Helper()
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	in, err := s.Create(t.Context(), view, "demo", []byte(`{"webhook_id":"hook",`+form+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return s, view, in
}

func (s *Service) mustGet(t *testing.T, view View) *Integration {
	t.Helper()
	in, err := s.Get(t.Context(), view, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	return throughStore(t, in)
}

func TestSecretIsLearned(t *testing.T) {
	s, view, in := newLearner(t, learner)
	m := s.integrations.(*memory)
	learn := func(secret, client string, want bool) {
		t.Helper()
		if learned, err := s.Learn(t.Context(), in, secret, client); err != nil || learned != want {
			t.Fatalf("learned %v, %v", learned, err)
		}
	}
	learn("early", "192.0.2.1", false)
	opened, fresh, err := s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{})
	if err != nil || !fresh || opened.Handshake.Learned != nil {
		t.Fatalf("%+v, %v, %v", opened, fresh, err)
	}
	if _, fresh, err = s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{}); err != nil || fresh {
		t.Errorf("opened again: %v, %v", fresh, err)
	}
	if _, err := s.ConfirmHandshake(t.Context(), view, "demo", "hook", []byte(`{"fingerprint":"00000000"}`), Precondition{}); !errors.Is(err, ErrNotLearned) {
		t.Errorf("confirmed nothing: %v", err)
	}
	m.afterPut = storage.ErrUnavailable
	if learned, err := s.Learn(t.Context(), in, "the secret", "192.0.2.1"); learned || !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("learned %v, %v", learned, err)
	}
	once := s.mustGet(t, view)
	learn("the secret", "192.0.2.2", true)
	again := s.mustGet(t, view)
	if again.Revision == once.Revision {
		t.Error("a secret that comes again is answered without a write, though the first has failed halfway")
	}
	learn("the secret", "192.0.2.2", true)
	if s.mustGet(t, view).Revision != again.Revision {
		t.Error("a secret that is on disk is written again")
	}
	if got := s.mustGet(t, view); got.Handshake.Learned.Client != "192.0.2.1" || got.Handshake.Refused != nil || len(got.Authentication.Credentials.Signature().Secrets) != 0 {
		t.Errorf("%+v", got.Handshake)
	}
	learn("another", "192.0.2.3", false)
	before := s.mustGet(t, view)
	learn("a third", "192.0.2.4", false)
	got := s.mustGet(t, view)
	if got.Handshake.Learned.Secret.Reveal() != "the secret" || got.Handshake.Refused == nil || got.Handshake.Refused.Client != "192.0.2.3" {
		t.Errorf("%+v", got.Handshake)
	}
	if got.Revision != before.Revision {
		t.Error("each refused secret is written")
	}
	if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{}); !errors.Is(err, ErrLearned) {
		t.Errorf("opened over a learned secret: %v", err)
	}
	if _, err := s.ConfirmHandshake(t.Context(), view, "demo", "hook", []byte(`{"fingerprint":"00000000"}`), Precondition{}); !errors.Is(err, ErrFingerprint) {
		t.Errorf("confirmed another fingerprint: %v", err)
	}
	confirm := []byte(`{"fingerprint":"` + got.Handshake.Learned.Secret.Fingerprint() + `"}`)
	if _, err := s.ConfirmHandshake(t.Context(), view, "demo", "hook", confirm, Precondition{IfMatch: in.ETag()}); !errors.Is(err, ErrPrecondition) {
		t.Errorf("an old ETag: %v", err)
	}
	if _, err := s.ConfirmHandshake(t.Context(), view, "other", "hook", confirm, Precondition{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("another project: %v", err)
	}
	done, err := s.ConfirmHandshake(t.Context(), view, "demo", "hook", confirm, Precondition{IfMatch: got.ETag()})
	if err != nil || done.Handshake != nil || len(done.Authentication.Credentials.Signature().Secrets) != 1 || done.Authentication.Credentials.Signature().Secrets[0].Reveal() != "the secret" {
		t.Fatalf("%+v, %v", done, err)
	}
	learn("late", "192.0.2.1", false)
	if text := sprint("%+v", got.Handshake); strings.Contains(text, "the secret") {
		t.Errorf("formatted output holds the secret: %s", text)
	}
}

func TestHandshakeWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, view, in := newLearner(t, learner)
		open := func() {
			t.Helper()
			if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{}); err != nil {
				t.Fatal(err)
			}
		}
		open()
		time.Sleep(HandshakeWindow - 2*time.Second)
		if !s.mustGet(t, view).Handshake.Open(time.Now()) {
			t.Error("the window closes early")
		}
		time.Sleep(2 * time.Second)
		if learned, err := s.Learn(t.Context(), in, "late", ""); err != nil || learned {
			t.Errorf("learned %v after the window, %v", learned, err)
		}
		open()
		if h := s.mustGet(t, view).Handshake; h.Open(h.OpenedAt.Add(-time.Second)) {
			t.Error("a clock that is set back keeps the window open")
		}
		if learned, err := s.Learn(t.Context(), in, "one", ""); err != nil || !learned {
			t.Fatal(learned, err)
		}
		time.Sleep(time.Hour)
		got := s.mustGet(t, view)
		if _, err := s.ConfirmHandshake(t.Context(), view, "demo", "hook", []byte(`{"fingerprint":"`+got.Handshake.Learned.Secret.Fingerprint()+`"}`), Precondition{}); err != nil {
			t.Errorf("confirmed late: %v", err)
		}
		open()
		closed, err := s.CloseHandshake(t.Context(), view, "demo", "hook", Precondition{})
		if err != nil || closed.Handshake != nil {
			t.Errorf("%+v, %v", closed.Handshake, err)
		}
	})
}

// A window belongs to a sender: another one's secret is not learned in it.
func TestHandshakeAndChanges(t *testing.T) {
	tests := []struct {
		name, patch string
		kept        bool
	}{
		{"alias", `{"alias":"x"}`, true},
		{"provider", `{"authentication":{"signature":{"provider":"github","secrets":["k"]}}}`, false},
		{"no signature", `{"authentication":{"signature":null,"bearer":{"tokens":["t"]}}}`, false},
		{"secrets", `{"authentication":{"signature":{"secrets":["k"]}}}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, view, in := newLearner(t, learner)
			if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{}); err != nil {
				t.Fatal(err)
			}
			got, err := s.Patch(t.Context(), view, "demo", "hook", []byte(test.patch), Precondition{})
			if err != nil {
				t.Fatal(err)
			}
			if learned, err := s.Learn(t.Context(), in, "k2", ""); err != nil || learned != test.kept || (got.Handshake != nil) != test.kept {
				t.Errorf("learned %v, %v", learned, err)
			}
		})
	}
}

func TestHandshakeConflicts(t *testing.T) {
	tests := []struct {
		name, form string
		want       error
	}{
		{"another provider", github, ErrNoHandshake},
		{"no signature", `"authentication":{"bearer":{"tokens":["t"]}}`, ErrNoHandshake},
		{"disabled", `"is_enabled":false,` + learner, ErrDisabled},
		{"no room", `"authentication":{"signature":{"provider":"asana","secrets":["1","2","3","4","5"]}}`, ErrNoRoom},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, view, _ := newLearner(t, test.form)
			if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{}); !errors.Is(err, test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDeclaredLearnsNothing(t *testing.T) {
	s, _, _ := newTestService(t)
	parse := func(secrets string) ([]*Integration, error) {
		return Declaring{Rules: rules()}.Parse([]json.RawMessage{[]byte(`{"webhook_id":"hook","project":"demo","authentication":{"signature":{"provider":"asana"` + secrets + `}}}`)})
	}
	if _, err := parse(""); err == nil || !strings.Contains(err.Error(), "authentication.signature.secrets") {
		t.Errorf("a declaration without a secret: %v", err)
	}
	parsed, err := parse(`,"secrets":["k"]`)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := s.Declare(t.Context(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	view := View{Rules: rules(), Declared: declared}
	if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", nil, Precondition{}); !errors.Is(err, ErrDeclared) {
		t.Errorf("%v", err)
	}
}

// What is learned is sealed to the key that has opened the window, and to no
// other.
func TestReveal(t *testing.T) {
	s, view, in := newLearner(t, learner)
	key, err := NewRevealKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", []byte(`{"public_key":"`+key.Public()+`"}`), Precondition{}); err != nil {
		t.Fatal(err)
	}
	if sealed, err := s.mustGet(t, view).Reveal(); sealed != "" || err != nil {
		t.Errorf("reveals %q, %v", sealed, err)
	}
	if learned, err := s.Learn(t.Context(), in, "the secret", ""); !learned || err != nil {
		t.Fatal(learned, err)
	}
	got := s.mustGet(t, view)
	sealed, err := got.Reveal()
	if err != nil || strings.Contains(sealed, "the secret") {
		t.Fatal(sealed, err)
	}
	if secret, err := key.Open("hook", sealed); err != nil || secret != "the secret" {
		t.Errorf("%q, %v", secret, err)
	}
	if _, err := key.Open("other", sealed); err == nil {
		t.Error("it passes for another integration's")
	}
	other, err := NewRevealKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open("hook", sealed); err == nil {
		t.Error("another key reads it")
	}
	got.Handshake.Reader = ""
	if sealed, err := got.Reveal(); sealed != "" || err != nil {
		t.Errorf("without a key it reveals %q, %v", sealed, err)
	}
}

func TestRevealKeys(t *testing.T) {
	s, view, _ := newLearner(t, learner)
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, text := range []string{``, `[]`, `{"public_key":"x"}`, `{"public_key":"AAAA"}`, `{"public_key":1}`, `{"public_key":"` + zeros + `"}`, `{"key":""}`} {
		var refusal *form.Refusal
		if _, _, err := s.OpenHandshake(t.Context(), view, "demo", "hook", []byte(text), Precondition{}); !errors.As(err, &refusal) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
