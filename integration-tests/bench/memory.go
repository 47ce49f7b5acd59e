package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// measureMemory measures the memory of an idle gateway: right after a start
// with an empty store, and after it has stored events for a while.
func measureMemory(ctx context.Context, s settings) (err error) {
	g, err := startGateway(s, "memory", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	started, err := g.idleMemory(ctx, s)
	if err != nil {
		return err
	}
	r, err := writeRequest(s.dir, "push", sizes[0])
	if err != nil {
		return err
	}
	status("memory: load")
	m, err := g.measureSite(ctx, s, sites[1], r, 3*s.time)
	if err != nil {
		return err
	}
	after, err := g.idleMemory(ctx, s)
	if err != nil {
		return err
	}
	endStatus()
	fmt.Printf("Idle memory: %d MB after the start with an empty store, %d MB after %d events, %s after the last.\n\n",
		started>>20, after>>20, m.Requests, s.settle+longPause)
	return nil
}

// idleMemory waits until the process is idle, and then for memory to settle.
func (g *gateway) idleMemory(ctx context.Context, s settings) (int64, error) {
	status("memory: waiting until it is idle")
	if err := g.waitIdle(ctx); err != nil {
		return 0, err
	}
	if err := wait(ctx, s.settle); err != nil {
		return 0, err
	}
	return g.memory()
}

// waitIdle waits until the process uses less than a twentieth of a processor.
func (p *process) waitIdle(ctx context.Context) error {
	const look = time.Second
	for range patience / look {
		before, err := p.cpu()
		if err != nil {
			return err
		}
		if err := wait(ctx, look); err != nil {
			return err
		}
		after, err := p.cpu()
		if err != nil {
			return err
		}
		if after-before < look/20 {
			return nil
		}
	}
	return errors.New("the process does not become idle")
}
