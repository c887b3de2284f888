// Command postthenget writes to an event-sourced service and reads back what it
// wrote.
//
// It starts the service of package workspaces in process, on a loopback port,
// and runs six flows against it: a create, an update, a delete, a create whose
// answer is lost but which is carried out later, one that never is, and one that
// is refused. Of each it prints a timeline; at the end, a line per flow says
// whether the outcome agrees with the service's own event log. The exit status
// is 0 only if all do.
//
//	go run ./examples/postthenget -memberships-lag 1s -replicas 3 -settle 3
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
)

// apiKey is one of the keys that the service knows unless told otherwise.
const apiKey = "alice-key"

type settings struct {
	service workspaces.Options
	settle  int
	fault   string
	within  time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, os.Stdout, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "postthenget:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (settings, error) {
	s := settings{service: workspaces.Options{NoSync: true, AllowFaults: true}}
	flags := flag.NewFlagSet("postthenget", flag.ContinueOnError)
	flags.DurationVar(&s.service.WorkspacesLag, "workspaces-lag", 150*time.Millisecond, "lag of the projector of workspaces")
	flags.DurationVar(&s.service.MembershipsLag, "memberships-lag", 350*time.Millisecond, "lag of the projector of memberships")
	flags.IntVar(&s.service.Replicas, "replicas", 1, "read replicas behind the address")
	flags.DurationVar(&s.service.ReplicaSpread, "replica-spread", 200*time.Millisecond, "how much each replica lags behind the one before")
	flags.IntVar(&s.settle, "settle", 0, "reads in a row that must show a write; 0 means the policy's default")
	flags.StringVar(&s.fault, "fault", "504 later 400ms", "what becomes of the create whose answer is lost")
	flags.DurationVar(&s.within, "within", 1500*time.Millisecond, "how long the create that never runs is looked for")
	return s, flags.Parse(args)
}

func run(ctx context.Context, out io.Writer, s settings) (err error) {
	service, err := workspaces.Open(s.service)
	if err != nil {
		return err
	}
	defer func() {
		if closed := service.Close(); err == nil {
			err = closed
		}
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: service, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()

	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	j := &job{
		out:     out,
		service: service,
		client:  &client{base: "http://" + listener.Addr().String(), http: &http.Client{Transport: transport}},
		trace:   &timeline{out: out},
	}
	j.policy = consistency.Policy{Settle: s.settle, Observer: j.trace.observe}

	id := j.create(ctx)
	j.update(ctx, id)
	j.delete(ctx, id)
	j.createLater(ctx, s.fault)
	j.createNever(ctx, s.within)
	j.createRefused(ctx)

	fmt.Fprintln(out)
	for _, flow := range j.done {
		flow.print(out)
	}
	return failures(j.done)
}
