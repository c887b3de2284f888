package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
)

// next begins another thing to wait for: what is to be shown is said anew.
func (o *waitOptions) next() {
	o.goals = append(o.goals, o.Flags)
	o.For, o.Expect, o.Fail, o.Lag, o.ExpectJSON, o.ExpectStatus = "", nil, nil, nil, nil, nil
}

// flagsOf returns the flags of the nth thing: its own of what is to be shown, and
// those of when, which are the same for all.
func (o *waitOptions) flagsOf(n int) flow.Flags {
	flags := o.Flags
	if n < len(o.goals) {
		own := o.goals[n]
		flags.For, flags.Expect, flags.Fail, flags.Lag = own.For, own.Expect, own.Fail, own.Lag
		flags.ExpectJSON, flags.ExpectStatus = own.ExpectJSON, own.ExpectStatus
	}
	return flags
}

// numbered puts the number of a thing into the lines that tell of it.
type numbered struct {
	mu *sync.Mutex
	to io.Writer
	n  int
}

func (w numbered) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.Replace(string(p), "readback: ", fmt.Sprintf("readback: %d: ", w.n), 1)
	_, err := io.WriteString(w.to, text)
	return len(p), err
}

// errOther ends the waits that are left once one of them has failed.
var errOther = errors.New("another thing that is waited for cannot be confirmed any more")

// waitForSeveral waits for all of some things at once, and tells of them in one
// table.
func (o *waitOptions) waitForSeveral(ctx context.Context, streams cli.Streams, specs []request.Spec, command []string) error {
	for flag, value := range map[string]string{"--print": o.print, "-w": o.out} {
		if value != "" {
			return exit.Usagef("%s has no use with --and: it does not say which thing it is about", flag)
		}
	}
	in := &request.Input{Reader: streams.In, Context: ctx}
	if err := fold(specs, in); err != nil {
		return err
	}
	if err := o.check(in, specs...); err != nil {
		return err
	}
	all, err := o.waits(streams, specs, in, command)
	defer func() {
		for _, w := range all {
			w.flow.Close()
		}
	}()
	if err != nil {
		return err
	}
	var secrets []string
	for _, w := range all {
		secrets = append(secrets, w.secrets...)
	}
	scrub := request.Scrub(secrets)
	events, err := o.open(scrub)
	if err != nil {
		return err
	}
	for _, w := range all {
		w.events = events
	}
	results, err := waitForAll(ctx, all)
	if err != nil {
		return err
	}
	bad := o.tellCI(streams, events, results, scrub)
	return tellSeveral(streams, o.json, results, scrub, bad)
}

// wait is one of several.
type wait struct {
	*session
	policy consistency.Policy
}

// waits prepares a wait for each thing; the command, if there is one, is the last of them.
// The flows of those returned are to be closed, after an error too.
func (o *waitOptions) waits(streams cli.Streams, specs []request.Spec, in *request.Input, command []string) (all []wait, err error) {
	var lines sync.Mutex
	for i, spec := range specs {
		plan := flow.Plan{Flags: o.flagsOf(i), Write: spec, Elsewhere: true, Input: in, NeedBody: o.needsBody(spec)}
		if i == len(specs)-1 && command != nil {
			plan.Commands.Read = command
		}
		f, policy, err := plan.Build()
		if err != nil {
			return all, err
		}
		quiet := streams
		quiet.Terminal, quiet.Err = false, numbered{&lines, streams.Err, i + 1}
		all = append(all, wait{newSession("wait", quiet, o.output, f, plan, spec), policy})
	}
	return all, nil
}

// waitForAll returns a result for each wait. The first that cannot end well any more ends
// the others.
func waitForAll(ctx context.Context, all []wait) ([]show.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results, errs := make([]show.Result, len(all)), make([]error, len(all))
	var ended sync.WaitGroup
	for i, w := range all {
		ended.Go(func() {
			var status int
			results[i], status, errs[i] = w.one(ctx)
			if status != exit.Confirmed {
				cancel(errOther)
			}
		})
	}
	ended.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}

// one waits, and returns the result and the exit status.
func (s wait) one(ctx context.Context) (show.Result, int, error) {
	elsewhere, err := s.flow.Elsewhere()
	if err != nil {
		return show.Result{}, exit.Usage, err
	}
	s.begin(s.policy)
	res, err := consistency.Resume(ctx, s.watch(s.policy), s.flow.Flow, elsewhere)
	s.progress.Stop()
	status, text := statusOf(ctx, res.Outcome, err), s.sentence(res, err)
	if status == exit.Usage {
		return show.Result{}, exit.Usage, exit.With(exit.Usage, err)
	}
	r := s.result(res, text, status, "", nil)
	r.Text = text
	if a := documentOf(res.Value); s.plan.Write.Output != "" && a != nil {
		if err := s.put(s.plan.Write.Output, s.plan.Write.Include, a); err != nil {
			return r, exit.Output, exit.With(exit.Output, err)
		}
	}
	return r, status, nil
}

// tellSeveral tells how all ended. The status is that of the worst: one that is
// failed, one whose read was refused, one that was not shown in time.
func tellSeveral(streams cli.Streams, asJSON bool, results []show.Result, scrub func(string) string, bad error) error {
	status, word := exit.Confirmed, consistency.Confirmed
	for _, worse := range []int{exit.Unconfirmed, exit.ReadRefused, exit.Failed} {
		for _, r := range results {
			if r.Exit == worse {
				status, word = worse, consistency.Unconfirmed
				if worse == exit.Failed {
					word = consistency.Failed
				}
			}
		}
	}
	for _, r := range results {
		if r.Exit > 128 { // a signal
			status, word = r.Exit, consistency.Unconfirmed
		}
	}
	var b strings.Builder
	if asJSON {
		data, err := json.Marshal(show.Several{Version: show.ResultVersion, Command: "wait", Outcome: word.String(), Exit: status, Items: results})
		if err != nil {
			return exit.With(exit.Output, err)
		}
		b.WriteString(request.ScrubJSON(scrub, string(data), false) + "\n")
	} else {
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for i, r := range results {
			_, rest, _ := strings.Cut(r.Text, r.Name+": ")
			_, _ = fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", i+1, r.Outcome, r.Name, strings.TrimPrefix(rest, r.Outcome+" "))
		}
		_ = table.Flush()
	}
	_, err := io.WriteString(streams.Out, b.String())
	if err = errors.Join(err, bad); err != nil {
		_, _ = fmt.Fprintln(streams.Err, "readback: the result was not written: "+err.Error())
		status = unwritten(status)
	}
	return exit.Quiet(status)
}
