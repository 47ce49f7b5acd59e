package triggerconfig

import (
	"testing"

	"github.com/hookgate/hookgate/module/trigger"
)

func TestAllow(t *testing.T) {
	projects := Projects{
		"all":  {},
		"some": {Resources: []string{"team-a/*", "exact", "*-end", "a*b*c"}},
	}
	for _, test := range []struct {
		project, id string
		allowed     bool
	}{
		{"all", "anything", true},
		{"none", "anything", false},
		{"", "anything", false},
		{"some", "team-a/x/y", true},
		{"some", "team-a/", true},
		{"some", "team-ab/x", false},
		{"some", "exact", true},
		{"some", "exact2", false},
		{"some", "Exact", false},
		{"some", "the-end", true},
		{"some", "the-end-", false},
		{"some", "abc", true},
		{"some", "a-c-b-c", true},
		{"some", "acb", false},
	} {
		err := projects.Allow(test.project, trigger.Resource{Type: "ticket", ID: test.id})
		if (err == nil) != test.allowed {
			t.Errorf("%s, %s: %v", test.project, test.id, err)
		}
	}
	if err := (Projects{}).Allow("x", trigger.Resource{ID: "y"}); err != nil {
		t.Errorf("without limits: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, projects := range []Projects{{"": {}}, {"a": {Resources: []string{"ok", ""}}}} {
		if projects.validate() == nil {
			t.Errorf("%v is accepted", projects)
		}
	}
	if err := (Projects{"a": {Resources: []string{"*"}}}).validate(); err != nil {
		t.Error(err)
	}
}
