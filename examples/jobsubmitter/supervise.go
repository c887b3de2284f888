package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/natsstore"
)

// supervise starts the service and a worker, kills that when two jobs in five
// are done, starts another, and prints what came of it.
func supervise(ctx context.Context, s settings, out, errs io.Writer) error {
	service, err := workspaces.Open(workspaces.Options{
		WorkspacesLag: 100 * time.Millisecond, MembershipsLag: 250 * time.Millisecond, NoSync: true, AllowFaults: true,
	})
	if err != nil {
		return err
	}
	defer service.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: service}
	go server.Serve(listener)
	defer server.Close()
	tmp, err := os.MkdirTemp("", "jobsubmitter-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	s.service, s.dir = "http://"+listener.Addr().String(), filepath.Join(tmp, "store")

	bar := newBar(s.jobs, errs)
	defer bar.Clear()
	done, err := watch(ctx, s, bar, s.jobs*2/5)
	if err != nil {
		return fmt.Errorf("the first worker: %w", err)
	}
	bar.Clear()
	fmt.Fprintf(out, "The first worker was killed when %d of %d jobs were done.\n", done, s.jobs)
	bar.Describe("the second worker")
	if _, err := watch(ctx, s, bar, s.jobs+1); err != nil {
		return fmt.Errorf("the second worker: %w", err)
	}
	bar.Clear()
	store, err := natsstore.Open(ctx, natsstore.Options{Dir: s.dir})
	if err != nil {
		return err
	}
	defer store.Close()
	t, err := compare(ctx, s.jobs, store, service)
	if err != nil {
		return err
	}
	t.print(out)
	return t.verdict()
}

// newBar returns a progress bar, which is seen on a terminal alone.
func newBar(jobs int, errs io.Writer) *progressbar.ProgressBar {
	f, ok := errs.(*os.File)
	return progressbar.NewOptions(jobs,
		progressbar.OptionSetWriter(errs),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))),
		progressbar.OptionSetDescription("the first worker"),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionShowCount(),
	)
}

// workerEnv tells a test binary that it is to be the program.
const workerEnv = "JOBSUBMITTER_WORKER"

// watch runs a worker and shows how far it is. It is killed as soon as enough
// jobs are done.
func watch(ctx context.Context, s settings, bar *progressbar.ProgressBar, enough int) (done int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, "-service", s.service, "-dir", s.dir, "-jobs", strconv.Itoa(s.jobs))
	cmd.Env = append(os.Environ(), workerEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if done, err = strconv.Atoi(lines.Text()); err != nil {
			cmd.Process.Kill()
			return done, errors.Join(err, cmd.Wait())
		}
		bar.Set(done)
		if done >= enough {
			cmd.Process.Kill() // no signal that it could see
			cmd.Wait()
			return done, nil
		}
	}
	if err = cmd.Wait(); ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return done, err
}
