package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookgate/hookgate/module/storage"
)

// copied is a storage whose backup is a function.
type copied struct {
	backend
	backup func(ctx context.Context, w io.Writer) error
	keys   []storage.Key
}

func (c copied) Backup(ctx context.Context, w io.Writer) error { return c.backup(ctx, w) }

func (c copied) Keys() ([]storage.Key, error) {
	if c.keys == nil {
		return nil, storage.ErrUnavailable
	}
	return c.keys, nil
}

func TestBackup(t *testing.T) {
	a := newAPI(t)
	get := func(backup func(ctx context.Context, w io.Writer) error) (*http.Response, string, error) {
		t.Helper()
		a.Storage = copied{backend: a.Storage.(backend), backup: backup}
		defer func() { a.Storage = a.Storage.(copied).backend }()
		response, err := http.Get(a.server.URL + "/webhooks/backup")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return response, string(text), err
	}
	response, text, err := get(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "all of it")
		return err
	})
	if response.StatusCode != 200 || text != "all of it" || err != nil || response.Header.Get("Content-Type") != "application/x-tar" {
		t.Errorf("%v, %s, %v", response, text, err)
	}
	for cause, status := range map[error]int{storage.ErrBusy: 409, storage.ErrUnavailable: 503, storage.ErrCorrupt: 500} {
		response, text, _ := get(func(context.Context, io.Writer) error { return cause })
		if response.StatusCode != status || !strings.HasPrefix(text, `{"error":`) {
			t.Errorf("%v: %d, %s", cause, response.StatusCode, text)
		}
	}
	if _, text, err = get(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, strings.Repeat("part", 1<<16))
		return errors.Join(err, storage.ErrCorrupt)
	}); err == nil {
		t.Errorf("%d bytes of a backup that failed are taken for the whole", len(text))
	}
	if n := a.logs.FilterMessage("writing a backup").Len(); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
}

func TestNoBackup(t *testing.T) {
	a := newAPI(t)
	for method, status := range map[string]int{"GET": 501, "POST": 405} {
		request, _ := http.NewRequest(method, a.server.URL+"/webhooks/backup", nil)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: %d", method, response.StatusCode)
		}
	}
}

// A backup may take as long as the caller takes it, whatever time the endpoint
// gives; a caller that stalls is given up.
func TestLongBackup(t *testing.T) {
	a := newAPI(t)
	a.Storage = copied{backend: a.Storage.(backend), backup: func(ctx context.Context, w io.Writer) error {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range 30 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-tick.C:
			}
			if _, err := io.WriteString(w, strings.Repeat("part", 1<<12)); err != nil {
				return err
			}
		}
		return nil
	}}
	moved := make(chan time.Time, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Serve(&deadlined{w, moved}, r, a.Backend)
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	defer server.Close()
	response, err := http.Get(server.URL + "/webhooks/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || len(text) != 30*4<<12 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if len(moved) != 2 {
		t.Fatalf("the deadline was moved %d times", len(moved))
	}
	if first, second := <-moved, <-moved; time.Until(second) > stallTime || second.Sub(first) < time.Second {
		t.Errorf("moved to %v, then %v", first, second)
	}
}

// deadlined notes to when its deadline is moved.
type deadlined struct {
	http.ResponseWriter
	moved chan<- time.Time
}

// SetWriteDeadline implements what http.ResponseController looks for.
func (d *deadlined) SetWriteDeadline(deadline time.Time) error {
	d.moved <- deadline
	return http.NewResponseController(d.ResponseWriter).SetWriteDeadline(deadline)
}

func TestKeysInStatus(t *testing.T) {
	a := newAPI(t)
	inner := a.Storage.(backend)
	a.Holdings = func() Holdings { return Holdings{Health: inner.Health()} }
	for want, keys := range map[string][]storage.Key{
		`"keys":[{"id":"a","state":"present","bytes":7},{"id":"b","state":"needed","bytes":0},{"id":"c","state":"unused","bytes":0}]`: {{ID: "a", Needed: true, Bytes: 7}, {ID: "b", Needed: true}, {ID: "c"}},
		`"disk_free_bytes":8,"failed_at":null}`: nil,
	} {
		a.Storage = copied{backend: inner, keys: keys}
		response, err := http.Get(a.server.URL + "/webhooks/status")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s, %v\nwant %s", text, err, want)
		}
	}
}
