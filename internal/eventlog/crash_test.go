package eventlog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/hookgate/hookgate/module/storage"
)

// crashDir is set in the process that is to be killed.
const crashDir = "HOOKGATE_TEST_CRASH_DIR"

// ledger is one line of what the process was told by its log.
type ledger struct {
	Round     int
	Key       string
	ID        string
	Delivered bool
}

// TestCrash kills a process that appends and delivers, again and again, and
// then looks for everything that it was told was kept.
func TestCrash(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashWorker(dir)
		return
	}
	if testing.Short() {
		t.Log("running one round only")
	}
	dir := t.TempDir()
	told := make(map[string]ledger)
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		for _, line := range crashRound(t, dir, round) {
			if before, ok := told[line.Key]; ok && before.ID != line.ID {
				t.Fatalf("key %s is of two events, %s and %s", line.Key, before.ID, line.ID)
			}
			line.Delivered = line.Delivered || told[line.Key].Delivered
			told[line.Key] = line
		}
		checkLedger(t, dir, told)
	}
	removeIndex(t, dir)
	checkLedger(t, dir, told)
	t.Logf("%d events survived %d crashes", len(told), rounds)
}

func crashRound(t *testing.T, dir string, round int) (lines []ledger) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprintf("HOOKGATE_TEST_ROUND=%d", round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{})
	go func() {
		<-first
		<-time.After(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		_ = cmd.Process.Kill()
	}()
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		var line ledger
		if json.Unmarshal(scanner.Bytes(), &line) != nil {
			continue // the line that was being written
		}
		if len(lines) == 0 {
			close(first)
		}
		lines = append(lines, line)
	}
	err = cmd.Wait()
	if len(lines) == 0 {
		t.Fatalf("the process did nothing: %v", err)
	}
	return lines
}

func checkLedger(t *testing.T, dir string, told map[string]ledger) {
	t.Helper()
	l := mustOpen(t, testOptions(t, dir))
	defer l.Close()
	for key, line := range told {
		id, err := storage.ParseID(line.ID)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil {
			t.Fatalf("event %s of key %s was acknowledged and is gone: %v", line.ID, key, err)
		}
		if string(r.Body) != body(key) {
			t.Fatalf("event %s has another body", line.ID)
		}
		if line.Delivered != (r.Status == storage.Delivered) && line.Delivered {
			t.Fatalf("event %s was delivered and is %s", line.ID, r.Status)
		}
		got, outcome, err := l.Append(t.Context(), testEvent(1, "copy"), keyed(key))
		if err != nil || outcome != storage.Duplicate || got != id {
			t.Fatalf("a copy of %s: %v, %d, %v", line.ID, got, outcome, err)
		}
	}
	if state := l.Health().State; state != "ok" {
		t.Fatalf("the state after a crash is %q", state)
	}
}

func body(key string) string { return strings.Repeat(key, 200) }

// crashWorker appends and delivers until it is killed.
func crashWorker(dir string) {
	options := Options{Dir: dir, Key: testKey, SegmentSize: 1 << 20, FlushEvery: 20 * time.Millisecond, Logger: zap.NewNop()}
	l, err := Open(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l.SetLimits(storage.Limits{Failed: time.Millisecond}) // so all is kept elsewhere
	collectAlways(l)
	var mu sync.Mutex
	tell := func(line ledger) {
		raw, _ := json.Marshal(line)
		mu.Lock()
		defer mu.Unlock()
		_, _ = os.Stdout.Write(append(raw, '\n'))
	}
	ctx := context.Background()
	for worker := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s-%d-%d", os.Getenv("HOOKGATE_TEST_ROUND"), worker, i)
				e := testEvent(1, body(key))
				id, _, err := l.Append(ctx, e, keyed(key))
				if err != nil {
					continue
				}
				tell(ledger{Key: key, ID: id.String()})
				if i%3 != 0 {
					continue
				}
				if _, err := l.Claim(ctx, e.Integration, id); err != nil {
					continue
				}
				if i%2 == 0 && l.Finish(ctx, e.Integration, id, storage.Attempt{StatusCode: 200}, storage.Delivered, time.Time{}) == nil {
					tell(ledger{Key: key, ID: id.String(), Delivered: true})
				}
			}
		}()
	}
	select {}
}

// TestCrashesAreCounted ends a log as a killed process does.
func TestCrashesAreCounted(t *testing.T) {
	dir := t.TempDir()
	identity := storage.Identity{1}
	var id storage.ID
	for crashes := range 3 {
		l := mustOpen(t, testOptions(t, dir))
		if crashes == 0 {
			id = mustAppend(t, l, testEvent(1, "a"), storage.Dedupe{})
		}
		r, err := l.Claim(t.Context(), identity, id)
		if err != nil || r.Crashes != crashes {
			t.Fatalf("claim %d: %+v, %v", crashes, r, err)
		}
		dir = killed(t, l, dir)
	}
	check := func(want int) *Log {
		t.Helper()
		l := mustOpen(t, testOptions(t, dir))
		if r, err := l.Get(t.Context(), identity, id); err != nil || r.Crashes != want || r.Status != storage.Pending {
			t.Fatalf("%+v, %v", r, err)
		}
		return l
	}
	check(3).Close()
	removeIndex(t, dir)
	l := check(3)
	if _, err := l.Claim(t.Context(), identity, id); err != nil {
		t.Fatal(err)
	}
	if err := l.Finish(t.Context(), identity, id, storage.Attempt{}, storage.Pending, time.Time{}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	check(0)
}

// killed returns a copy of the log's directory as a crash would leave it, and
// closes the log.
func killed(t *testing.T, l *Log, dir string) string {
	t.Helper()
	image := copied(t, dir)
	l.Close()
	return image
}

// copied returns a copy of a log's directory. A file of the index may be removed
// meanwhile: then it begins again.
func copied(t testing.TB, dir string) string {
	t.Helper()
	return copiedTo(t, t.TempDir, dir)
}

func copiedTo(t testing.TB, fresh func() string, dir string) string {
	t.Helper()
	for {
		image := fresh()
		err := os.CopyFS(image, os.DirFS(dir))
		if err == nil {
			return image
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// TestLazyRecordsSurviveRotation has a segment end in records that nobody
// waited for.
func TestLazyRecordsSurviveRotation(t *testing.T) {
	dir := t.TempDir()
	options := testOptions(t, dir)
	options.SegmentSize, options.FlushEvery = 16<<10, time.Hour
	l := mustOpen(t, options)
	identity := storage.Identity{1}
	once := mustAppend(t, l, testEvent(1, "once"), storage.Dedupe{})
	often := mustAppend(t, l, testEvent(1, "often"), storage.Dedupe{})
	release := func(id storage.ID, due time.Time) {
		t.Helper()
		if _, err := l.Claim(t.Context(), identity, id); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(t.Context(), identity, id, due); err != nil {
			t.Fatal(err)
		}
	}
	due := time.UnixMilli(1_890_000_000_000).UTC()
	release(once, due)
	for len(segmentFiles(t, dir)) < 3 {
		release(often, due)
	}
	l = mustOpen(t, testOptions(t, killed(t, l, dir)))
	if r, err := l.Get(t.Context(), identity, once); err != nil || !r.Due.Equal(due) {
		t.Fatalf("%+v, %v", r, err)
	}
}
