// Package command is the commands of readback.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/expr"
	"github.com/readback-go/readback/cmd/readback/internal/measure"
	"github.com/readback-go/readback/cmd/readback/internal/proxy"
	"github.com/readback-go/readback/cmd/readback/internal/show"
)

// Main runs the command line and returns the exit status of the process.
func Main(args []string, streams cli.Streams) int {
	if len(args) == 1 && args[0] == expr.ChildArg {
		return expr.Serve(streams.In, streams.Out)
	}
	// net/http logs bytes of bodies, and nobody can give a client another log.
	log.SetOutput(io.Discard)
	log.SetFlags(0)
	ctx, stop := withSignals(context.Background())
	defer stop()
	ran := false
	told := &remembering{Writer: streams.Out}
	root := newRoot(streams, told, &ran)
	root.SetArgs(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		cli.PlainUsages(root)
	}
	err := root.ExecuteContext(ctx)
	if told.err != nil { // help, a version, completions: who asked got nothing
		err = exit.With(exit.Output, told.err)
	}
	if err == nil {
		return exit.Confirmed
	}
	var e *exit.Error
	if !errors.As(err, &e) {
		// What the parser refuses is a matter of use.
		status := exit.Failed
		if !ran {
			status = exit.Usage
		}
		e = &exit.Error{Status: status, Err: err}
	}
	if e.Err != nil {
		fmt.Fprintln(streams.Err, "readback: "+oneLine(show.ErrorText(e.Err)))
	}
	return e.Status
}

// remembering remembers the first error of its writer.
type remembering struct {
	io.Writer
	err error
}

func (w *remembering) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// withSignals returns a context that the first of the usual signals ends, with
// an [exit.Signal] as its cause. The second one ends the process at once.
//
// A broken pipe ends nothing: a write that was sent is read back, whoever listens.
// It is caught, not ignored, since programs that are started would inherit that.
func withSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as by nohup
		signal.Notify(signals, syscall.SIGHUP) // the terminal is gone, but a log may be there
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals) // from now on as if nobody listened
			cancel(exit.Signal{Signal: s})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// newRoot returns the command, which tells its help and the like to out.
func newRoot(streams cli.Streams, out io.Writer, ran *bool) *cobra.Command {
	root := &cobra.Command{
		Use:   "readback",
		Short: "Tell the truth about writes",
		Long: `Readback sends a write, reads until the read model shows it, and says
confirmed, unconfirmed or failed. It sends no write twice, unless told that it may.

Exit status: 0 confirmed, 1 failed, 2 wrong usage, 124 unconfirmed, 3 if that is since a
read was refused, 130 interrupted; 74 if it was confirmed, but the result could not be
written.
Every flag can also be given as a variable: READBACK_WITHIN=1m for --within 1m.`,
		SilenceErrors:     true,
		DisableAutoGenTag: true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cli.RefuseEmpty(cmd.Flags()); err != nil {
				return err
			}
			if err := cli.SetFromEnv(cmd.Flags(), streams.LookupEnv); err != nil {
				return err
			}
			*ran = true
			return nil
		},
	}
	root.SetIn(streams.In)
	root.SetOut(out)
	root.SetErr(streams.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		switch {
		case !errors.As(err, &unknown):
		case unknown.GetSpecifiedShortnames() != "":
			// The parser would print all of -ysession=secret.
			err = fmt.Errorf("unknown flag: -%.1s%s", unknown.GetSpecifiedName(), otherLetter(cmd, unknown))
		default:
			err = fmt.Errorf("unknown flag: --%s%s", unknown.GetSpecifiedName(), suggestion(cmd, unknown.GetSpecifiedName()))
		}
		return exit.With(exit.Usage, err)
	})
	root.AddCommand(newRun(streams), newWait(streams), newResume(streams), proxy.Command(streams), measure.Command(streams), newDemo(streams), newMan(), newVersion())
	for _, cmd := range root.Commands() {
		if name := cmd.Name(); name == "run" || name == "resume" || name == "wait" {
			completeValues(cmd)
		}
	}
	root.Flags().Bool("version", false, "tell the version")
	root.Version = cli.Version()
	root.SetVersionTemplate("readback {{.Version}}\n")
	refuseOthers(root)
	root.SetHelpCommand(newHelp(root))
	cli.SetHelp(root, streams)
	return root
}
