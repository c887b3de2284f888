package flow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/readback-go/readback/consistency"
)

// Execution is one run of a command.
type Execution struct {
	Status int
	Stdout []byte
	All    []byte // stdout and stderr as they came: the last of them
}

// command is what runs, with what it gets.
type command struct {
	args  []string
	env   []string // besides that of this process
	stdin io.Reader
	// separate keeps stdout by itself too, in Execution.Stdout. With it the order of
	// stdout and stderr in Execution.All is not certain.
	separate bool
	most     int // bytes of stdout that are kept by itself
}

// keptOutput is how much of a command's output is kept: the last of it.
const keptOutput = 64 << 10

// tail keeps the end of what is written to it. Several of them may share a
// mutex.
type tail struct {
	mu   *sync.Mutex
	into []kept
}

type kept struct {
	text *[]byte
	most int
}

// Write keeps p, and forgets the oldest bytes beyond the limit.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.into {
		*k.text = append(*k.text, p...)
		if over := len(*k.text) - k.most; over > 0 {
			*k.text = append((*k.text)[:0], (*k.text)[over:]...)
		}
	}
	return len(p), nil
}

// patience is how long execute waits, once a command has ended, for the output of
// processes that it left running.
const patience = time.Second

// execute runs a command once. When ctx ends, the command and all that it started
// are killed. If the execution is nil, the command did not run to its end; an error
// of class Refused means that it did not start.
func execute(ctx context.Context, c command) (*Execution, error) {
	run := &Execution{}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	if len(c.env) > 0 {
		cmd.Env = append(os.Environ(), c.env...)
	}
	cmd.Stdin = c.stdin
	var mu sync.Mutex
	all := &tail{&mu, []kept{{&run.All, keptOutput}}}
	cmd.Stdout, cmd.Stderr = all, all // one pipe for both
	if c.separate {
		cmd.Stdout = &tail{&mu, []kept{{&run.Stdout, c.most}, {&run.All, keptOutput}}}
	}
	cmd.WaitDelay = patience
	ownGroup(cmd)
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it was stopped: %w", context.Cause(ctx))
	case errors.As(err, &ended) && ended.ExitCode() >= 0:
		run.Status = ended.ExitCode()
	case errors.As(err, &ended):
		return run, fmt.Errorf("it ended by a signal: %w", err)
	case errors.Is(err, exec.ErrWaitDelay): // it has ended, but not all that it started
	case err != nil:
		return nil, consistency.As(consistency.Refused, err)
	}
	return run, nil
}
