package main

import "testing"

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	r := results{
		cell{accept, 1024}:  {{Requests: 50, Microseconds: 1e6}, {Requests: 30, Microseconds: 1e6}, {Requests: 8, Microseconds: 1e6}},
		cell{respond, 1024}: {{Requests: 100, Microseconds: 1e6}, {Requests: 100, Microseconds: 2e6}, {Requests: 10, Microseconds: 1e6}},
	}
	if got, want := r.compare(accept, 1024), "0.60 × `respond 202` (0.50–0.80)"; got != want {
		t.Errorf("compare = %q, want %q", got, want)
	}
	if got := r.compare(respond, 1024); got != "" {
		t.Errorf("compare of the plain site = %q, want nothing", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	before := counted{outcomes: map[string]int64{"accepted": 10, "passed": 7}, pending: 10}
	accepting := site{accept, "ACCEPT", "accepted"}
	for name, test := range map[string]struct {
		m     measured
		to    site
		after counted
		ok    bool
	}{
		"true":                {measured{Requests: 100}, accepting, counted{outcomes: map[string]int64{"accepted": 110, "passed": 7}, pending: 110}, true},
		"some under way":      {measured{Requests: 100}, accepting, counted{outcomes: map[string]int64{"accepted": 114, "passed": 7}, pending: 114}, true},
		"inline":              {measured{Requests: 5}, site{inline, "INLINE", "passed"}, counted{outcomes: map[string]int64{"accepted": 10, "passed": 12}, pending: 10}, true},
		"refused":             {measured{Requests: 100, Refused: 1}, accepting, counted{outcomes: map[string]int64{"accepted": 110, "passed": 7}, pending: 110}, false},
		"not answered":        {measured{Requests: 100, Errors: 1}, accepting, counted{outcomes: map[string]int64{"accepted": 110, "passed": 7}, pending: 110}, false},
		"not stored":          {measured{Requests: 100}, accepting, counted{outcomes: map[string]int64{"accepted": 110, "passed": 7}, pending: 109}, false},
		"fewer than answered": {measured{Requests: 100}, accepting, counted{outcomes: map[string]int64{"accepted": 109, "passed": 7}, pending: 109}, false},
		"more than answered":  {measured{Requests: 100}, accepting, counted{outcomes: map[string]int64{"accepted": 115, "passed": 7}, pending: 115}, false},
		"duplicates":          {measured{Requests: 100}, accepting, counted{outcomes: map[string]int64{"accepted": 110, "passed": 7, "duplicate": 1}, pending: 110}, false},
	} {
		if err := check(test.m, test.to, before, test.after, 4); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
