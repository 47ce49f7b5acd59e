package main

import (
	"strings"
	"testing"
)

func TestResults(t *testing.T) {
	const some = `{"Action":"output","Package":"p","Test":"TestOut","Output":"=== RUN   TestOut\n"}
{"Action":"output","Package":"p","Test":"TestOut","Output":"    a_test.go:7: left out: no node\n"}
{"Action":"output","Package":"p","Test":"TestOut","Output":"--- SKIP: TestOut (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestOut"}
{"Action":"pass","Package":"p","Test":"TestGood"}
{"Action":"pass","Package":"p","Elapsed":1.5}
{"Action":"skip","Package":"without tests"}
`
	const bad = `{"Action":"output","Package":"q","Test":"TestBad","Output":"    b_test.go:9: wrong\n"}
{"Action":"fail","Package":"q","Test":"TestBad"}
{"Action":"fail","Package":"q"}
`
	const broken = `{"ImportPath":"r","Action":"build-output","Output":"r.go:1: undefined: x\n"}
{"Action":"fail","Package":"r"}
`
	for _, test := range []struct {
		name, lines string
		full, good  bool
		says        []string
	}{
		{"some left out", some, false, true, []string{"p TestOut: left out: no node", "1 passed, 0 failed, 1 skipped\n"}},
		{"none may be left out", some, true, false, []string{"1 passed, 0 failed, 1 skipped\n"}},
		{"a failure", some + bad, false, false, []string{"FAIL  q TestBad", "b_test.go:9: wrong", "1 passed, 1 failed, 1 skipped\n"}},
		{"a broken build", some + broken, false, false, []string{"undefined: x", "FAIL  r", "1 passed, 1 failed, 1 skipped\n"}},
		{"nothing ran", "", false, false, []string{"0 passed, 0 failed, 0 skipped\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r := newResults(&out)
			for line := range strings.Lines(test.lines) {
				r.line([]byte(line))
			}
			if good := r.close(test.full); good != test.good {
				t.Errorf("good is %v", good)
			}
			for _, text := range test.says {
				if !strings.Contains(out.String(), text) {
					t.Errorf("it does not say %q:\n%s", text, out.String())
				}
			}
		})
	}
}
