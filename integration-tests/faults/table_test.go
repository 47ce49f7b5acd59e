package main

import (
	"strings"
	"testing"
)

func TestReplaceTable(t *testing.T) {
	t.Parallel()
	page := "before\n" + begin + end + "after\n"
	first, second := result{row: rows[0], rounds: 3, outcome: holds, text: "a|b"}, result{row: rows[0], rounds: 4, outcome: failed, text: "c"}
	changed, err := replaceTable(page, "a machine", []result{first})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(changed, "before\n"+begin) || !strings.HasSuffix(changed, end+"after\n") || !strings.Contains(changed, "| 3 | holds: a/b |\n") {
		t.Errorf("the page is now:\n%s", changed)
	}
	if got, want := strings.Count(changed, "\n| "), len(rows)+1; got != want {
		t.Errorf("the table has %d lines, want %d:\n%s", got, want, changed)
	}
	kept, err := replaceTable(changed, "a machine", nil)
	if err != nil || kept != changed {
		t.Errorf("a run of nothing changes the page (%v):\n%s", err, kept)
	}
	if again, err := replaceTable(changed, "a machine", []result{second}); err != nil || !strings.Contains(again, "| 4 | FAILED: c |\n") {
		t.Errorf("a second run gives (%v):\n%s", err, again)
	}
	if _, err := replaceTable("no place", "a machine", nil); err == nil {
		t.Error("a page without a place for the table is no error")
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	names, faults := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		if names[r.name] || faults[r.fault] || r.name == "" || r.injected == "" || r.rounds < 1 || r.quick < 1 || r.run == nil {
			t.Errorf("row %q (%q) is not complete or not alone", r.name, r.fault)
		}
		names[r.name], faults[r.fault] = true, true
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []row{{name: "kill"}, {name: "kill-append"}, {name: "flip"}}
	for patterns, want := range map[string]string{
		"": "kill kill-append flip", "kill": "kill", "kill*": "kill kill-append", "flip,kill": "kill flip",
	} {
		chosen, err := choose(all, patterns)
		var names []string
		for _, r := range chosen {
			names = append(names, r.name)
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("choose %q = %q, %v; want %q", patterns, got, err, want)
		}
	}
	for _, patterns := range []string{"unheard-of", "kill,", "["} {
		if _, err := choose(all, patterns); err == nil {
			t.Errorf("choose %q gives no error", patterns)
		}
	}
}

// TestTrial checks the possible results of a row.
func TestTrial(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		row  row
		want outcome
		text string
	}{
		"a result":      {row{run: func(t *trial) { t.result("%d lost", 0) }}, holds, "0 lost"},
		"no result":     {row{run: func(*trial) {}}, failed, "it produced no result"},
		"an error":      {row{run: func(t *trial) { t.Errorf("one"); t.result("well"); t.Fatal("two"); t.Error("three") }}, failed, "one; two"},
		"left out":      {row{run: func(t *trial) { t.Skipf("left out: %s", "no strace") }}, leftOut, "no strace"},
		"an unmet need": {row{needs: []need{func() string { return "it needs wings" }}}, leftOut, "it needs wings"},
	} {
		if got := test.row.try(t.Context(), settings{}); got.outcome != test.want || got.text != test.text {
			t.Errorf("%s: %s, %q", name, got.outcome, got.text)
		}
	}
	if got := (row{run: func(*trial) { panic("oh") }}).try(t.Context(), settings{}); got.outcome != failed || !strings.Contains(got.text, "oh") {
		t.Errorf("a panic: %s, %q", got.outcome, got.text)
	}
}
