package integration

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

func declare(t *testing.T, s *Service, texts ...string) *Declared {
	t.Helper()
	var declared []*Integration
	for _, text := range texts {
		in, _, err := Declaring{Rules: rules()}.parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		declared = append(declared, in)
	}
	d, err := s.Declare(t.Context(), declared)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDeclared(t *testing.T) {
	s, m, _ := newTestService(t)
	view := View{Rules: rules()}
	for _, id := range []string{"b", "d"} {
		if _, err := s.Create(t.Context(), view, "demo", withHook(id)); err != nil {
			t.Fatal(err)
		}
	}
	one := `{"webhook_id":"b","project":"demo",` + github + `}`
	d := declare(t, s, one, `{"webhook_id":"c","project":"demo",`+github+`}`, `{"webhook_id":"a","project":"zoo",`+github+`}`)
	if !reflect.DeepEqual(d.Shadowed, []string{"b"}) || len(d.All()) != 3 || d.All()[2].Project != "zoo" {
		t.Errorf("%+v", d)
	}
	view.Declared = d
	in, err := s.Get(t.Context(), view, "demo", "b")
	if err != nil || in.ManagedBy != ManagedByConfig || in.Identity == (storage.Identity{}) || in.CreatedAt.IsZero() {
		t.Fatalf("%+v, %v", in, err)
	}
	if _, err := s.Create(t.Context(), view, "demo", withHook("c")); !errors.Is(err, ErrExists) {
		t.Errorf("create: %v", err)
	}
	if _, _, err := s.Put(t.Context(), view, "demo", "b", withHook("b"), Precondition{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("put: %v", err)
	}
	if _, _, err := s.Put(t.Context(), view, "other", "b", withHook("b"), Precondition{}); !errors.Is(err, ErrExists) {
		t.Errorf("put in another project: %v", err)
	}
	if _, err := s.Patch(t.Context(), view, "demo", "b", []byte(`{}`), Precondition{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("patch: %v", err)
	}
	if err := s.Delete(t.Context(), view, "demo", "b", true, Precondition{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("delete: %v", err)
	}
	if _, err := s.Get(t.Context(), view, "demo", "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another project's: %v", err)
	}

	// Nothing is written for what is known, and identity and masks stay.
	writes := m.revision
	again := declare(t, s, one).All()[0]
	if m.revision != writes || !reflect.DeepEqual(again, in) {
		t.Errorf("%+v\n%+v", in, again)
	}
	changed := declare(t, s, strings.Replace(one, "s3cret", "other", 1)).All()[0]
	if changed.Identity != in.Identity || changed.Revision == in.Revision ||
		changed.Authentication.Credentials.Signature().Secrets[0].Masked() == in.Authentication.Credentials.Signature().Secrets[0].Masked() {
		t.Errorf("%+v\n%+v", in, changed)
	}
	if moved := declare(t, s, strings.Replace(one, "demo", "zoo", 1)).All()[0]; moved.Identity == in.Identity {
		t.Error("a declaration of another project has the same identity")
	}
	for _, record := range m.records {
		if record.Deleted && strings.Contains(string(record.Value), "s3cret") {
			t.Error("a secret of the configuration is stored")
		}
	}
}

// The webhook ID of a declaration that has gone stays with its project.
func TestDeclaredIDIsReserved(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	one := `{"webhook_id":"hook","project":"demo",` + github + `}`
	declare(t, s, one)
	create := func(project string) error {
		_, err := s.Create(t.Context(), view, project, withHook("hook"))
		return err
	}
	if in, err := s.Lookup(t.Context(), view, "hook"); in != nil || err != nil {
		t.Fatalf("%+v, %v", in, err)
	}
	if err := create("other"); !errors.Is(err, ErrExists) {
		t.Errorf("another project's: %v", err)
	}
	declare(t, s, strings.Replace(one, "demo", "zoo", 1)) // the operator may give it away
	if err := create("demo"); !errors.Is(err, ErrExists) {
		t.Errorf("the former project's: %v", err)
	}
	if err := create("zoo"); err != nil {
		t.Errorf("its own: %v", err)
	}
	if d := declare(t, s, one); !reflect.DeepEqual(d.Shadowed, []string{"hook"}) {
		t.Errorf("shadows %v", d.Shadowed)
	}
	if in, err := s.Get(t.Context(), view, "zoo", "hook"); err != nil || in.ManagedBy != ManagedByAPI {
		t.Errorf("%+v, %v", in, err)
	}
}
