package sender

import "testing"

func TestDigests(t *testing.T) {
	var d Digests
	if d.Match("") || d.Match("one") {
		t.Error("without a text one matches")
	}
	d.Add("one")
	d.Add("two")
	d.Add("two")
	for text, want := range map[string]bool{"one": true, "two": true, "": false, "on": false, "onetwo": false, "One": false} {
		if got := d.Match(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
