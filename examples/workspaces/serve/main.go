// Serve runs the service of package workspaces until it is interrupted.
//
//	go run ./examples/workspaces/serve -listen 127.0.0.1:8080 -workspaces-lag 300ms -memberships-lag 2s
//
// It prints its address and a few requests to try.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/readback-go/readback/examples/workspaces"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	options := workspaces.Options{Logger: slog.New(slog.NewTextHandler(stderr, nil))}
	listen := flags.String("listen", "127.0.0.1:8080", "address to listen on; port 0 picks a free one")
	flags.StringVar(&options.Path, "db", "", "file that holds everything; empty: a temporary one")
	flags.BoolVar(&options.NoSync, "no-sync", false, "spare the fsync of each command")
	flags.DurationVar(&options.WorkspacesLag, "workspaces-lag", 300*time.Millisecond, "lag of the workspaces: 404 until then")
	flags.DurationVar(&options.MembershipsLag, "memberships-lag", 600*time.Millisecond, "lag of the memberships: 403 until then")
	flags.DurationVar(&options.Jitter, "jitter", 0, "random addition to each lag, up to this")
	flags.IntVar(&options.Replicas, "replicas", 1, "read replicas behind the address")
	flags.DurationVar(&options.ReplicaSpread, "replica-spread", 0, "lag of each replica behind the one before it")
	flags.DurationVar(&options.AsyncDelay, "async-delay", time.Second, "time from a 202 to its execution")
	flags.BoolVar(&options.AllowFaults, "allow-faults", false, `let clients ask for faults: -H "X-Fault: 504 later 300ms"`)
	failNext := flags.Int("fail-next", 0, "number of commands that meet the fault of -fault")
	fault := workspaces.Fault{Status: http.StatusServiceUnavailable, Execute: workspaces.Later, Delay: time.Second}
	flags.Func("fault", fmt.Sprintf("`fault` of -fail-next: 503 or 504, never, later or at-once, delay (default %q)", fault),
		func(text string) (err error) {
			fault, err = workspaces.ParseFault(text)
			return err
		})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	service, err := workspaces.Open(options)
	if err != nil {
		return err
	}
	if err := service.FailNext(*failNext, fault); err != nil {
		return errors.Join(err, service.Close())
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return errors.Join(err, service.Close())
	}
	greet(stdout, "http://"+listener.Addr().String())
	return errors.Join(serve(ctx, listener, service), service.Close())
}

// serve answers on listener until ctx ends, and then lets requests under way
// finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served: // it never started, or broke
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(patience)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

func greet(stdout io.Writer, address string) {
	fmt.Fprintf(stdout, `workspaces serves on %[1]s

  curl -i -H 'Authorization: ApiKey alice-key' -d '{"workspaceName":"alpha","reference":"mine"}' %[1]s/v1/workspaces
  curl -i -H 'Authorization: ApiKey alice-key' '%[1]s/v1/workspaces?reference=mine'
  curl -i -H 'Authorization: ApiKey alice-key' -H 'Prefer: respond-async' -d '{"workspaceName":"beta"}' %[1]s/v1/workspaces

Keys: alice-key and bob-key may write, reader-key may not. Stop with Ctrl-C.
`, address)
}
