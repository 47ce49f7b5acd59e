package eventlog

import (
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// TestIndexStaysSmall has the index follow each step of events that take long to
// settle: what they were before takes no more space there than what they are, but
// for the last few times that it has followed.
func TestIndexStaysSmall(t *testing.T) {
	options := quietOptions(t, t.TempDir())
	options.FlushEvery = time.Hour
	l := mustOpen(t, options)
	const each, turns = 10, 10
	var ids []storage.ID
	for i := range each * turns {
		ids = append(ids, mustAppend(t, l, of(1, i), storage.Dedupe{}))
	}
	for step := range 240 {
		for i := range each {
			settle(t, l, 1, ids[step%turns*each+i], storage.Pending)
		}
		if err := (compaction{l}).Flush(nil); err != nil {
			t.Fatal(err)
		}
	}
	options.Dir = copied(t, options.Dir)
	removeIndex(t, options.Dir)
	alone := mustOpen(t, options).indexSize() // rebuilt
	eventually(t, "the index is small", func() bool { return l.indexSize() <= 3*alone })
}
