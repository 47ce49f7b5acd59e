package codemie_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hookgate/hookgate/internal/delivery/codemie"
	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

// answerOf has the platform answer without a connection.
func answerOf(platform *codemietest.Platform, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	platform.ServeHTTP(w, r)
	return w.Result()
}

// TestStartsHaveTheirOwnConnections has each run's background work break the
// connection that its start came over: no other start suffers.
func TestStartsHaveTheirOwnConnections(t *testing.T) {
	for _, kind := range []string{"assistant", "workflow"} {
		platform := codemietest.New(token)
		server := httptest.NewUnstartedServer(platform)
		server.Config.ConnContext = platform.ConnContext
		server.Start()
		t.Cleanup(server.Close)
		kept, fresh := &http.Transport{}, &http.Transport{DisableKeepAlives: true}
		t.Cleanup(kept.CloseIdleConnections)
		b := newBench(t, func(o *codemie.Options) { o.URL, o.Transport, o.Fresh = server.URL, kept, fresh })
		b.Platform = platform
		b.AddAssistant("assistant-1", "demo")
		b.AddWorkflow("workflow-1", "demo")
		for range 5 {
			b.event(kind, kind+"-1").expect(trigger.Delivered, "")
		}
		if n := b.Runs(); n != 5 {
			t.Errorf("%s: %d runs", kind, n)
		}
		polls := 0
		for _, request := range b.Requests() {
			if request.Method != "GET" && request.Reused {
				t.Errorf("%s went out on a connection that had been used", request.Route)
			}
			if request.Method == "GET" && request.Reused {
				polls++
			}
		}
		if polls == 0 {
			t.Error("no look at a run shared a connection")
		}
	}
}
