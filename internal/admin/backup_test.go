package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
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

// A backup may take as long as the caller reads it, whatever the endpoint's own
// deadline.
func TestLongBackup(t *testing.T) {
	a := newAPI(t)
	a.Storage = copied{backend: a.Storage.(backend), backup: func(ctx context.Context, w io.Writer) error {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range 20 {
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
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Serve(w, r, a.Backend)
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	server.Start()
	defer server.Close()
	response, err := http.Get(server.URL + "/webhooks/backup")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || len(text) != 20*4<<12 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// taker reads an answer at a rate, in bytes per second, after an initial burst.
type taker struct {
	http.ResponseWriter
	atOnce, rate int
	deadline     time.Time
	taken        int
}

// SetWriteDeadline implements what http.ResponseController looks for.
func (k *taker) SetWriteDeadline(deadline time.Time) error {
	k.deadline = deadline
	return nil
}

// Write implements io.Writer.
func (k *taker) Write(text []byte) (int, error) {
	if k.atOnce -= len(text); k.atOnce < 0 {
		takes := time.Duration(len(text)) * time.Second / time.Duration(k.rate)
		time.Sleep(min(takes, time.Until(k.deadline)))
		if !time.Now().Before(k.deadline) {
			return 0, os.ErrDeadlineExceeded
		}
	}
	k.taken += len(text)
	return len(text), nil
}

// A caller that reads a backup at less than 64 KiB a second is disconnected
// within two minutes, even if it was fast before; time without anything to read
// does not count.
func TestTricklingBackup(t *testing.T) {
	const whole = 100 << 20
	a := newAPI(t)
	a.Storage = copied{backend: a.Storage.(backend), backup: func(_ context.Context, w io.Writer) error {
		part := make([]byte, 32<<10)
		for n := 0; n < whole; n += len(part) {
			if n%(10<<20) == 0 {
				time.Sleep(2 * backupStall)
			}
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	}}
	for name, c := range map[string]struct {
		taker
		isWhole bool
	}{
		"fast enough":         {taker{rate: 66 << 10}, true},
		"slow":                {taker{rate: 60 << 10}, false},
		"a byte now and then": {taker{rate: 1000}, false},
		"fast, then slow":     {taker{atOnce: whole / 2, rate: 60 << 10}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.ResponseWriter = httptest.NewRecorder()
				atOnce := c.atOnce
				defer func() {
					if cut := recover() != nil; cut == c.isWhole || c.isWhole != (c.taken == whole) {
						t.Errorf("%d bytes were taken; the answer was cut: %v", c.taken, cut)
					}
					if !c.isWhole && c.taken > atOnce+2*leastOfBackup {
						t.Errorf("%d bytes were taken, %d of them at once", c.taken, atOnce)
					}
				}()
				Serve(&c.taker, httptest.NewRequest("GET", "/webhooks/backup", nil), a.Backend)
			})
		})
	}
}

func TestKeysInStatus(t *testing.T) {
	a := newAPI(t)
	inner := a.Storage.(backend)
	a.Holdings = func() Holdings { return Holdings{Health: inner.Health(), Stored: new(storage.IntegrationUsage)} }
	for want, keys := range map[string][]storage.Key{
		`"keys":[{"id":"a","state":"present","bytes":7},{"id":"b","state":"needed","bytes":0},{"id":"c","state":"unused","bytes":0}]`: {{ID: "a", Needed: true, Bytes: 7}, {ID: "b", Needed: true}, {ID: "c"}},
		`"integrations":0,"reserved_ids":0}`: nil,
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
