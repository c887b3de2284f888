package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/readback-go/readback/examples/workspaces"
)

// world is the service, and a count of the writes that it has seen.
type world struct {
	service *workspaces.Service
	server  *http.Server
	url     string

	mu     sync.Mutex
	writes map[string]int // by reference
}

const (
	workspacesLag  = 20 * time.Millisecond
	membershipsLag = 40 * time.Millisecond
)

func openWorld() (*world, error) {
	service, err := workspaces.Open(workspaces.Options{
		WorkspacesLag: workspacesLag, MembershipsLag: membershipsLag, NoSync: true, AllowFaults: true,
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &world{service: service, url: "http://" + listener.Addr().String(), writes: make(map[string]int)}
	w.server = &http.Server{Handler: w}
	go w.server.Serve(listener)
	return w, nil
}

func (w *world) close() {
	w.server.Close()
	w.service.Close()
}

// ServeHTTP counts writes on their way to the service.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client died before the request was complete
		}
		var command struct {
			Reference string `json:"reference"`
		}
		if json.Unmarshal(body, &command) == nil {
			w.mu.Lock()
			w.writes[command.Reference]++
			w.mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.service.ServeHTTP(rw, r)
}

// written returns how often each job was sent.
func (w *world) written() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	written := make(map[string]int, len(w.writes))
	for key, n := range w.writes {
		written[key] = n
	}
	return written
}

// executed returns when each job was carried out.
func (w *world) executed() (map[string][]time.Time, error) {
	done := make(map[string][]time.Time)
	for event, err := range w.service.Events() {
		if err != nil {
			return nil, fmt.Errorf("the service's log: %w", err)
		}
		if event.Kind == workspaces.Created {
			done[event.Workspace.Reference] = append(done[event.Workspace.Reference], event.At)
		}
	}
	return done, nil
}
