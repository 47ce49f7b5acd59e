package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/module/storage"
)

func sprint(format string, value any) string { return fmt.Sprintf(format, value) }

func throughStore(t *testing.T, in *Integration) *Integration {
	t.Helper()
	value, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(storage.Integration{WebhookID: in.WebhookID, Project: in.Project, Revision: in.Revision, Value: value})
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func withHook(id string) []byte { return []byte(`{"webhook_id":"` + id + `",` + github + `}`) }

func TestCreate(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	in, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	if in.Identity == (storage.Identity{}) || in.ManagedBy != ManagedByAPI || in.CreatedAt.IsZero() || in.Revision == 0 {
		t.Errorf("%+v", in)
	}
	got, err := s.Get(t.Context(), view, "demo", "hook")
	if err != nil || got.Identity != in.Identity || got.ETag() != in.ETag() {
		t.Errorf("%+v, %v", got, err)
	}
	for _, project := range []string{"demo", "other"} {
		if _, err := s.Create(t.Context(), view, project, withHook("hook")); !errors.Is(err, ErrExists) {
			t.Errorf("%s: %v", project, err)
		}
	}
	drawn, err := s.Create(t.Context(), view, "demo", []byte(`{`+github+`}`))
	if err != nil || len(drawn.WebhookID) != 26 || !ValidWebhookID(drawn.WebhookID) {
		t.Errorf("%+v, %v", drawn, err)
	}
	for _, id := range []string{"", "declared/x"} {
		if _, err := s.Create(t.Context(), view, "demo", withHook(id)); err == nil {
			t.Errorf("the webhook ID %q was taken", id)
		}
	}
}

func TestOtherProjects(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	if _, err := s.Create(t.Context(), view, "demo", withHook("hook")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), view, "other", "hook"); !errors.Is(err, ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if _, _, err := s.Put(t.Context(), view, "other", "hook", withHook("hook"), Precondition{}); !errors.Is(err, ErrExists) {
		t.Errorf("put: %v", err)
	}
	if _, _, err := s.Put(t.Context(), view, "other", "hook", withHook("hook"), Precondition{IfMatch: "*"}); !errors.Is(err, ErrPrecondition) {
		t.Errorf("put if-match: %v", err)
	}
	if _, err := s.Patch(t.Context(), view, "other", "hook", []byte(`{}`), Precondition{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("patch: %v", err)
	}
	if err := s.Delete(t.Context(), view, "other", "hook", true, Precondition{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), view, "other", withHook("hook")); !errors.Is(err, ErrExists) {
		t.Errorf("a deleted ID: %v", err)
	}
	if _, _, err := s.Put(t.Context(), view, "other", "hook", withHook("hook"), Precondition{}); !errors.Is(err, ErrExists) {
		t.Errorf("put on a deleted ID: %v", err)
	}
}

func TestPutReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestService(t)
		view := View{Rules: rules()}
		first, created, err := s.Put(t.Context(), view, "demo", "hook", []byte(`{"alias":"a","is_enabled":false,`+github+`}`), Precondition{})
		if err != nil || !created {
			t.Fatal(created, err)
		}
		time.Sleep(time.Minute)
		next, created, err := s.Put(t.Context(), view, "demo", "hook", []byte(`{`+github+`}`), Precondition{IfMatch: first.ETag()})
		if err != nil || created {
			t.Fatal(created, err)
		}
		if next.Alias != "" || !next.IsEnabled || next.Identity != first.Identity || !next.CreatedAt.Equal(first.CreatedAt) ||
			next.UpdatedAt.Sub(first.UpdatedAt) != time.Minute || next.ETag() == first.ETag() {
			t.Errorf("%+v\n%+v", first, next)
		}
	})
}

