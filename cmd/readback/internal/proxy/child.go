package proxy

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// The statuses of a shell for commands that do not run.
const (
	notFound      = 127
	notExecutable = 126
)

// runChild runs a command until it ends and returns its exit status as an error,
// or nil for 0: 128 and the number of the signal that killed it, and as a shell
// does if it cannot be run. The variables are added to its environment. Signals
// are passed on.
func runChild(argv, variables []string, streams cli.Streams) error {
	child := exec.Command(argv[0], argv[1:]...)
	child.Stdin, child.Stdout, child.Stderr = streams.In, streams.Out, streams.Err
	child.Env = append(os.Environ(), variables...)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, slices.DeleteFunc(slices.Clone(passedOn), signal.Ignored)...) // as by nohup
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		status := notExecutable
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			status = notFound
		}
		return exit.With(status, err)
	}
	ended := make(chan struct{})
	passing := make(chan struct{})
	go func() {
		defer close(passing)
		for {
			select {
			case s := <-signals:
				if !fromTerminal(s) {
					_ = child.Process.Signal(s)
				}
			case <-ended:
				return
			}
		}
	}()
	err := child.Wait()
	close(ended)
	<-passing
	var failed *exec.ExitError
	if !errors.As(err, &failed) {
		return exit.With(exit.Failed, err)
	}
	if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exit.Quiet(128 + int(status.Signal()))
	}
	return exit.Quiet(failed.ExitCode())
}
