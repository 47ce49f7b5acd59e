package integration

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/payload"
	"github.com/hookgate/hookgate/module/provider"
	"github.com/hookgate/hookgate/module/storage"
)

// anyIntegration draws an integration with any of its parts there or not.
func anyIntegration(r *rand.Rand) *Integration {
	maybe := func() bool { return r.IntN(2) == 0 }
	text := func() string {
		raw := make([]byte, r.IntN(4)*r.IntN(60))
		for i := range raw {
			raw[i] = byte(r.Uint32())
		}
		return string(raw)
	}
	secret := func() credential.Secret { return credential.NewSecret(text()).Salted(text()) }
	secrets := func() (list []credential.Secret) {
		for range r.IntN(credential.MaxSecrets + 1) {
			list = append(list, secret())
		}
		return list
	}
	at := func() time.Time { return time.Unix(r.Int64N(1<<36)-1<<35, 0).UTC() }
	in := &Integration{
		WebhookID: "hook", Project: "demo", Revision: r.Uint64(), ManagedBy: ManagedByAPI,
		Alias: text(), IsEnabled: maybe(), Dedupe: []Dedupe{DedupeDelivery, DedupeBody, DedupeNone, ""}[r.IntN(4)],
		CreatedAt: at(), UpdatedAt: at(),
		Authentication: Authentication{
			RequireSHA256Signature: maybe(), AllowUnauthenticated: maybe(), Match: []Match{MatchAny, MatchAll, ""}[r.IntN(3)],
		},
	}
	for i := range in.Identity {
		in.Identity[i] = byte(r.Uint32())
	}
	give := func(c credential.Credential) {
		if maybe() {
			in.Authentication.Credentials = in.Authentication.Credentials.With(c)
		}
	}
	give(&credential.SecureHeader{Name: text(), Value: secret()})
	signature := &credential.Signature{Provider: text(), Secrets: secrets()}
	if maybe() {
		signature.Tolerance = 1 + r.IntN(provider.MaxTolerance)
	}
	if maybe() {
		signature.Provider = credential.Custom
		signature.Description = &provider.Description{Name: credential.Custom, Event: []provider.Place{{JSON: "a"}}}
	}
	give(signature)
	give(&credential.Basic{Username: text(), Password: secret()})
	give(&credential.Bearer{Tokens: secrets()})
	token := &credential.JWT{Issuer: text(), Audience: text(), Header: text()}
	for range r.IntN(4) {
		if token.Claims == nil {
			token.Claims = make(map[string]any)
		}
		token.Claims[strings.ToValidUTF8(text(), "")] = maybe()
	}
	if maybe() && token.Claims != nil {
		token.Claims["email"] = "a\"<b"
	}
	give(token)
	certificate := &credential.ClientCertificate{SANs: []string{text()}}
	if maybe() {
		certificate.Fingerprints = []string{text(), text()}
	}
	give(certificate)
	give(&credential.SourceIPs{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")})
	for range r.IntN(4) * r.IntN(maxFilter/3) {
		in.EventFilter = append(in.EventFilter, text())
	}
	for range r.IntN(4) {
		in.Resources = append(in.Resources, Resource{Type: text(), ID: text()})
	}
	if maybe() {
		in.Handshake = &Handshake{OpenedAt: at(), Reader: text()}
		if maybe() {
			in.Handshake.Learned = &Learned{credential.NewSecret("s" + text()).Salted(text()), Sighting{at(), text()}}
		}
		if maybe() {
			in.Handshake.Refused = &Sighting{at(), text()}
		}
	}
	in.Match = text()
	if maybe() {
		in.Payload = &payload.Spec{Template: text(), MaxBytes: r.IntN(1 << 20)}
		for range r.IntN(4) {
			if in.Payload.Fields == nil {
				in.Payload.Fields = make(map[string]string)
			}
			in.Payload.Fields[text()] = text()
		}
	}
	return in
}

func TestStoredRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		in := anyIntegration(r)
		if again := throughStore(t, in); !reflect.DeepEqual(in, again) {
			t.Fatalf("%#v\n%#v", in, again)
		}
	}
	never := &Integration{ManagedBy: ManagedByAPI}
	if again := throughStore(t, never); !reflect.DeepEqual(never, again) {
		t.Errorf("%#v", again)
	}
}

// Each part of a value counts: cut short, or with something after it, it is
// not read as another integration.
func TestStoredIsDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		value, err := anyIntegration(r).Encode()
		if err != nil {
			t.Fatal(err)
		}
		for end := range value {
			if _, err := Decode(storage.Integration{Value: value[:end]}); !errors.Is(err, storage.ErrCorrupt) {
				t.Fatalf("%d of %d bytes: %v", end, len(value), err)
			}
		}
		if _, err := Decode(storage.Integration{Value: append(value, 0)}); !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("a byte too many: %v", err)
		}
	}
}

func TestStoredInAnotherVersion(t *testing.T) {
	for _, version := range []byte{0, wideVersion + 1, '{', 255} {
		value, err := mustParse(t, `{`+github+`}`).Encode()
		if err != nil {
			t.Fatal(err)
		}
		value[0] = version
		_, err = Decode(storage.Integration{WebhookID: "hook", Value: value})
		if !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "hook: it is stored in version") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d: %v", version, err)
		}
	}
}

// A reader of many requests makes few things of each integration.
func TestStoredAllocations(t *testing.T) {
	value, err := mustParse(t, `{`+github+`,"event_filter":["push","pull_request"]}`).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = Decode(storage.Integration{Value: value}) }); n > 7 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzStored(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		value, _ := anyIntegration(r).Encode()
		f.Add(value)
	}
	f.Add([]byte(nil))
	f.Add(append(make([]byte, 18), bytes.Repeat([]byte{255}, 12)...))
	f.Fuzz(func(t *testing.T, value []byte) {
		in, err := Decode(storage.Integration{WebhookID: "hook", Value: value})
		if err != nil {
			if in != nil || !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("%v, %v", in, err)
			}
			return
		}
		encoded, err := in.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(storage.Integration{WebhookID: "hook", Value: encoded})
		if err != nil || !reflect.DeepEqual(in, again) {
			t.Errorf("%v\n%#v\n%#v", err, in, again)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	in := anyIntegration(rand.New(rand.NewPCG(7, 8)))
	in.Authentication = Authentication{Credentials: credential.NewSet(&credential.Signature{Provider: "github", Secrets: []credential.Secret{credential.NewSecret("a secret of the sender")}}), Match: MatchAny}
	in.EventFilter = []string{"push"}
	value, err := in.Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(storage.Integration{WebhookID: "hook", Value: value}); err != nil {
			b.Fatal(err)
		}
	}
}

// An integration and its credentials share the flags.
func TestStoredFlags(t *testing.T) {
	if both := ownFlags & credential.Flags(); both != 0 {
		t.Errorf("%b means two things", both)
	}
}
