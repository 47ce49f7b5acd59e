package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// atRate returns how long each connection pauses, so that all of them together
// send at the rate.
func (s settings) atRate() time.Duration {
	return time.Duration(s.connections) * time.Second / time.Duration(s.rate)
}

// measureAtRate measures the latency at a rate that the machine can sustain:
// with as many requests as it can answer, most of the latency is waiting for
// others.
func measureAtRate(ctx context.Context, s settings) (err error) {
	disk, err := measureDisk(s.dir)
	if err != nil {
		return err
	}
	g, err := startGateway(s, "rate", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.remove()) }()
	table := newTable(os.Stdout, "body", "site", "requests/s", "p50", "p99", "p99 compared with the disk's")
	for _, size := range sizes {
		r, err := writeRequest(s.dir, "push", size)
		if err != nil {
			return err
		}
		r.pause = s.atRate()
		for _, to := range sites[:2] {
			status("%s at %d requests/s, %d bytes", to.name, s.rate, size)
			m, err := g.measureSite(ctx, s, to, r, 3*s.time)
			if err != nil {
				return fmt.Errorf("%s: %w", to.name, err)
			}
			ratio := ""
			if to.name == accept {
				ratio = fmt.Sprintf("%.1f × %.2f ms", m.p99()/disk[0].p99.Seconds()/1000, disk[0].p99.Seconds()*1000)
			}
			table.row(fmt.Sprintf("%d KB", size>>10), "`"+to.name+"`", fmt.Sprintf("%.0f", m.rate()),
				fmt.Sprintf("%.2f ms", m.p50()), fmt.Sprintf("%.2f ms", m.p99()), ratio)
		}
	}
	endStatus()
	fmt.Printf("At a rate of about %d requests/s, from %d connections:\n\n", s.rate, s.connections)
	table.end()
	return nil
}
