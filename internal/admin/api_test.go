package admin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/hookgate/hookgate/internal/credential"
	"github.com/hookgate/hookgate/internal/eventlog"
	"github.com/hookgate/hookgate/internal/integration"
	"github.com/hookgate/hookgate/internal/seal"
	"github.com/hookgate/hookgate/internal/store"
	"github.com/hookgate/hookgate/module/storage"
)

// backend is an open storage whose parts a test can replace.
type backend struct {
	integrations storage.Integrations
	events       storage.Events
}

func (b backend) Integrations() storage.Integrations { return b.integrations }
func (b backend) Events() storage.Events             { return b.events }
func (b backend) Close() error                       { return nil }
func (b backend) Health() storage.Health {
	return storage.Health{State: "ok"}
}

// api is an admin API over a real storage, at a port of its own.
type api struct {
	*testing.T
	Backend
	server *httptest.Server
	logs   *observer.ObservedLogs
}

func rules() integration.Rules {
	return integration.Rules{
		Provider: func(name string) (credential.ProviderFacts, bool) {
			return credential.ProviderFacts{SHA256: true, CredentialHeaders: []string{"X-Hub-Signature-256"}, NamesEvents: true, NumbersDeliveries: true}, name == "github"
		},
		Providers:     func() []string { return []string{"github"} },
		ResourceTypes: func() []string { return []string{"ticket"} },
		Allow: func(_, resourceType, _ string) error {
			if resourceType != "ticket" {
				return errors.New("no trigger serves this resource type")
			}
			return nil
		},
	}
}

func newAPI(t *testing.T) *api {
	t.Helper()
	dir, key := t.TempDir(), seal.NewKey()
	integrations, err := store.Open(store.Options{Dir: filepath.Join(dir, "integrations"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { integrations.Close() })
	events, err := eventlog.Open(eventlog.Options{Dir: filepath.Join(dir, "events"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { events.Close() })
	core, logs := observer.New(zap.DebugLevel)
	a := &api{T: t, logs: logs, Backend: Backend{
		Service: integration.NewService(integrations, events),
		View:    integration.View{Rules: rules()},
		Storage: backend{integrations, events},
		Base:    func(string) string { return "https://hooks.example.com/webhooks/" },
		Reads:   NewReads(),
		Replays: new(Pace),
		Logger:  zap.New(core),
	}}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Serve(w, r, a.Backend) }))
	t.Cleanup(a.server.Close)
	return a
}

// answer is what a call was answered with.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// do calls the API; a body makes it JSON unless headers, name and value in
// turn, say else.
func (a *api) do(method, path, body string, headers ...string) answer {
	a.Helper()
	r, err := http.NewRequest(method, a.server.URL+path, strings.NewReader(body))
	if err != nil {
		a.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	return a.read(response)
}

// raw sends a request line as it is.
func (a *api) raw(method, target string) answer {
	a.Helper()
	conn, err := net.Dial("tcp", a.server.Listener.Addr().String())
	if err != nil {
		a.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, target); err != nil {
		a.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.Fatal(err)
	}
	return a.read(response)
}

func (a *api) read(response *http.Response) answer {
	a.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.Fatal(err)
	}
	got := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	if response.StatusCode != http.StatusNoContent && json.Unmarshal(text, &got.json) != nil {
		a.Errorf("no JSON object: %d %s", response.StatusCode, text)
	}
	if got.status >= 400 {
		form, members := got.json["code"] == "invalid_form", 1
		if form {
			members = 3
		}
		list, _ := got.json["errors"].([]any)
		if _, ok := got.json["error"].(string); !ok || len(got.json) != members || form != (len(list) > 0) {
			a.Errorf("an error is %s", text)
		}
	}
	return got
}

func (a *api) want(got answer, status int, words ...string) answer {
	a.Helper()
	if got.status != status {
		a.Errorf("status %d, want %d: %s", got.status, status, got.text)
	}
	for _, word := range words {
		if !strings.Contains(got.text, word) {
			a.Errorf("%q is missing: %s", word, got.text)
		}
	}
	return got
}

const (
	list   = "/webhooks/projects/demo/integrations"
	hook   = list + "/hook"
	github = `{"webhook_id":"hook","authentication":{"signature":{"provider":"github","secrets":["CANARY-long"]}},"resource":{"type":"ticket","id":"7"}}`
)
