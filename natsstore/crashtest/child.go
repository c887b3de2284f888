package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
)

// child is a worker process, as its parent sees it.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ready chan struct{} // closed when the worker is ready
	done  chan struct{} // closed when the process has ended
	err   error         // of Wait

	mu   sync.Mutex
	kept map[int]bool
	said []string // warnings
}

// start starts a worker with those flags.
func start(ctx context.Context, flags ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{
		cmd:   exec.CommandContext(ctx, self, flags...),
		ready: make(chan struct{}), done: make(chan struct{}), kept: make(map[int]bool),
	}
	c.cmd.Env = append(os.Environ(), workerEnv+"=1")
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.done)
		c.listen(out)
		c.err = c.cmd.Wait()
	}()
	return c, nil
}

// workerEnv tells a test binary to run as the program.
const workerEnv = "CRASHTEST_WORKER"

func (c *child) listen(out io.Reader) {
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		var n int
		if scanner.Text() == "ready" {
			close(c.ready)
		} else if _, err := fmt.Sscanf(scanner.Text(), "kept %d", &n); err == nil {
			c.mu.Lock()
			c.kept[n] = true
			c.mu.Unlock()
		} else {
			c.mu.Lock()
			c.said = append(c.said, scanner.Text())
			c.mu.Unlock()
		}
	}
}

// give hands the child jobs. It may be dead by now.
func (c *child) give(jobs ...int) {
	for _, n := range jobs {
		fmt.Fprintln(c.in, n)
	}
}

// left returns the jobs that the child has not reported as stored.
func (c *child) left(jobs []int) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(jobs), func(n int) bool { return c.kept[n] })
}

// count returns how often the child warned of something.
func (c *child) count(of string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.said {
		if strings.Contains(line, of) {
			n++
		}
	}
	return n
}

// warned reports whether the child warned of something.
func (c *child) warned(of string) bool { return c.count(of) > 0 }

func (c *child) kill() {
	c.cmd.Process.Kill()
	<-c.done
}

// finish tells the child that there are no more jobs, and waits for its end.
func (c *child) finish() error {
	c.in.Close()
	<-c.done
	return c.err
}
