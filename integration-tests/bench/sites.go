package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// site is one of the compared sites. Outcome is what its requests count as in
// the gateway's own metric, or "" if they never reach it.
type site struct {
	name, port, outcome string
}

const (
	respond = "respond 202"
	accept  = "webhooks"
	proxy   = "reverse_proxy"
	inline  = "webhooks inline"
)

var sites = []site{
	{respond, "RESPOND", ""},
	{accept, "ACCEPT", "accepted"},
	{proxy, "PROXY", ""},
	{inline, "INLINE", "passed"},
}

// sizes of the bodies in bytes.
var sizes = []int{1 << 10, 8 << 10}

// pause lets the background work of a run end before the next one. After
// accepted events that includes the index, which catches up within two seconds.
const pause, longPause = 500 * time.Millisecond, 3 * time.Second

// contender is a site of the gateway, or another program.
type contender struct {
	name    string
	address string
	measure func(ctx context.Context, r request, length time.Duration) (measured, error)
}

// compareSites measures the sites, and the peers that are installed, in turn.
func compareSites(ctx context.Context, s settings) (err error) {
	disk, err := measureDisk(s.dir)
	if err != nil {
		return err
	}
	g, err := startGateway(s, "sites", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	var contenders []contender
	for _, to := range sites {
		contenders = append(contenders, contender{to.name, g.address(to),
			func(ctx context.Context, r request, length time.Duration) (measured, error) {
				return g.measureSite(ctx, s, to, r, length)
			}})
	}
	others, err := startPeers(s)
	if err != nil {
		return err
	}
	for _, p := range others {
		defer p.stop()
		contenders = append(contenders, contender{p.name, p.address,
			func(ctx context.Context, r request, length time.Duration) (measured, error) {
				return p.measure(ctx, s, p.address, r, length, pause)
			}})
	}
	all, err := measureRounds(ctx, s, contenders)
	endStatus()
	if err != nil {
		return fmt.Errorf("%w; the end of the gateway's log:\n%s", err, g.tail())
	}
	all.print(os.Stdout, contenders)
	all.printDisk(os.Stdout, disk)
	return nil
}

// measureRounds runs the rounds: in each one, every site with every size,
// forwards and backwards, so that no site always comes first.
func measureRounds(ctx context.Context, s settings, contenders []contender) (results, error) {
	requests := make(map[int]request)
	for _, size := range sizes {
		r, err := writeRequest(s.dir, "push", size)
		if err != nil {
			return nil, err
		}
		requests[size] = r
		for _, c := range contenders {
			if err := try(c.address, r); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	all := make(results)
	for round := range s.rounds + 1 {
		name := fmt.Sprintf("round %d of %d", round, s.rounds)
		order, length := slices.Clone(contenders), s.time
		if round == 0 {
			name, length = "warm-up", time.Second
		}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, size := range sizes {
			for _, c := range order {
				status("%s: %s, %d bytes", name, c.name, size)
				measured, err := c.measure(ctx, requests[size], length)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", c.name, err)
				}
				if round > 0 {
					all[cell{c.name, size}] = append(all[cell{c.name, size}], measured)
				}
			}
		}
	}
	return all, nil
}

// measureSite runs wrk against a site, and checks wrk's counts.
func (g *gateway) measureSite(ctx context.Context, s settings, to site, r request, length time.Duration) (measured, error) {
	before, err := g.count()
	if err != nil {
		return measured{}, err
	}
	pause := pause
	if to.outcome == "accepted" {
		pause = longPause
	}
	m, err := g.measure(ctx, s, g.address(to), r, length, pause)
	if err != nil {
		return measured{}, err
	}
	after, err := g.count()
	if err != nil {
		return measured{}, err
	}
	return m, check(m, to, before, after, int64(s.connections))
}

// counted is what the gateway itself counted.
type counted struct {
	outcomes map[string]int64
	pending  int64
}

func (g *gateway) count() (c counted, err error) {
	if c.outcomes, err = g.outcomes(); err != nil {
		return c, err
	}
	c.pending, err = g.pending()
	return c, err
}

// check makes sure that every answer was the expected one. Requests in flight
// when wrk ended, one per connection, are known only to the gateway.
func check(m measured, to site, before, after counted, connections int64) error {
	if err := m.check(); err != nil {
		return err
	}
	stored := after.pending - before.pending
	for outcome, count := range after.outcomes {
		n := count - before.outcomes[outcome]
		switch {
		case outcome != to.outcome && n != 0:
			return fmt.Errorf("%d requests were %s", n, outcome)
		case outcome == to.outcome && (n < m.Requests || n > m.Requests+connections):
			return fmt.Errorf("%d answers came, but %d requests were %s", m.Requests, n, outcome)
		case outcome == "accepted" && n != stored:
			return fmt.Errorf("%d events were accepted, but %d stored", n, stored)
		}
	}
	return nil
}
