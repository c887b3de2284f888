// Command crashtest kills processes that submit jobs, and then checks whether any job was
// lost or sent twice.
//
// It runs the service of package workspaces. Some of its answers are 503 or 504, and the
// write is carried out at once, later or never. A worker process submits jobs to the service
// over an embedded store. Workers are killed at random instants, one after another, each on
// the same folder; the last one may finish. Then every job must have an outcome that agrees
// with the service's own event log, and the service must not have seen any write twice.
//
// Workers change between two versions of the program, forward and back, with different types
// of jobs. The earlier version leaves jobs of the later one alone; the later version lifts
// jobs of the earlier one. Some workers have bugs: functions that panic or end their
// goroutine for some jobs, before or after the write. These jobs are set aside, and each
// worker first retries the jobs that earlier ones set aside.
//
//	go run ./natsstore/crashtest -rounds 300
//
// With -disk the folder is on a small disk of its own, which is full for a while during the
// life of every fourth worker.
//
// With -cluster there are three processes, each both a node of a cluster and a worker: one is
// killed and started again; another is paused until the others have taken over its jobs, and
// then goes on.
//
// With -postgres three workers share a private PostgreSQL server, started from the programs
// of this machine. The workers are killed in turn, and the server now and then.
//
// The last line has the numbers. The exit status is 0 only if no job was lost or sent twice,
// and none has a wrong outcome.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "crashtest:", err)
		stop()
		os.Exit(1)
	}
}

type settings struct {
	rounds   int
	jobs     int // a round
	seed     uint64
	cluster  bool
	disk     bool
	postgres bool
	lease    time.Duration
	worker   worker
}

// diskEnv tells a process that it may mount a disk.
const diskEnv = "CRASHTEST_DISK"

// parse reads the arguments, and refuses those that do not go together.
func parse(args []string, errs io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("crashtest", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.IntVar(&s.rounds, "rounds", 300, "how often the worker is killed")
	flags.IntVar(&s.jobs, "jobs", 4, "new jobs a round")
	flags.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "of the instants of the kills")
	flags.BoolVar(&s.cluster, "cluster", false, "three nodes, one of them killed and one paused")
	flags.BoolVar(&s.disk, "disk", false, "a small disk that is full now and then; needs Linux")
	flags.BoolVar(&s.postgres, "postgres", false, "three workers on a PostgreSQL server, which is killed too")
	flags.DurationVar(&s.lease, "lease", 0, "after which jobs are taken over; zero is 1 s, and 15 s with -cluster")
	flags.StringVar(&s.worker.service, "service", "", "internal: run as a worker for the service at this URL")
	flags.StringVar(&s.worker.dir, "dir", "", "internal: the worker's folder")
	flags.StringVar(&s.worker.dsn, "dsn", "", "internal: how the worker reaches its PostgreSQL server")
	flags.StringVar(&s.worker.peers, "peers", "", "internal: the cluster's addresses, of which the worker is one")
	flags.IntVar(&s.worker.node, "node", 0, "internal: which one")
	flags.BoolVar(&s.worker.earlier, "earlier", false, "internal: the worker is of the version before")
	flags.BoolVar(&s.worker.buggy, "buggy", false, "internal: the worker has bugs")
	flags.DurationVar(&s.worker.delay, "delay", 0, "internal: what the worker waits for before each write")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.worker.lease = s.lease
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.worker.service != "":
		return s, nil
	case s.rounds < 1 || s.jobs < 1:
		return s, errors.New("-rounds and -jobs must be at least 1")
	case s.disk && s.cluster:
		return s, errors.New("-disk does not go with -cluster")
	case s.cluster && s.postgres:
		return s, errors.New("give either -cluster or -postgres, not both")
	}
	return s, nil
}

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) error {
	s, err := parse(args, errs)
	switch {
	case err != nil:
		return err
	case s.worker.service != "":
		return s.worker.run(ctx, in, out)
	case s.disk && os.Getenv(diskEnv) == "":
		return onSmallDisk(ctx, args, out, errs)
	}
	w, err := openWorld()
	if err != nil {
		return err
	}
	defer w.close()
	tmp, err := os.MkdirTemp("", "crashtest-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if s.disk {
		unmount, err := mountDisk(tmp)
		if err != nil {
			return err
		}
		defer unmount()
	}
	if s.postgres {
		return s.overPostgres(ctx, out, w)
	}
	if s.cluster {
		return s.overCluster(ctx, out, w, tmp)
	}
	return s.overFolder(ctx, out, w, tmp)
}
