package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/things"
	"github.com/readback-go/readback/examples/workspaces"
)

func newDemo(streams cli.Streams) *cobra.Command {
	options := workspaces.Options{NoSync: true, AllowFaults: true}
	listen := ""
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start a service whose reads lag behind its writes, to try the others on",
		Long: `Demo starts a small service on loopback, whose read models lag behind its writes, and
prints three commands to try on it. The guide for shells has more: with api set to the URL
that demo prints, they run as they stand there. Ctrl-C ends it, and nothing of it is left.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), streams, listen, options)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&listen, "listen", "127.0.0.1:0", "`ADDRESS` to listen on; port 0 is a free one")
	fs.DurationVar(&options.WorkspacesLag, "workspaces-lag", 300*time.Millisecond, "`TIME` for which a GET after a write gets 404")
	fs.DurationVar(&options.MembershipsLag, "memberships-lag", 600*time.Millisecond, "`TIME` for which it gets 403")
	fs.DurationVar(&options.Jitter, "jitter", 0, "longest `TIME` that is added at random")
	fs.IntVar(&options.Replicas, "replicas", 1, "`NUMBER` of replicas that answer reads in turn")
	fs.DurationVar(&options.ReplicaSpread, "replica-spread", 0, "`TIME` that each replica lags behind the one before it")
	fs.DurationVar(&options.AsyncDelay, "async-delay", time.Second, "`TIME` from a 202 until its write is carried out")
	return cmd
}

func demo(ctx context.Context, streams cli.Streams, listen string, options workspaces.Options) error {
	service, err := workspaces.Open(options)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return exit.With(exit.Usage, errors.Join(err, service.Close()))
	}
	mux := http.NewServeMux()
	mux.Handle("/", things.New(options.WorkspacesLag))
	mux.Handle("/v1/", service)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	_, _ = fmt.Fprintf(streams.Out, greeting, "http://"+listener.Addr().String())

	var broken error
	select {
	case broken = <-served:
	case <-ctx.Done():
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(patience); err != nil {
			broken = server.Close()
		}
		<-served
	}
	if err := errors.Join(broken, service.Close()); err != nil {
		return exit.With(exit.Failed, err)
	}
	return nil
}

// greeting has three commands that can be copied as they are.
const greeting = `workspaces serves on %[1]s

  readback run %[1]s/v1/workspaces -H 'Authorization: ApiKey alice-key' -d '{"workspaceName":"alpha"}' --then GET '{location}'

  readback run %[1]s/v1/workspaces -H 'Authorization: ApiKey alice-key' -H 'X-Fault: 503 later 500ms' \
    -d '{"workspaceName":"beta","reference":"mine"}' \
    --find '/v1/workspaces?reference=mine' --mine /reference=mine --found '/v1/workspaces/{id}'

  readback run %[1]s/v1/workspaces -H 'Authorization: ApiKey alice-key' -d '{"workspaceName":"gamma"}' --within 200ms

The first is confirmed; the answer to the second is lost, and it is found again; the
third has too little time, and says how to go on.
The commands of docs/shell.md run with api=%[1]s, without a key.
Keys: alice-key and bob-key may write, reader-key may not. Stop with Ctrl-C.
`
