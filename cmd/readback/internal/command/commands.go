package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// afterDash parts positional arguments at the first --. None after it are nil.
func afterDash(cmd *cobra.Command, args []string) (before, after []string) {
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		return args[:dash], append([]string{}, args[dash:]...)
	}
	return args, nil
}

// parts reads what stands before and after --: a command that writes, one that
// reads, or both, parted by --then --.
func (o *options) parts(cmd *cobra.Command, args []string, streams cli.Streams) ([]request.Spec, flow.Commands, error) {
	before, after := afterDash(cmd, args)
	specs, err := o.groups.Specs(before)
	none := flow.Commands{}
	switch {
	case err != nil || after == nil:
		return specs, none, err
	case o.groups.Given("then") && specs[1].Given():
		return nil, none, exit.Usagef("--then takes a URL with its flags, or -- and a command, and not both")
	case o.groups.Given("then"):
		return specs, flow.Commands{Read: after}, nil
	case len(before) > 0 || o.groups.Any():
		return nil, none, exit.Usagef("the write is either a request or a command: to read by one after a request, --then -- COMMAND")
	}
	at := slices.Index(after, "--then")
	if at < 0 {
		return nil, none, exit.Usagef("say how to read back: -- COMMAND --then -- COMMAND, or --then URL")
	}
	commands := flow.Commands{Write: after[:at:at], Stdin: stdinOf(streams)}
	rest := after[at+1:]
	if len(rest) > 0 && rest[0] == "--" {
		commands.Read = append([]string{}, rest[1:]...)
		return specs, commands, nil
	}
	fs := pflag.NewFlagSet("then", pflag.ContinueOnError)
	groups := request.AddFlags(fs)
	if err := fs.Parse(rest); err != nil {
		return nil, none, exit.Usagef("after --then of a command: %w; flags that are not curl's stand before the command", err)
	}
	then, err := groups.Specs(fs.Args())
	if err != nil {
		return nil, none, err
	}
	return []request.Spec{{}, then[0]}, commands, nil
}

// stdinOf returns what a command that writes reads: stdin, if that is no terminal,
// which only the foreground may read.
func stdinOf(streams cli.Streams) io.Reader {
	if file, ok := streams.In.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return streams.In
}

// ends reads what the ends of the command that writes mean.
func (o *options) ends(c *flow.Commands) error {
	if err := c.ParseEnds(o.refusedStatus, o.ambiguousStatus); err != nil {
		return err
	}
	if !c.IsCommand() && c.Refused == nil && c.Ambiguous == nil {
		return nil
	}
	if !c.IsCommand() {
		return exit.Usagef("--refused-status and --ambiguous-status are for a write that is a command")
	}
	if o.key != "" || o.resend != nil || o.resendWhen != nil || o.Operation.Given() || o.AcceptedLocation || o.refused != nil || o.seen {
		return exit.Usagef("--idempotency-key, --resend, --monitor, --accepted-location, --refused and --seen have no use with a command")
	}
	return nil
}

// waitForCommand waits until a command exits with 0.
func (o *waitOptions) waitForCommand(ctx context.Context, streams cli.Streams, args []string) error {
	if o.groups.Any() {
		return exit.Usagef("curl's flags have no use with a command: they stand before --")
	}
	in := &request.Input{Reader: streams.In, Context: ctx}
	if err := o.check(in); err != nil {
		return err
	}
	plan := flow.Plan{Flags: o.Flags, Elsewhere: true, Commands: flow.Commands{Read: args}, NeedBody: o.needsBody(), Input: in}
	return o.wait(ctx, streams, plan)
}

// watch tells of each step. The reason of a read by a command is what it ended
// with.
func (s *session) watch(policy consistency.Policy) consistency.Policy {
	watched := s.progress.Watch(policy)
	observe := watched.Observer
	s.reasons = make(map[int]string)
	watched.Observer = func(e consistency.Event) {
		if last := s.flow.Last(); e.Phase == consistency.PhaseRead && e.Reason == consistency.Stale && last != nil && last.Status != 0 {
			e.Reason = poll.Reason(fmt.Sprintf("exit status %d", last.Status))
			s.reasons[e.N] = string(e.Reason)
		}
		observe(e)
		s.events.Observe(e)
	}
	return watched
}

// lastEnd says what the command that reads ended with.
func (s *session) lastEnd() string {
	last := s.flow.Last()
	switch {
	case last == nil:
		return ""
	case last.Status != 0:
		return fmt.Sprintf("; last exit status %d", last.Status)
	}
	text := "; last exit status 0, but the output is not as expected"
	if what := s.flow.NotJSON(); what != "" {
		text += ": it is not JSON"
	} else if unmet := s.flow.Unmet(); unmet != "" {
		text += ": it does not show " + unmet
	}
	return text
}

// output returns what the last command printed, and nil without one.
func (s *session) lastOutput() *string {
	last := s.flow.Last()
	if last == nil {
		return nil
	}
	text := s.scrub(string(last.All))
	return &text
}

// tellOutput shows what the last command printed, unless little is to be told.
func (s *session) tellOutput() {
	text := s.lastOutput()
	if text == nil || *text == "" || s.json || s.level(false) == show.Quiet {
		return
	}
	_, _ = fmt.Fprintln(s.streams.Err, strings.TrimSuffix(*text, "\n"))
}