// What changes nothing is no change, however often it is sent. A secret in the
// clear text is always set again, so that nobody can find out what is stored.
func TestUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m, _ := newTestService(t)
		view := View{Rules: rules()}
		first, err := s.Create(t.Context(), view, "demo", []byte(`{"webhook_id":"hook","alias":"a","event_filter":["push"],`+github+`}`))
		if err != nil {
			t.Fatal(err)
		}
		masked, err := json.Marshal(first.Mask(""))
		if err != nil {
			t.Fatal(err)
		}
		put := func(text []byte) (*Integration, error) {
			in, _, err := s.Put(t.Context(), view, "demo", "hook", text, Precondition{IfMatch: "*"})
			return in, err
		}
		patch := func(text []byte) (*Integration, error) {
			return s.Patch(t.Context(), view, "demo", "hook", text, Precondition{})
		}
		for _, c := range []struct {
			write func([]byte) (*Integration, error)
			text  string
			moves bool
		}{
			{put, string(masked), false},
			{patch, `{}`, false},
			{patch, `{"alias":"a","event_filter":" push "}`, false},
			{patch, `{"alias":"b"}`, true},
			{put, string(masked), true},
			{put, `{"alias":"a","event_filter":["push"],` + github + `}`, true},
		} {
			before, err := s.Get(t.Context(), view, "demo", "hook")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			after, err := c.write([]byte(c.text))
			if err != nil {
				t.Fatal(c.text, err)
			}
			if moved := after.ETag() != before.ETag(); moved != c.moves || after.UpdatedAt.After(before.UpdatedAt) != c.moves {
				t.Errorf("%s: %s at %s was %s at %s", c.text, after.ETag(), after.UpdatedAt, before.ETag(), before.UpdatedAt)
			}
		}

		// A write that failed may be read, and yet not be on disk.
		m.afterPut = storage.ErrUnavailable
		if _, err := patch([]byte(`{"alias":"c"}`)); !errors.Is(err, storage.ErrUnavailable) {
			t.Fatal(err)
		}
		written := m.revision
		for range 2 {
			if in, err := patch([]byte(`{"alias":"c"}`)); err != nil || in.Revision != written+1 {
				t.Errorf("%+v, %v after revision %d", in, err, written)
			}
		}
	})
}

func TestPreconditions(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	put := func(p Precondition) error {
		_, _, err := s.Put(t.Context(), view, "demo", "hook", []byte(`{`+github+`}`), p)
		return err
	}
	if err := put(Precondition{IfMatch: "*"}); !errors.Is(err, ErrPrecondition) {
		t.Errorf("if-match on nothing: %v", err)
	}
	if err := put(Precondition{IfNoneMatch: "*"}); err != nil {
		t.Errorf("if-none-match on nothing: %v", err)
	}
	if err := put(Precondition{IfNoneMatch: "*"}); !errors.Is(err, ErrPrecondition) {
		t.Errorf("if-none-match: %v", err)
	}
	in, err := s.Get(t.Context(), view, "demo", "hook")
	if err != nil {
		t.Fatal(err)
	}
	for _, stale := range []string{`"x"`, "W/" + in.ETag(), "nonsense"} {
		if err := put(Precondition{IfMatch: stale}); !errors.Is(err, ErrPrecondition) {
			t.Errorf("%s: %v", stale, err)
		}
		if _, err := s.Patch(t.Context(), view, "demo", "hook", []byte(`{}`), Precondition{IfMatch: stale}); !errors.Is(err, ErrPrecondition) {
			t.Errorf("patch %s: %v", stale, err)
		}
		if err := s.Delete(t.Context(), view, "demo", "hook", true, Precondition{IfMatch: stale}); !errors.Is(err, ErrPrecondition) {
			t.Errorf("delete %s: %v", stale, err)
		}
	}
	if err := put(Precondition{IfMatch: `"x", ` + in.ETag()}); err != nil {
		t.Errorf("a list: %v", err)
	}
	if err := put(Precondition{IfMatch: in.ETag()}); !errors.Is(err, ErrPrecondition) {
		t.Errorf("the tag before: %v", err)
	}
}

