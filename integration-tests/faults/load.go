package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/hookgate/hookgate/integration-tests/gateway"
)

// load is a number of senders that send until they are stopped.
type load struct {
	stop func()
}

// start starts senders of bodies of about size bytes; each pauses between an
// answer and the next event.
func (l *ledger) start(addr string, senders, size int, pause time.Duration) load {
	client := &http.Client{Timeout: gateway.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	stop := repeat(senders, pause, func() { l.send(client, addr, size) })
	return load{stop: sync.OnceFunc(func() {
		stop()
		client.CloseIdleConnections()
	})}
}

// repeat calls do from a number of goroutines, with the pause in between, until
// it is stopped.
func repeat(senders int, pause time.Duration, do func()) (stop func()) {
	quit := make(chan struct{})
	var running sync.WaitGroup
	for range senders {
		running.Go(func() {
			ticker := time.NewTicker(pause)
			defer ticker.Stop()
			for {
				select {
				case <-quit:
					return
				case <-ticker.C:
					do()
				}
			}
		})
	}
	return sync.OnceFunc(func() {
		close(quit)
		running.Wait()
	})
}
