package integration

import (
	"slices"
	"testing"

	"github.com/hookgate/hookgate/module/storage"
)

// What another process writes is told as a write of this one is.
func TestFollow(t *testing.T) {
	m := newMemory()
	s := NewService(m, nil)
	var told []storage.Identity
	s.OnChange(func(webhookID string, identity storage.Identity) {
		if webhookID != "hook" {
			t.Errorf("told of %q", webhookID)
		}
		told = append(told, identity)
	})
	stop, err := s.Follow()
	if err != nil {
		t.Fatal(err)
	}
	other := Integration{WebhookID: "hook", Project: "demo", Identity: storage.Identity{1}}
	value, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var none storage.Identity
	for _, test := range []struct {
		name   string
		record storage.Integration
		want   []storage.Identity
	}{
		{"written", storage.Integration{WebhookID: "hook", Value: value}, []storage.Identity{none, {1}}},
		{"being deleted", storage.Integration{WebhookID: "hook", Deleted: true, Value: other.Identity[:]}, []storage.Identity{none, {1}}},
		{"deleted", storage.Integration{WebhookID: "hook", Deleted: true}, []storage.Identity{none}},
		{"damaged", storage.Integration{WebhookID: "hook", Value: []byte("x")}, []storage.Identity{none}},
	} {
		told = nil
		m.records["hook"] = test.record
		m.elsewhere("hook")
		if !slices.Equal(told, test.want) {
			t.Errorf("%s: told of %v, want %v", test.name, told, test.want)
		}
	}
	stop()
	if m.elsewhere != nil {
		t.Error("it is told still")
	}
}
