package integration

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hookgate/hookgate/internal/form"
)

func TestResources(t *testing.T) {
	const a, b = `{"type":"assistant","id":"a"}`, `{"type":"workflow","id":"a"}`
	for text, want := range map[string]string{
		`null`:                  `null`,
		a:                       a,
		`[` + a + `]`:           a,
		`[` + a + `,` + b + `]`: `[` + a + `,` + b + `]`,
		`[` + b + `,` + a + `]`: `[` + b + `,` + a + `]`,
	} {
		in := mustParse(t, `{"resource":`+text+`,`+github+`}`)
		masked, err := json.Marshal(in.Mask("/"))
		if err != nil || !strings.Contains(string(masked), `"resource":`+want+`,"`) {
			t.Errorf("%s: %s, %v", text, masked, err)
		}
		in.ManagedBy = ManagedByAPI
		if again := throughStore(t, in); !reflect.DeepEqual(again.Resources, in.Resources) {
			t.Errorf("%s comes back as %v", text, again.Resources)
		}
		raw, err := in.Encode()
		if err != nil || (raw[0] == storedVersion) != (len(in.Resources) < 2) {
			t.Errorf("%s is stored in version %d, %v", text, raw[0], err)
		}
	}
}

func TestResourcesRefused(t *testing.T) {
	many := make([]string, maxResources+1)
	for i := range many {
		many[i] = fmt.Sprintf(`{"type":"assistant","id":"%d"}`, i)
	}
	for text, want := range map[string]string{
		`[]`:                                                      "resource: a list must have 1 to 8 entries",
		`[` + strings.Join(many, ",") + `]`:                       "resource: a list must have 1 to 8 entries",
		`[` + many[0] + `,7]`:                                     "resource[1]: must be an object",
		`[` + many[0] + `,null]`:                                  "resource[1]: must be an object",
		`[[` + many[0] + `]]`:                                     "resource[0]: must be an object",
		`[` + many[0] + `,` + many[0] + `]`:                       "resource[1]: it is repeated",
		`[` + many[0] + `,{"id":"b"}]`:                            "resource[1].type: it must not be empty",
		`[{"type":"assistant","id":"a//.."}]`:                     "resource[0].id: ",
		`[` + many[0] + `,{"type":"ticket","id":"b"}]`:            "resource[1].type: no trigger serves",
		`[` + many[0] + `,{"type":"assistant","id":"b","url":1}]`: "resource[1].url: unknown field",
	} {
		if _, err := parse(t, `{"resource":`+text+`,`+github+`}`, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if in := mustParse(t, `{"resource":[`+strings.Join(many[1:], ",")+`],`+github+`}`); len(in.Resources) != maxResources {
		t.Errorf("%v", in.Resources)
	}
}

// What an integration had that is disabled may stay without its trigger, each of
// several, and nothing may come to it.
func TestResourcesRest(t *testing.T) {
	stored := &Integration{Resources: []Resource{{Type: "ticket", ID: "7"}, {Type: "assistant", ID: "a"}}}
	for list, want := range map[string]bool{
		`{"type":"ticket","id":"7"},{"type":"assistant","id":"a"}`: true,
		`{"type":"ticket","id":"7"}`:                               true,
		`{"type":"ticket","id":"7"},{"type":"ticket","id":"8"}`:    false,
	} {
		if _, err := parse(t, `{"is_enabled":false,"resource":[`+list+`],`+github+`}`, stored); (err == nil) != want {
			t.Errorf("%s: %v", list, err)
		}
	}
}

func TestPatchOfResources(t *testing.T) {
	in := mustParse(t, `{"resource":[{"type":"assistant","id":"a"},{"type":"workflow","id":"b"}],`+github+`}`)
	for patch, want := range map[string]string{
		`{"alias":"x"}`: "[{assistant a} {workflow b}]",
		`{"resource":{"type":"assistant","id":"c"}}`:   "[{assistant c}]",
		`{"resource":[{"type":"assistant","id":"c"}]}`: "[{assistant c}]",
		`{"resource":null}`:                            "[]",
		`{"resource":{"id":"c"}}`:                      "resource.type: it must not be empty; want one of assistant, workflow",
	} {
		document, err := in.document()
		if err != nil {
			t.Fatal(err)
		}
		next, err := reading{rules: rules(), project: "demo", webhookID: "hook", stored: in}.read(form.MergePatch(document, mustDecode(t, patch)))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(next.Resources)
		}
		if got != want {
			t.Errorf("%s: %s", patch, got)
		}
	}
}
