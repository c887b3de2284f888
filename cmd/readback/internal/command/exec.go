package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// execution is one run of a command.
type execution struct {
	status int
	stdout []byte
	all    []byte // stdout and stderr as they came
}

// keptOutput is how much of a command's output is kept: the last of it.
const keptOutput = 64 << 10

// tail keeps the end of what is written to it. Several of them may share a
// mutex.
type tail struct {
	mu   *sync.Mutex
	into []*[]byte
}

// Write keeps p, and forgets what was written long before.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kept := range t.into {
		*kept = append(*kept, p...)
		if over := len(*kept) - keptOutput; over > 0 {
			*kept = append((*kept)[:0], (*kept)[over:]...)
		}
	}
	return len(p), nil
}

// patience is how long output is waited for that a command left behind it.
const patience = time.Second

// execute runs a command once. It is killed, with all that it started, when ctx
// ends. Its stdout is kept apart if asked for, at the price of an order that is
// not certain any more.
func execute(ctx context.Context, args []string, apart bool) (*execution, error) {
	run := &execution{}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var mu sync.Mutex
	all := &tail{&mu, []*[]byte{&run.all}}
	cmd.Stdout, cmd.Stderr = all, all // one pipe for both
	if apart {
		cmd.Stdout = &tail{&mu, []*[]byte{&run.stdout, &run.all}}
	}
	cmd.WaitDelay = patience
	ownGroup(cmd)
	err := cmd.Run()
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it was stopped: %w", context.Cause(ctx))
	case errors.As(err, &ended) && ended.ExitCode() >= 0:
		run.status = ended.ExitCode()
	case errors.As(err, &ended):
		return run, fmt.Errorf("it ended by a signal: %w", err)
	case errors.Is(err, exec.ErrWaitDelay): // it has ended, but not all that it started
	case err != nil:
		return nil, consistency.As(consistency.Refused, err)
	}
	return run, nil
}

func (o *waitOptions) waitForCommand(ctx context.Context, streams cli.Streams, args []string) error {
	switch {
	case o.For == "absent":
		return exit.Usagef("with a command, --for absent has no meaning: let the command exit with 0 when it is gone")
	case len(o.ExpectStatus) > 0 || o.Token != "" || len(o.AllowOrigin) > 0:
		return exit.Usagef("--expect-status, --token and --allow-origin have no use with a command")
	case o.groups.Any():
		return exit.Usagef("curl's flags have no use with a command: they stand before --")
	}
	if err := o.check(); err != nil {
		return err
	}
	policy, err := o.Policy()
	if err != nil {
		return err
	}
	matches, err := flow.Matches(o.ExpectJSON)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return exit.Usagef("%w", err)
	}
	name := filepath.Base(args[0]) // the rest may hold secrets
	level := o.level(false)
	progress := show.NewProgress(streams, level, policy, func(text string) string { return text }, true)
	var last *execution
	history := &poll.History{}
	elapsed := time.Duration(0)
	read := func(ctx context.Context) (*execution, error) {
		progress.Reading()
		defer progress.Read(0)
		run, err := execute(ctx, args, len(o.ExpectJSON) > 0)
		if run != nil {
			last = run
		}
		return run, err
	}
	watched := progress.Watch(policy)
	observe := watched.Observer
	watched.Observer = func(e consistency.Event) {
		switch {
		case e.Phase == consistency.PhaseEnd:
			elapsed = e.Ended
		case e.Phase == consistency.PhaseRead:
			if e.Reason == consistency.Stale && last.status != 0 {
				e.Reason = poll.Reason(fmt.Sprintf("exit status %d", last.status))
			}
			history.Add(poll.Read{Began: e.Began, Ended: e.Ended, Verdict: e.Verdict, Reason: e.Reason, Note: e.Note, Err: e.Err})
		}
		observe(e)
	}
	progress.Start()
	_, err = consistency.Await(ctx, watched, name, read, func(run *execution) bool {
		return run.status == 0 && matches(run.stdout)
	})
	progress.Stop()
	w := &waited{o: o, streams: streams, progress: progress, name: name, last: last, history: history, elapsed: elapsed}
	return w.end(ctx, err)
}

// waited is a wait for a command at its end.
type waited struct {
	o        *waitOptions
	streams  cli.Streams
	progress *show.Progress
	name     string
	last     *execution
	history  *poll.History
	elapsed  time.Duration
}

func (w *waited) end(ctx context.Context, err error) error {
	outcome := consistency.OutcomeOf(err)
	status := statusOf(ctx, outcome, err)
	text := ""
	if err == nil {
		text = show.Confirmed(w.name, w.history.Reads(), w.elapsed, "exit status 0")
	} else {
		text = show.ErrorText(err)
		if w.last != nil {
			text += fmt.Sprintf("; last exit status %d", w.last.status)
			if w.last.status == 0 {
				text += ", but the output is not as expected"
				if !json.Valid(bytes.TrimSpace(w.last.stdout)) {
					text += ": it is not JSON"
				}
			}
		}
	}
	output := ""
	if w.last != nil {
		output = string(w.last.all)
	}
	line := text + "\n"
	switch {
	case w.o.json:
		line, err = show.Result{
			Version: show.ResultVersion, Command: "wait", Name: w.name, Outcome: outcome.String(), Exit: status,
			Error: map[bool]string{false: text}[outcome == consistency.Confirmed], Reads: w.history.Reads(),
			Elapsed: show.Milliseconds(w.elapsed), Output: &output, History: show.Steps(w.history), Omitted: w.history.Omitted(),
		}.JSON()
		if err != nil {
			return exit.With(exit.Output, err)
		}
	case w.o.level(false) != show.Quiet && output != "":
		_, _ = fmt.Fprint(w.streams.Err, output)
		if output[len(output)-1] != '\n' {
			_, _ = fmt.Fprintln(w.streams.Err)
		}
	}
	if _, err := fmt.Fprint(w.streams.Out, line); err != nil {
		w.progress.Line("readback: " + text + "; the result was not written: " + err.Error())
		status = unwritten(status)
	}
	return exit.Quiet(status)
}
