package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// previewLines is how much of a body is shown.
const previewLines = 8

// delivery is one call of the trigger's endpoint.
type delivery struct {
	path   string
	header http.Header
	body   []byte
}

// startEndpoint stands in for the trigger's endpoint: it accepts every event
// and reports it.
func startEndpoint(deliveries chan<- delivery) (*http.Server, error) {
	listener, err := net.Listen("tcp", triggerAddress)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 32<<20))
			if err != nil {
				http.Error(w, "reading the body", http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusNoContent)
			deliveries <- delivery{path: r.URL.Path, header: r.Header, body: body}
		}),
	}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return server, nil
}

func (d delivery) print() {
	step("Delivered to the trigger: POST http://%s%s, %d bytes", triggerAddress, d.path, len(d.body))
	names := make([]string, 0, len(d.header))
	for name := range d.header {
		if strings.HasPrefix(name, "X-") || strings.HasPrefix(name, "Webhook-") || name == "Idempotency-Key" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("    %s: %s\n", name, d.header.Get(name))
	}
	fmt.Println()
	lines := bytes.SplitN(d.body, []byte("\n"), previewLines+1)
	for i, line := range lines {
		if i == previewLines {
			fmt.Println("    ...")
			break
		}
		fmt.Printf("    %.120s\n", line)
	}
}
