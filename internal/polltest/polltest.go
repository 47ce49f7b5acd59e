// Package polltest waits in tests for what happens in its own time.
package polltest

import (
	"testing"
	"time"
)

const (
	pause    = time.Millisecond
	patience = 20 * time.Second
)

// Until waits until ok is true, and fails the test when it takes too long.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}
