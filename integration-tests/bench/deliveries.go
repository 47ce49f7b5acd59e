package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// endpoint accepts deliveries and counts them.
type endpoint struct {
	address string
	count   atomic.Int64
	server  http.Server
}

func startEndpoint() (*endpoint, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{address: listener.Addr().String()}
	e.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.count.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
	go e.server.Serve(listener)
	return e, nil
}

// measureDeliveries counts what reaches an endpoint while events are accepted:
// as many as possible, and at two steady rates; and then while the backlog is
// worked off.
func measureDeliveries(ctx context.Context, s settings) (err error) {
	e, err := startEndpoint()
	if err != nil {
		return err
	}
	defer e.server.Close()
	g, err := startGateway(s, "deliveries", e.address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	r, err := writeRequest(s.dir, "push", sizes[0])
	if err != nil {
		return err
	}
	table := newTable(os.Stdout, "senders", "accepted/s", "delivered/s meanwhile", "delivered/s afterwards", "processor time of both")
	for _, senders := range []struct {
		name  string
		pause time.Duration
	}{
		{fmt.Sprintf("%d, as fast as they can", s.connections), 0},
		{fmt.Sprintf("%d, up to %d requests/s", s.connections, 4*s.rate), s.atRate() / 4},
		{fmt.Sprintf("%d, %d requests/s", s.connections, s.rate), s.atRate()},
	} {
		r.pause = senders.pause
		status("deliveries: %s", senders.name)
		d, err := g.deliver(ctx, s, e, r)
		if err != nil {
			return fmt.Errorf("%w; the end of the gateway's log:\n%s", err, g.tail())
		}
		afterwards := ""
		if d.drained > time.Second {
			afterwards = fmt.Sprintf("%.0f", float64(d.afterwards)/d.drained.Seconds())
		}
		table.row(senders.name, fmt.Sprintf("%.0f", d.rate()),
			fmt.Sprintf("%.0f", float64(d.meanwhile)/float64(d.Microseconds)*1e6), afterwards, fmt.Sprintf("%.0f µs", d.CPU))
	}
	endStatus()
	fmt.Print("Deliveries of 1 KB to an endpoint on the same machine:\n\n")
	table.end()
	return nil
}

// delivered is a run of wrk, and what reached the endpoint during and after it.
type delivered struct {
	measured
	meanwhile, afterwards int64
	drained               time.Duration
}

func (g *gateway) deliver(ctx context.Context, s settings, e *endpoint, r request) (d delivered, err error) {
	first := e.count.Load()
	cpu, err := g.cpu()
	if err != nil {
		return d, err
	}
	if d.measured, err = wrk(ctx, s, g.address(sites[1]), r, 3*s.time); err != nil {
		return d, err
	}
	d.meanwhile = e.count.Load() - first
	start := time.Now()
	for {
		pending, err := g.pending()
		if err != nil {
			return d, err
		}
		if pending == 0 {
			break
		}
		if time.Since(start) > 10*patience {
			return d, fmt.Errorf("%d events are still pending", pending)
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return d, err
		}
	}
	d.drained = time.Since(start)
	d.afterwards = e.count.Load() - first - d.meanwhile
	if all := d.meanwhile + d.afterwards; all < d.Requests {
		return d, fmt.Errorf("%d events were accepted, but %d delivered", d.Requests, all)
	}
	after, err := g.cpu()
	d.CPU = float64((after - cpu).Microseconds()) / float64(d.Requests)
	return d, err
}
