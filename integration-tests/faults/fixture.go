package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// newGateway prepares a gateway with the ledger's configuration and a store in
// its own directory.
func (l *ledger) newGateway(t *trial, options string) *gateway.Gateway {
	return gateway.New(t, l.config(options), "STORE="+filepath.Join(t.TempDir(), "store"))
}

// onLoop starts a gateway on its own file system, and creates the integration
// that can be changed.
func onLoop(t *trial, options ...string) (*ledger, *loop, *gateway.Gateway) {
	l := newLedger(t)
	d := newLoop(t, diskSize, options...)
	g := gateway.New(t, l.config(""), "STORE="+d.store())
	g.Start()
	l.create(t, g)
	return l, d, g
}

// oneShot opens a connection for each request: the gateway that answered the
// last one may be gone.
var oneShot = &http.Client{Timeout: gateway.Patience, Transport: &http.Transport{DisableKeepAlives: true}}

// serves waits until an event is acknowledged.
func (l *ledger) serves(t *trial, g *gateway.Gateway) {
	gateway.Eventually(t, "an event is accepted", func() bool {
		answer := l.send(oneShot, g.Addr, 100)
		return answer != nil && answer.Status == http.StatusAccepted
	})
}

// create creates the integration that is not declared, and so can be changed.
func (l *ledger) create(t *trial, g *gateway.Gateway) {
	g.Create(t, project, gateway.M{
		"webhook_id":     created,
		"authentication": gateway.M{"signature": gateway.M{"provider": "github", "secrets": []string{secret}}},
		"resource":       gateway.M{"type": "ticket", "id": "T-1"},
	})
}

// change patches that integration.
func (l *ledger) change(t *trial, g *gateway.Gateway, patch gateway.M) {
	g.API(http.MethodPatch, gateway.Integration(project, created), patch).Want(t, http.StatusOK)
}

// checkAlias checks that an acknowledged change of its alias took effect.
func (l *ledger) checkAlias(t *trial, g *gateway.Gateway, alias string) {
	answer := g.API(http.MethodGet, gateway.Integration(project, created), nil)
	if answer.Status != http.StatusOK || answer.JSON(t)["alias"] != alias {
		t.Errorf("an admin write was answered and is lost: %s", show(answer))
	}
}

// status is what the status page shows.
type status struct {
	Store  struct{ State string }
	Events struct{ Pending, Failed int }
	Limits struct {
		InFlight struct{ Used int64 } `json:"in_flight"`
	}
	Triggers []struct {
		InFlight int `json:"in_flight"`
	}
}

func readStatus(t *trial, g *gateway.Gateway) (s status) {
	answer := g.API(http.MethodGet, "/webhooks/status", nil).Want(t, http.StatusOK)
	if err := json.Unmarshal(answer.Body, &s); err != nil {
		t.Fatalf("reading the status: %v", err)
	}
	return s
}

// rests waits until no attempt is in flight.
func (l *ledger) rests(t *trial, g *gateway.Gateway) {
	gateway.Eventually(t, "no attempt is in flight", func() bool { return readStatus(t, g).Triggers[0].InFlight == 0 })
}

// idle waits until nothing is pending.
func (l *ledger) idle(t *trial, g *gateway.Gateway) {
	gateway.Eventually(t, "nothing is pending", func() bool { return readStatus(t, g).Events.Pending == 0 })
}
