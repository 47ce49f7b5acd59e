package eventlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/eventlog/segment"
	"github.com/hookgate/hookgate/module/storage"
)

// Below testdata/first are two copies of one log that the build of commit
// 61051a4 wrote, with testKey: one after Close, one as a kill left it, with an
// index that is behind and a claim that nobody ended. Beside each is what that
// build showed of it. They are never written again: what they hold must be read
// for as long as a store of that build may be upgraded.
const firstStore = "testdata/first"

// firstStoreEnded is when the process ended, by the wall clock.
var firstStoreEnded = time.UnixMilli(1_790_774_181_000)

// describe shows all of an event.
func describe(r *storage.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of integration %x %s\n", r.ID, r.Integration[:1], r.Status)
	fmt.Fprintf(&b, "\thook %s project %s alias %s provider %s type %s delivery %s resource %s %s\n",
		r.WebhookID, r.Project, r.Alias, r.Provider, r.Type, r.DeliveryID, r.ResourceType, r.ResourceID)
	fmt.Fprintf(&b, "\treceived %d header %v body %q\n", millisOf(r.ReceivedAt), r.Header, r.Body)
	fmt.Fprintf(&b, "\tdue %d queued %d tries %d requeued %d of tries %d crashes %d progress %q\n",
		millisOf(r.Due), millisOf(r.QueuedAt), r.Tries, r.Requeued, r.QueuedTries, r.Crashes, r.Progress)
	for _, a := range r.Attempts {
		fmt.Fprintf(&b, "\tattempt %d status %d error %q detail %q took %s\n", millisOf(a.At), a.StatusCode, a.Error, a.Detail, a.Duration)
	}
	fmt.Fprintf(&b, "\treplay of %s newest %s\n", r.ReplayOf, r.Newest)
	return b.String()
}

func millisOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// describeAll shows all events of a log, in the order of their IDs.
func describeAll(t *testing.T, l *Log) string {
	t.Helper()
	var all []string
	for identity := range byte(10) {
		records, _, more, err := l.List(t.Context(), storage.Identity{identity}, storage.Query{Limit: 100})
		if err != nil || more {
			t.Fatal(more, err)
		}
		for _, listed := range records {
			r, err := l.Get(t.Context(), listed.Integration, listed.ID)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, describe(r))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// TestFirstStoreHasEveryKind makes sure that the stored log exercises the reader
// of every kind of record that its build wrote.
func TestFirstStoreHasEveryKind(t *testing.T) {
	seen := make(map[byte]bool)
	for _, name := range []string{"closed", "killed"} {
		for _, path := range segmentFiles(t, filepath.Join(firstStore, name)) {
			file, err := segment.OS{}.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			raw := make([]byte, segment.Start)
			if _, err := file.ReadAt(raw, 0); err != nil {
				t.Fatal(err)
			}
			header, err := segment.DecodeHeader(raw, testKey)
			if err != nil {
				t.Fatal(err)
			}
			scanner := segment.Scan(file, header.AEAD(testKey), segment.Start, info.Size())
			for {
				frame, err := scanner.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				seen[frame.Kind] = true
			}
		}
	}
	for kind := byte(1); kind <= 16; kind++ {
		if !seen[kind] {
			t.Errorf("there is no record of kind %d", kind)
		}
	}
}

// TestFirstStore opens a store of the first version, serves what is in it, and
// goes on with it.
func TestFirstStore(t *testing.T) {
	for _, name := range []string{"closed", "killed"} {
		t.Run(name, func(t *testing.T) {
			for _, indexed := range []bool{true, false} {
				t.Run(fmt.Sprintf("indexed %t", indexed), func(t *testing.T) { testFirstStore(t, name, indexed) })
			}
		})
	}
}

func testFirstStore(t *testing.T, name string, indexed bool) {
	dir := copied(t, filepath.Join(firstStore, name))
	if !indexed {
		removeIndex(t, dir)
	}
	options, clock := timedOptions(t, dir)
	clock.jump(firstStoreEnded.Sub(clock.now()))
	l := mustOpen(t, options)
	limits := storage.Limits{Delivered: 7 * day, Failed: 30 * day, Remember: 60 * day}
	l.SetLimits(limits)

	raw, err := os.ReadFile(filepath.Join(firstStore, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := string(raw)
	check := func(when string) {
		t.Helper()
		if got := describeAll(t, l); got != want {
			t.Fatalf("%s the store has\n%s\nwant\n%s", when, got, want)
		}
		eventually(t, "all is counted", func() bool { return l.Usage().Counted })
		if counts, n := l.Counts(), strings.Count(want, " pending\n"); counts.Pending != n || counts.Failed != strings.Count(want, " failed\n") {
			t.Fatalf("%s the counts are %+v of\n%s", when, counts, want)
		}
		if usage := l.Usage(); usage.Events != strings.Count(want, "of integration") {
			t.Fatalf("%s the usage is %+v of\n%s", when, usage, want)
		}
		if health := l.Health(); health.State != "ok" {
			t.Fatalf("%s the state is %q", when, health.State)
		}
	}
	check("opened")
	checkFirstCopies(t, l, want)
	check("after copies")
	// The first of several leads a copy to that of them which has failed.
	several := storage.Dedupe{Key: []byte("several kept"), Window: 90 * day, Requeues: 1}
	if _, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), several); outcome != storage.Requeued || err != nil {
		t.Fatal(outcome, err)
	}
	want = describeAll(t, l)
	check("after a copy of several")
	if _, _, err := l.Append(t.Context(), testEvent(8, "late"), storage.Dedupe{}); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("an event of a dropped integration: %v", err)
	}

	// Everything that is pending is handed out, and delivered.
	pending := watchedAll(t, l, strings.Count(want, " pending\n"))
	for _, ref := range pending {
		if _, err := l.Claim(t.Context(), ref.Integration, ref.ID); err != nil {
			t.Fatalf("claiming %v: %v", ref.ID, err)
		}
		if err := l.Finish(t.Context(), ref.Integration, ref.ID, storage.Attempt{StatusCode: 200}, storage.Delivered, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	fresh := mustAppend(t, l, testEvent(1, "new"), keyed("new"))
	if id, outcome, err := l.Append(t.Context(), testEvent(1, "new"), keyed("new")); id != fresh || outcome != storage.Duplicate || err != nil {
		t.Fatal(id, outcome, err)
	}
	want = describeAll(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, options)
	check("opened again")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	removeIndex(t, dir)
	l = mustOpen(t, options)
	check("opened without the index")

	// What is settled goes, with the segments of the first version.
	l.SetLimits(limits)
	closeSegment(t, l, clock)
	clock.pass(31 * day)
	collected(t, l)
	if got := describeAll(t, l); strings.Count(got, "of integration") != 1 || !strings.Contains(got, fresh.String()) {
		t.Fatalf("the store has kept\n%s", got)
	}
}

// checkFirstCopies appends copies of what the first version accepted.
func checkFirstCopies(t *testing.T, l *Log, events string) {
	t.Helper()
	for key, body := range map[string]string{
		"remembered": "", // it was purged
		"kept":       "kept and failed", "several kept": "several, kept", "chain": "kept chain",
		"pending": "pending", "delivered": "delivered", "progress": "progress", "requeued": "requeued",
		"several requeued": "several, requeued", "held": "held by a process that died",
	} {
		id, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), storage.Dedupe{Key: []byte(key), Window: 90 * day})
		if outcome != storage.Duplicate || err != nil {
			t.Errorf("a copy of %q: %v, %v", key, outcome, err)
			continue
		}
		if body == "" {
			continue
		}
		_, of, found := strings.Cut(events, id.String()+" of integration")
		of, _, _ = strings.Cut(of, "\n\tdue")
		if !found || !strings.HasSuffix(of, fmt.Sprintf("body %q", body)) {
			t.Errorf("a copy of %q is one of %v:%s", key, id, of)
		}
	}
}

// watchedAll returns what a watcher is told at first.
func watchedAll(t *testing.T, l *Log, n int) []storage.Ref {
	t.Helper()
	var mu sync.Mutex
	var refs []storage.Ref
	stop, err := l.Watch(storage.Watcher{Pending: func(ref storage.Ref) {
		mu.Lock()
		defer mu.Unlock()
		refs = append(refs, ref)
	}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all that is pending is handed out", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(refs) >= n
	})
	stop()
	if len(refs) != n {
		t.Fatalf("%d events are handed out, of %d", len(refs), n)
	}
	return refs
}
