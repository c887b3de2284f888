package command

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/ci"
	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
)

func newRun(streams cli.Streams) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "run [flags] {[METHOD] URL | -- COMMAND...} [--then {[METHOD] [URL-TEMPLATE] [flags] | -- COMMAND...}]",
		Short: "Write once, read back, and say what became of it",
		Long: `Run sends a write once, reads until the read model shows it or the time is up,
and says confirmed, unconfirmed or failed.

Flags before --then describe the write, and flags after it the read: method, URL, headers,
even a body. What the read does not say is taken from the write, credentials too, but not
the body and its headers. Without a URL of its own, the read is of the Location in the
answer to a POST, and of the URL of the write otherwise. All other flags may stand on both
sides. Curl's flags mean what they mean in curl.

A command after -- can write or read in place of a request. One that writes has written if
it exits with 0. One that reads shows the write if it exits with 0.

A write whose answer was lost may have been carried out. --find and --mine say how to find
it. A PUT, PATCH or DELETE needs neither: its URL is known.`,
		Example: `  readback run -X POST https://api.example/v1/workspaces -d @ws.json --then GET '{location}' --within 30s
  readback run -X PATCH https://api.example/v1/workspaces/7 -d '{"status":"FIRING"}' --expect-json /status=FIRING
  readback run -- psql -f grant.sql --then -- psql -tc 'select 1 from grants' -v ON_ERROR_STOP=1
  id=$(readback run -q -d @ws.json https://api.example/v1/workspaces --print '{id}')`,
		RunE: func(cmd *cobra.Command, args []string) error {
			specs, commands, err := o.parts(cmd, args, streams)
			if err != nil && o.json {
				err = exit.Usagef("%w; --json takes no value, it is for the result: a body is -d", err)
			}
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.Flags(), streams, specs[0], specs[1], commands)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.addFlags(cmd)
	o.addWriteFlags(cmd.Flags())
	return cmd
}

func (o *options) run(ctx context.Context, fs *pflag.FlagSet, streams cli.Streams, write, read request.Spec, commands flow.Commands) error {
	in := &request.Input{Reader: streams.In, Context: ctx}
	resend, err := o.resendPolicy(o.key != "")
	if err != nil {
		return err
	}
	plan, err := o.planWrite(write, read, commands, in)
	if err != nil {
		return err
	}
	f, policy, err := plan.Build()
	if err != nil {
		return err
	}
	defer f.Close()
	resend.When = f.ResendWhen()
	policy.Resend = resend
	kept, err := o.keep(fs, plan, f)
	if err != nil {
		return err
	}
	s := newSession("run", streams, o.output, f, plan, plan.Write, plan.Read)
	s.kept = kept
	if o.dryRun {
		return s.dryRun(policy)
	}
	if err := s.prepare(ctx, o, policy); err != nil {
		return err
	}
	s.begin(policy)
	if s.commandMayBeLost() {
		s.tellLine("readback: if the command does not end with 0, nothing can tell whether it was carried out, and resume cannot go on: --expect says what reads must show")
	}
	f.Started = s.started
	res, err := consistency.Do(ctx, s.watch(policy), f.Flow)
	s.progress.Stop()
	return s.end(ctx, res, err)
}

// planWrite returns the plan of a run, or says what is wrong with its requests.
func (o *options) planWrite(write, read request.Spec, commands flow.Commands, in *request.Input) (flow.Plan, error) {
	specs := []request.Spec{write, read}
	if err := fold(specs, in); err != nil {
		return flow.Plan{}, err
	}
	if err := o.check(in, specs...); err != nil {
		return flow.Plan{}, err
	}
	write, read = specs[0], specs[1]
	if err := o.ends(&commands); err != nil {
		return flow.Plan{}, err
	}
	if _, err := write.ParseURL(); err == nil && !commands.IsCommand() && !write.Writes() {
		return flow.Plan{}, exit.Usagef("GET is not a write: give a method with -X, or a body with -d; readback wait only reads")
	}
	plan := o.plan(write, read, in)
	plan.Key, plan.Commands, plan.WriteTime = o.idempotencyKey(), commands, o.WriteTime
	safe := []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}
	_, bad := write.ParseURL()
	if verb := write.Verb(); bad == nil && slices.Contains(safe, verb) && plan.ReadsItself() && !commands.IsCommand() && commands.Read == nil {
		// Its reads would be the write, again and again.
		return plan, exit.Usagef("%s is not a write: if it writes at this service, say by --then where it is read back", verb)
	}
	return plan, nil
}

