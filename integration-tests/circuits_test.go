package integrationtests

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// circuits are a trigger's circuits, as the status shows them.
type circuits struct {
	State               string
	Projects, Resources int
}

func circuitsOf(t testing.TB, g *gateway.Gateway, resourceType string) circuits {
	t.Helper()
	for _, each := range g.API("GET", "/webhooks/status", nil).Want(t, 200).JSON(t)["triggers"].([]any) {
		if trigger := each.(gateway.M); trigger["resource_type"] == resourceType {
			open := trigger["open"].(gateway.M)
			return circuits{trigger["state"].(string), int(open["projects"].(float64)), int(open["resources"].(float64))}
		}
	}
	t.Fatalf("the status has no trigger for %s", resourceType)
	return circuits{}
}

// neighbourhood is an endpoint whose resources do what their IDs say, up to the
// first dash. It records when each event arrives for which resource.
type neighbourhood struct {
	mu       sync.Mutex
	arrivals map[string][]time.Time // by resource
	first    map[string]time.Time   // by event
}

func (n *neighbourhood) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := strings.TrimPrefix(r.URL.Path, "/")
	n.mu.Lock()
	n.arrivals[resource] = append(n.arrivals[resource], time.Now())
	if id := r.Header.Get("Webhook-Id"); n.first[id].IsZero() {
		n.first[id] = time.Now()
	}
	n.mu.Unlock()
	switch kind, _, _ := strings.Cut(resource, "-"); kind {
	case "500":
		w.WriteHeader(500)
	case "403":
		w.WriteHeader(403)
	case "401":
		w.WriteHeader(401)
	case "limited":
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(429)
	case "broken":
		panic(http.ErrAbortHandler)
	case "hang":
		<-r.Context().Done()
	}
}

func (n *neighbourhood) attempts(resource string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.arrivals[resource])
}

// arrival is when an event first arrived, or zero.
func (n *neighbourhood) arrival(event string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.first[event]
}