func TestPatch(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	first, err := s.Create(t.Context(), view, "demo", []byte(`{"webhook_id":"hook","alias":"a","event_filter":["push"],
		"authentication":{"secure_header":{"name":"X-A","value":"one"},"signature":{"provider":"github","secrets":["two"]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	patch := func(text string) (*Integration, error) {
		return s.Patch(t.Context(), view, "demo", "hook", []byte(text), Precondition{})
	}
	in, err := patch(`{"alias":"b"}`)
	if err != nil {
		t.Fatal(err)
	}
	if in.Alias != "b" || !reflect.DeepEqual(in.Authentication, first.Authentication) || !reflect.DeepEqual(in.EventFilter, first.EventFilter) {
		t.Errorf("%+v", in)
	}
	if in, err = patch(`{"event_filter":null,"authentication":{"secure_header":null}}`); err != nil {
		t.Fatal(err)
	}
	if len(in.EventFilter) != 0 || credential.Of[*credential.SecureHeader](in.Authentication.Credentials) != nil || in.Authentication.Credentials.Signature().Secrets[0].Reveal() != "two" {
		t.Errorf("%+v", in)
	}
	// The mask of a secret does not move to another provider.
	if _, err = patch(`{"authentication":{"signature":{"provider":"gitlab"}}}`); err == nil {
		t.Error("a secret moved to another provider")
	}
	// The default of require_sha256_signature follows the provider.
	if in, err = patch(`{"authentication":{"signature":{"provider":"gitlab","secrets":["x"]}}}`); err != nil || in.Authentication.RequireSHA256Signature {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = patch(`{"authentication":{"signature":{"provider":"jira","secrets":["x"]}}}`); err != nil || !in.Authentication.RequireSHA256Signature {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = patch(`{"authentication":{"require_sha256_signature":false}}`); err != nil || in.Authentication.RequireSHA256Signature {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = patch(`{"alias":"c"}`); err != nil || in.Authentication.RequireSHA256Signature {
		t.Errorf("a value that was set is not kept: %+v, %v", in, err)
	}
	if in, err = patch(`{"authentication":{"signature":null,"bearer":{"tokens":["t"]}}}`); err != nil || in.Authentication.Credentials.Signature() != nil {
		t.Errorf("%+v, %v", in, err)
	}
	for text, want := range map[string]string{
		`{"authentication":{"bearer":null}}`: "authentication: a credential is required",
		`{"webhook_id":"x"}`:                 "webhook_id: it must be the one in the path",
		`{"project":"x"}`:                    "project: it must be the one in the path",
		`{"is_enabled":"no"}`:                "is_enabled: must be true or false",
		`{"nonsense":1}`:                     "nonsense: unknown field",
		`[]`:                                 "must be a JSON object",
		`{"resource":{"type":"assistant"}}`:  "resource.id: ",
	} {
		if _, err := patch(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDelete(t *testing.T) {
	s, m, q := newTestService(t)
	view := View{Rules: rules()}
	first, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	q.pending[first.Identity] = 3
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); !errors.Is(err, ErrPending) {
		t.Errorf("%v", err)
	}
	var changes []storage.Identity
	stop := s.OnChange(func(webhookID string, identity storage.Identity) {
		if len(q.dropped) == 0 && m.records[webhookID].Deleted {
			changes = append(changes, identity)
		}
	})
	if err := s.Delete(t.Context(), view, "demo", "hook", true, Precondition{}); err != nil {
		t.Fatal(err)
	}
	stop()
	if len(changes) != 1 || changes[0] != first.Identity || !reflect.DeepEqual(q.dropped, []storage.Identity{first.Identity}) {
		t.Errorf("changes %v, dropped %v", changes, q.dropped)
	}
	if err := s.Delete(t.Context(), view, "demo", "hook", true, Precondition{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	second, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil || second.Identity == first.Identity || second.Revision <= first.Revision {
		t.Errorf("%+v, %v", second, err)
	}
	if len(changes) != 1 {
		t.Error("called after stop")
	}
}

func TestDeleteCutShort(t *testing.T) {
	s, _, q := newTestService(t)
	view := View{Rules: rules()}
	first, err := s.Create(t.Context(), view, "demo", withHook("hook"))
	if err != nil {
		t.Fatal(err)
	}
	q.err = storage.ErrUnavailable
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatal(err)
	}
	if in, err := s.Lookup(t.Context(), view, "hook"); in != nil || err != nil {
		t.Errorf("%v, %v", in, err)
	}
	if _, err := s.Create(t.Context(), view, "demo", withHook("hook")); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("created again before the events are gone: %v", err)
	}
	q.err = nil
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(q.dropped, []storage.Identity{first.Identity}) {
		t.Errorf("dropped %v", q.dropped)
	}
	if err := s.Delete(t.Context(), view, "demo", "hook", false, Precondition{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestList(t *testing.T) {
	s, _, _ := newTestService(t)
	view := View{Rules: rules()}
	for _, place := range []string{"a/b", "a/d", "a/f", "b/a", "b/z"} {
		project, id, _ := strings.Cut(place, "/")
		if _, err := s.Create(t.Context(), view, project, withHook(project+id)); err != nil {
			t.Fatal(err)
		}
	}
	view.Declared = declare(t, s, `{"webhook_id":"ad","project":"b",`+github+`}`, `{"webhook_id":"aa","project":"a",`+github+`}`,
		`{"webhook_id":"ag","project":"a",`+github+`}`, `{"webhook_id":"x","project":"c",`+github+`}`)
	for _, c := range []struct{ project, want string }{
		{"", "a/aa a/ab a/af a/ag b/ad b/ba b/bz c/x"},
		{"a", "a/aa a/ab a/af a/ag"},
		{"b", "b/ad b/ba b/bz"},
		{"c", "c/x"},
		{"d", ""},
	} {
		for limit := 1; limit < 10; limit++ {
			var got []string
			var after storage.Place
			for more := true; more; {
				taken := 0
				more = false
				for in, err := range s.List(t.Context(), view, c.project, after) {
					if err != nil {
						t.Fatal(err)
					}
					if more = taken == limit; more {
						break
					}
					taken++
					got = append(got, in.Project+"/"+in.WebhookID)
					after = storage.Place{Project: in.Project, WebhookID: in.WebhookID}
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("project %q by %d: %q", c.project, limit, got)
			}
		}
	}
}
