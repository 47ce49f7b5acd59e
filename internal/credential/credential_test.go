package credential

import (
	"testing"
)

// What is stored tells by its flags which credentials follow.
func TestFlags(t *testing.T) {
	seen, names := uint16(0), make(map[string]bool)
	for i := range table {
		kind := &table[i]
		if kind.flag == 0 || kind.flag&^kind.all != 0 {
			t.Errorf("%s has the flag %b of %b", kind.name, kind.flag, kind.all)
		}
		if kind.all&seen != 0 || names[kind.name] {
			t.Errorf("%s has a name or a flag of another kind", kind.name)
		}
		seen, names[kind.name] = seen|kind.all, true
	}
	if seen != Flags() {
		t.Errorf("%b are known of %b", Flags(), seen)
	}
}

func TestSet(t *testing.T) {
	bearer := &Bearer{Tokens: []Secret{NewSecret("t")}}
	sources := &SourceIPs{}
	s := NewSet(sources, bearer, &SecureHeader{Name: "X-A"})
	if got := s.Kinds(); len(got) != 3 || got[0] != "secure_header" || got[1] != "bearer" || got[2] != "source_ips" {
		t.Errorf("%q", got)
	}
	other := &Bearer{}
	if next := s.With(other); Of[*Bearer](next) != other || Of[*Bearer](s) != bearer || len(next) != 3 {
		t.Errorf("%v of %v", next.Kinds(), s.Kinds())
	}
	if s.Signature() != nil || Of[*SourceIPs](s) != sources {
		t.Errorf("%v, %v", s.Signature(), Of[*SourceIPs](s))
	}
}

func TestLogged(t *testing.T) {
	s := NewSet(&Bearer{}, &JWT{Issuer: "google"})
	for reason, want := range map[string][2]string{
		"jwt_mismatch": {"jwt_issuer", "google"}, "jwt_issuer_unknown": {"jwt_issuer", "google"},
		"bearer_mismatch": {}, "credential_missing": {}, "": {},
	} {
		if key, value := s.Logged(reason); key != want[0] || value != want[1] {
			t.Errorf("%q: %q, %q", reason, key, value)
		}
	}
}
