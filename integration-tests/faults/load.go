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

// start starts senders of bodies of about size bytes; each waits the pause
// between an answer and the next event.
func (l *ledger) start(addr string, senders, size int, pause time.Duration) load {
	client := &http.Client{Timeout: gateway.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
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
					l.send(client, addr, size)
				}
			}
		})
	}
	return load{stop: sync.OnceFunc(func() {
		close(quit)
		running.Wait()
		client.CloseIdleConnections()
	})}
}