// prepare does what comes before the write: the look of --seen, the handle file and the
// descriptor for events.
func (s *session) prepare(ctx context.Context, o *options, policy consistency.Policy) (err error) {
	if o.seen {
		if s.flow.Goal != consistency.ToAbsent {
			return exit.Usagef("--seen is for a DELETE, or --for absent")
		}
		if err := s.lookFirst(ctx, policy); err != nil {
			return err
		}
	}
	if o.handleFile != "" {
		if err := s.reserve(o.handleFile); err != nil {
			return err
		}
	}
	if s.events, err = s.open(s.scrub); err != nil {
		s.forget()
	}
	return err
}

// commandMayBeLost reports whether the write is a command that may end ambiguous, while
// reads by a URL could not tell whether it was carried out. That is said before it runs.
func (s *session) commandMayBeLost() bool {
	c := s.plan.Commands
	return c.Write != nil && c.Read == nil && c.Refused == nil && s.flow.Find == nil &&
		s.flow.Goal == consistency.ToPresent && s.level(s.plan.Write.Silent || s.plan.Read.Silent) != show.Quiet
}

// fold makes queries of what -G says.
func fold(specs []request.Spec, in *request.Input) (err error) {
	for i := range specs {
		if specs[i], err = specs[i].Folded(in); err != nil {
			return err
		}
	}
	return nil
}

// session is one run on its way to its end.
type session struct {
	command string
	streams cli.Streams
	output
	flow     *flow.Flow
	plan     flow.Plan
	kept     handle.Handle
	files    []*handle.File // of the handle, the first to be written; none for none
	found    string         // what the look before a DELETE saw
	reasons  map[int]string // of reads by a command
	events   *ci.Events
	secrets  []string
	scrub    func(string) string
	progress *show.Progress
}

// newSession returns the session of a command with a plan. Specs are the requests whose
// secrets it hides.
func newSession(command string, streams cli.Streams, o output, f *flow.Flow, plan flow.Plan, specs ...request.Spec) *session {
	s := &session{command: command, streams: streams, output: o, flow: f, plan: plan, secrets: request.SecretParams(plan.Find)}
	for i := range specs {
		s.secrets = append(s.secrets, specs[i].Secrets(plan.Input)...)
	}
	s.scrub = request.Scrub(s.secrets)
	return s
}

func (s *session) begin(policy consistency.Policy) {
	silent := s.plan.Write.Silent || s.plan.Read.Silent
	s.progress = show.NewProgress(s.streams, s.level(silent), policy, s.scrub, s.command != "run")
	s.flow.BeforeRead, s.flow.AfterRead = s.progress.Reading, s.progress.Read
	s.progress.Start()
}

// started keeps the handle, once the write was sent, in case of a crash.
func (s *session) started(_ context.Context, pending consistency.Pending) error {
	if len(s.files) == 0 {
		return nil
	}
	h, err := s.handle(pending, s.scrub)
	if err == nil {
		err = s.save(h)
	}
	if err != nil {
		return fmt.Errorf("the handle is not in %s: %w", s.files[0].Name, err)
	}
	return nil
}

// tellLine tells a line, also before there is a progress.
func (s *session) tellLine(text string) {
	if s.progress != nil {
		s.progress.Line(text)
		return
	}
	_, _ = fmt.Fprintln(s.streams.Err, s.scrub(text))
}

// dryRun tells what would be sent.
func (s *session) dryRun(policy consistency.Policy) error {
	var b strings.Builder
	if s.plan.Commands.IsCommand() || s.plan.Commands.Read != nil {
		then := s.plan.Read.URL
		if s.plan.Commands.Read != nil {
			then = filepath.Base(s.plan.Commands.Read[0])
		}
		fmt.Fprintf(&b, "%s, once; then %s, %s\n", s.flow.Name, request.ShownTemplate(then), goalWords[s.flow.Goal])
		return s.write(s.scrub(b.String()))
	}
	req, err := s.plan.Write.Request(s.plan.Input)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "%s %s", req.Method, redact.URL(req.URL))
	if req.ContentLength > 0 {
		fmt.Fprintf(&b, ", %d bytes", req.ContentLength)
	}
	b.WriteString(", once; then ")
	target := s.plan.Read.URL
	switch {
	case s.plan.ReadsItself():
		target = req.URL.String()
	case target == "":
		target = "{" + request.LocationField + "}"
	}
	target = request.ShownTemplate(target)
	within := cmp.Or(policy.Within, 30*time.Second)
	fmt.Fprintf(&b, "%s %s, %s, within %v\n", s.plan.Read.Verb(), target, goalWords[s.flow.Goal], within)
	return s.write(s.scrub(b.String()))
}

var goalWords = map[consistency.Goal]string{
	consistency.ToPresent: "until it is there",
	consistency.ToMatch:   "until it is as expected",
	consistency.ToAbsent:  "until it is gone",
}
