// Command jobsubmitter submits a batch of jobs, each once, although the process
// that does so is killed in the middle.
//
// It starts the service of package workspaces, which loses the answers of some
// writes: it carries them out at once, later or never. A worker process submits
// the jobs over a store in a folder. When some of them are done the worker is
// killed, without a word of warning, and another is started on the same folder.
// In the end a table holds what the jobs came to against what the service did.
//
//	go run ./examples/jobsubmitter -jobs 200
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "jobsubmitter:", err)
		stop()
		os.Exit(1)
	}
}

type settings struct {
	jobs    int
	service string // of a worker
	dir     string // of a worker
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	var s settings
	flags := flag.NewFlagSet("jobsubmitter", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&s.jobs, "jobs", 100, "how many jobs there are")
	flags.StringVar(&s.service, "service", "", "run as the worker, for the service at this `URL`")
	flags.StringVar(&s.dir, "dir", "", "the worker's folder")
	switch err := flags.Parse(args); {
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.jobs < 1:
		return fmt.Errorf("there must be a job, not %d", s.jobs)
	case s.service != "":
		return work(ctx, s, out)
	}
	return supervise(ctx, s, out, errs)
}
