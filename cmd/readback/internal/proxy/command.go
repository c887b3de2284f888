package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// urlVariable tells the command where the proxy is.
const urlVariable = "READBACK_PROXY_URL"

// Command returns "readback proxy".
func Command(streams cli.Streams) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "proxy --upstream URL [flags] [-- COMMAND ...]",
		Short: "Let programs in any language read what they wrote",
		Long: `Proxy is a reverse proxy in front of one origin. A GET or HEAD that answers 404 or
403 on what was just written through it is held until the read model shows it, or
--within ends. All else passes as it is, and no write is sent twice. An answer that
was held says so:

	X-Readback: confirmed; reads=3; elapsed=0.412

A request may say "X-Readback: off" or "X-Readback: within=5s". The URL of the proxy
is the only thing on stdout. SIGINT and SIGTERM end it once all requests in flight
are answered, and a second one at once.

With a COMMAND, the proxy takes a free port, tells its URL to the command in
` + urlVariable + `, and ends with it and its exit status.`,
		Example: `  readback proxy --upstream https://api.example
  readback proxy --upstream https://api.example --env API_URL -- pytest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			switch {
			case dash > 0 || dash < 0 && len(args) > 0:
				return exit.Usagef("unexpected argument %q: a command stands behind --", args[0])
			case dash == 0 && len(args) == 0:
				return exit.Usagef("no command behind --")
			case dash < 0 && s.env != "":
				return exit.Usagef("--env has no use without a command")
			case dash == 0 && !cmd.Flags().Changed("listen"):
				s.listen = "127.0.0.1:0"
			}
			return s.run(cmd.Context(), args, streams)
		},
	}
	s.addFlags(cmd.Flags())
	return cmd
}

// run serves until ctx or the command ends.
func (s *settings) run(ctx context.Context, argv []string, streams cli.Streams) error {
	logger := log.New(streams.Err, "readback: ", 0)
	say := func(line string) { logger.Print(line) }
	o, err := s.options()
	if err != nil {
		return err
	}
	if !s.quiet {
		o.Warn = say
	}
	if s.verbose && !s.quiet {
		o.Tell = say
	}
	log.SetOutput(writerTo(o.Warn)) // clients of net/http know no other log
	defer log.SetOutput(io.Discard)
	if err := load(s.learnState, o.Learned); err != nil {
		return exit.With(exit.Usage, fmt.Errorf("--learn-state: %w", err))
	}
	listener, err := s.open(&o)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	defer func() { _ = listener.Close() }()
	o.Meter = NewMeter()
	share, unshare, err := s.sharing(o.Warn)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	defer unshare()
	o.Hold.Share = share
	stopMeter, err := serveMeter(s.metrics, o.Meter)
	if err != nil {
		return exit.With(exit.Usage, fmt.Errorf("--metrics: %w", err))
	}
	defer stopMeter()
	p, err := New(o)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	defer p.Close()
	memory, err := keep(s.learnState, o.Learned)
	if err != nil {
		return exit.With(exit.Usage, fmt.Errorf("--learn-state: %w", err))
	}
	if len(argv) > 0 {
		err = s.serveChild(ctx, listener, p, argv, streams)
	} else {
		err = s.serve(ctx, listener, p, streams, say)
	}
	lost := memory.close()
	if lost == nil {
		return err
	}
	lost = fmt.Errorf("--learn-state: what was learned is lost: %w", lost)
	if err == nil && len(argv) == 0 {
		return exit.With(exit.Output, lost)
	}
	say(lost.Error()) // the exit status is that of err, or the command's
	return err
}

// open listens where the flags say, and notes in the options what follows from that.
func (s *settings) open(o *Options) (net.Listener, error) {
	l, err := listen(s.listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if err := leadsBack(o, l); err != nil {
		_ = l.Close()
		return nil, err
	}
	public := !isUnix(l) && !loopback(l)
	o.AnyHost = isUnix(l) || public && len(s.allowHosts) == 0
	if public && o.Warn != nil {
		o.Warn("whoever gets to " + l.Addr().String() + " gets to " + origin(o.Upstream) + ", though without credentials of yours")
	}
	return l, nil
}

func (s *settings) serve(ctx context.Context, l net.Listener, p *Proxy, streams cli.Streams, say func(string)) error {
	if _, err := fmt.Fprintln(streams.Out, s.urlOf(l)); err != nil {
		return exit.With(exit.Output, err)
	}
	if !s.quiet {
		say("proxy to " + p.upstream + " on " + s.urlOf(l))
		defer context.AfterFunc(ctx, func() { say(context.Cause(ctx).Error() + ": answering what is in flight") })()
	}
	return exit.With(exit.Failed, Serve(ctx, l, p, s.grace))
}

// serveChild serves as long as the command runs, and returns its exit status.
// Signals are the command's to heed.
func (s *settings) serveChild(ctx context.Context, l net.Listener, p *Proxy, argv []string, streams cli.Streams) error {
	variables := []string{urlVariable + "=" + s.urlOf(l)}
	if s.env != "" {
		variables = append(variables, s.env+"="+s.urlOf(l))
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- Serve(serving, l, p, s.grace) }()
	err := runChild(argv, variables, streams)
	stop()
	if cut := <-served; cut != nil && err == nil && !errors.Is(cut, ErrCutOff) {
		return exit.With(exit.Failed, cut)
	}
	return err
}

// serveMeter answers GET /metrics until it is told to stop.
func serveMeter(address string, m *Meter) (stop func(), _ error) {
	if address == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	srv := newServer(m.Handler(), nil)
	srv.WriteTimeout = 30 * time.Second
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return func() {
		_ = srv.Close()
		<-done
	}, nil
}