// TestCircuits has resources that fail in several ways while others work, in
// another project, in the same project, and in the same integration: the
// working ones get their events at once, and the failing ones get no more
// attempts than their circuits allow.
func TestCircuits(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{ // with the attempts allowed in twelve seconds
		"500":     5 + 4, // five in a row; probes after 1, 3 and 7 seconds more
		"broken":  5 + 4,
		"403":     1 + 4,
		"401":     1 + 4,
		"limited": 1,
		"hang":    1,
	}
	street := &neighbourhood{arrivals: make(map[string][]time.Time), first: make(map[string]time.Time)}
	sink := gateway.NewSink(t)
	sink.Answer(street.ServeHTTP)
	var config strings.Builder
	integration := func(id, project string, resources ...string) {
		fmt.Fprintf(&config, "integration %s {\nproject %s\nsignature github %q\n", id, project, secret)
		for _, resource := range resources {
			fmt.Fprintf(&config, "resource %s\n", resource)
		}
		config.WriteString("}\n")
	}
	for kind := range kinds {
		integration("bad-"+kind, "p-"+kind, "ticket "+kind+"-1")
		integration("same-"+kind, "p-"+kind, "ticket ok-same-"+kind)
		integration("both-"+kind, "p-"+kind, "ticket ok-both-"+kind, "ticket "+kind+"-1")
	}
	integration("other", "other", "ticket ok-other")
	integration("gone", "other", "gone 1")
	gone := gateway.Listen(t, "127.0.0.1:0")
	fmt.Fprintf(&config, "trigger http gone http://%s\n", gone.Addr())
	gone.Close()
	g := gateway.Start(t, gateway.Config(gateway.Ticket(sink)+config.String(), gateway.Edge))

	began := time.Now()
	for n := range 6 {
		for kind := range kinds {
			push(g, t, "bad-"+kind, fmt.Sprint(n))
		}
		push(g, t, "gone", fmt.Sprint(n))
	}
	for kind := range kinds {
		gateway.Eventually(t, kind+" has been attempted", func() bool { return street.attempts(kind+"-1") > 0 })
	}
	ticker := time.NewTicker(500 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; time.Since(began) < 12*time.Second; n++ {
		sent := map[string]time.Time{}
		for kind := range kinds {
			if kind != "401" { // which stops the project
				sent[push(g, t, "same-"+kind, fmt.Sprint("same-", n))] = time.Now()
				// Of several events, the first is that of the first resource.
				sent[push(g, t, "both-"+kind, fmt.Sprint("both-", n))] = time.Now()
			}
		}
		sent[push(g, t, "other", fmt.Sprint("other-", n))] = time.Now()
		for event, accepted := range sent {
			gateway.Eventually(t, "the event has arrived", func() bool { return !street.arrival(event).IsZero() })
			if late := street.arrival(event).Sub(accepted); late > time.Second {
				t.Errorf("event %s arrived after %v", event, late)
			}
		}
		<-ticker.C
	}
	for kind, allowed := range kinds {
		if n := street.attempts(kind + "-1"); n > allowed {
			t.Errorf("%s: %d attempts in 12 s, %d are allowed", kind, n, allowed)
		}
	}
	if n := street.attempts("ok-same-401"); n > 0 {
		t.Errorf("%d attempts for a project whose credential is refused", n)
	}
	if got := circuitsOf(t, g, "gone"); got.State == "closed" || got.Projects+got.Resources > 0 {
		t.Errorf("behind a closed port the circuits are %+v", got)
	}
	got := circuitsOf(t, g, "ticket")
	if got.State != "closed" || got.Projects != 1 || got.Resources != 4 {
		t.Errorf("the circuits are %+v", got)
	}
	metrics := string(g.API("GET", "/metrics", nil).Want(t, 200).Body)
	for _, line := range []string{
		`caddy_webhooks_circuits_open{of="project",resource_type="ticket"} 1`,
		`caddy_webhooks_circuits_open{of="resource",resource_type="ticket"} 4`,
		`caddy_webhooks_trigger_up{resource_type="gone"} 0`,
		`caddy_webhooks_trigger_up{resource_type="ticket"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestManyHang makes a hundred of a thousand resources hang, about which
// nothing is known yet: each of the others still gets its event.
func TestManyHang(t *testing.T) {
	t.Parallel()
	street := &neighbourhood{arrivals: make(map[string][]time.Time), first: make(map[string]time.Time)}
	sink := gateway.NewSink(t)
	sink.Answer(street.ServeHTTP)
	const all, bad, each = 125, 13, 8 // integrations, hanging ones, and resources of each
	var config strings.Builder
	id := func(n int) string {
		if n < bad {
			return fmt.Sprint("hang-", n)
		}
		return fmt.Sprint("ok-", n)
	}
	for n := range all {
		fmt.Fprintf(&config, "integration hook-%d {\nproject p-%d\nsignature github %q\n", n, n%2, secret)
		for m := range each {
			fmt.Fprintf(&config, "resource ticket %s-%d\n", id(n), m)
		}
		config.WriteString("}\n")
	}
	g := gateway.Start(t, gateway.Config(gateway.Ticket(sink)+config.String(), gateway.Edge))
	accepted := make([]time.Time, all)
	for n := range accepted {
		push(g, t, fmt.Sprint("hook-", n), "1")
		accepted[n] = time.Now()
	}
	gateway.Eventually(t, "all have arrived", func() bool {
		street.mu.Lock()
		defer street.mu.Unlock()
		return len(street.arrivals) == all*each
	})
	for n := bad; n < all; n++ {
		for m := range each {
			if late := street.arrivals[fmt.Sprint(id(n), "-", m)][0].Sub(accepted[n]); late > time.Second {
				t.Errorf("resource %d of %d waited %v", m, n, late)
			}
		}
	}
}
