package eventlog

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/hookgate/hookgate/internal/polltest"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/module/storage"
)

var testKey = func() seal.Key {
	key, err := seal.ParseKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		panic(err)
	}
	return key
}()

// testOptions are of a small, quick log.
func testOptions(t testing.TB, dir string) Options {
	return Options{
		Dir: dir, Key: testKey, SegmentSize: 1 << 20, MinFree: 1 << 20, FlushEvery: 20 * time.Millisecond,
		Logger: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
	}
}

func mustOpen(t testing.TB, options Options) *Log {
	t.Helper()
	l, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func testEvent(identity byte, body string) *storage.Event {
	return &storage.Event{
		Integration: storage.Identity{identity}, WebhookID: "hook", Project: "demo", Alias: "a", Provider: "github",
		Type: "push", DeliveryID: "d-" + body, ResourceType: "assistant", ResourceID: "r",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}},
		Body:   []byte(body),
	}
}

func mustAppend(t testing.TB, l *Log, e *storage.Event, dedupe storage.Dedupe) storage.ID {
	t.Helper()
	id, _, err := l.Append(t.Context(), e, dedupe)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func keyed(key string) storage.Dedupe {
	return storage.Dedupe{Key: []byte(key), Window: time.Hour, Requeues: 5}
}

// eventually waits for what is done in the background.
var eventually = polltest.Until

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, testOptions(t, dir))
	var all []storage.ID
	for i := range 100 {
		all = append(all, mustAppend(t, l, testEvent(1, fmt.Sprint(i)), keyed(fmt.Sprint(i))))
	}
	if id, outcome, err := l.Append(t.Context(), testEvent(1, "x"), keyed("7")); id != all[7] || outcome != storage.Duplicate || err != nil {
		t.Fatal(id, outcome, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, testOptions(t, dir))
	for i, id := range all {
		r, err := l.Get(t.Context(), storage.Identity{1}, id)
		if err != nil || string(r.Body) != fmt.Sprint(i) {
			t.Fatal(r, err)
		}
	}
	if n := l.Counts().Pending; n != 100 {
		t.Fatal(n)
	}
}
