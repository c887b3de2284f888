package main

import (
	"net"
	"net/http"
	"time"

	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/submit"
	"github.com/readback-go/readback/submitui"
)

// servePage shows the jobs to whoever is on this machine, and returns where. A retry
// is all that can be done, since it changes no outcome that the table counts on.
func servePage(jobs *submit.Submitter[order, string, *workspaces.Workspace]) (address string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	here := listener.Addr().String()
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: submitui.New(jobs, submitui.Options[order]{
		Authorize: func(r *http.Request, action submitui.Action, _ string) bool {
			return r.Host == here && action == submitui.Retry // not by a name that leads here
		},
		Payload: func(_ *http.Request, _ string, o order) string { return o.Name + " " + o.Fault },
		Text:    func(_ *http.Request, _, text string) string { return text },
		Late:    2 * time.Second,
	})}
	go server.Serve(listener)
	return "http://" + here + "/", server.Close, nil
}
