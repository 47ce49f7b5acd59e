package codemie_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookgate/hookgate/internal/delivery/codemietest"
	"github.com/hookgate/hookgate/module/trigger"
)

var resourceRoutes = map[string]string{
	"assistant": "GET /v1/assistants/id/{id}", "workflow": "GET /v1/workflows/id/{id}", "datasource": "GET /v1/index/{id}",
}

var runRoutes = map[string]string{
	"assistant": taskRoute, "workflow": "GET /v1/workflows/{id}/executions/{execution}", "datasource": "GET /v1/index/{id}",
}

func withDatasource(b *bench) *bench {
	b.AddDatasource(codemietest.Datasource{ID: "datasource-1", Project: "demo", Name: "n", Type: "code"})
	return b
}

// TestMissingForAWhile takes the platform's database away, for which it says
// that a resource, or a run, was not found.
func TestMissingForAWhile(t *testing.T) {
	for kind, route := range resourceRoutes {
		b := withDatasource(newBench(t))
		b.Inject(codemietest.Fault{Route: route, Times: 3, Answer: codemietest.Status(404, "Workflow not found")})
		d := b.event(kind, kind+"-1")
		d.expect(trigger.Delivered, "")
		if n := b.Count(startRoute(kind)); n != 1 {
			t.Errorf("%s: %d starts", kind, n)
		}
	}
	for kind, route := range runRoutes {
		b := withDatasource(newBench(t))
		b.SetLooks(2)
		d := b.event(kind, kind+"-1")
		d.run(t.Context())
		b.Inject(codemietest.Fault{Route: route, Times: 5, Answer: codemietest.Status(404, "Task not found")})
		d.expect(trigger.Delivered, "")
		if n := b.Count(startRoute(kind)); n != 1 {
			t.Errorf("%s: %d starts", kind, n)
		}
	}
}

// TestMissingAgain does not add up times in between which it was there.
func TestMissingAgain(t *testing.T) {
	b := newBench(t)
	b.SetLooks(1000)
	d := b.event("workflow", "workflow-1")
	d.run(t.Context())
	for range 4 {
		b.Inject(codemietest.Fault{Route: runRoutes["workflow"], Times: 1, Answer: codemietest.Status(404, "Execution Not Found")})
		for range 2 {
			if result := d.run(t.Context()); result.Verdict != trigger.Pending {
				t.Fatalf("%+v", result)
			}
			d.past += 3 * time.Minute
		}
	}
}

// TestNotFoundByAProxy gets a 404 that is not the platform's: it never counts.
func TestNotFoundByAProxy(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"page": codemietest.Page(404), "empty": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"no such route": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = w.Write([]byte(`{"detail":"Not Found"}`))
		},
	} {
		for kind, route := range resourceRoutes {
			b := withDatasource(newBench(t))
			b.Inject(codemietest.Fault{Route: route, Times: 1, Answer: answer})
			d := b.event(kind, kind+"-1")
			if result := d.expect(trigger.Retry, trigger.ErrStatus); result.StatusCode != 404 {
				t.Errorf("%s, %s: %+v", name, kind, result)
			}
			b.Inject(codemietest.Fault{Route: startRoute(kind), Times: 1, Answer: answer})
			d.expect(trigger.Retry, trigger.ErrStatus)
			if first := d.run(t.Context()); first.Verdict != trigger.Pending {
				t.Fatalf("%s, %s: %+v", name, kind, first)
			}
			b.Inject(codemietest.Fault{Route: runRoutes[kind], Times: 40, Answer: answer})
			d.age = 10 * time.Second
			d.expect(trigger.Delivered, "")
		}
	}
}
