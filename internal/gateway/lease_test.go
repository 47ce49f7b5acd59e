package gateway

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestLeaseEndsOnce(t *testing.T) {
	for range 100 {
		l := newLease(nil, nil)
		var holders sync.WaitGroup
		var ends atomic.Int32
		letGo := func() {
			if l.letGo() {
				ends.Add(1)
			}
		}
		for range 8 {
			holders.Go(func() {
				for range 100 {
					if l.hold() {
						letGo()
					}
				}
			})
		}
		letGo()
		holders.Wait()
		if n := ends.Load(); n != 1 {
			t.Fatalf("it ended %d times", n)
		}
		if l.hold() {
			t.Fatal("an ended lease can be held")
		}
	}
}
