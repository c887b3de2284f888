package command

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

// waitOptions are those of wait.
type waitOptions struct {
	flow.Flags
	output
	groups *request.Groups
	goals  []flow.Flags // of all but the last of several things: what each is to show
}

func newWait(streams cli.Streams) *cobra.Command {
	o := &waitOptions{}
	cmd := &cobra.Command{
		Use:   "wait [flags] {[METHOD] URL | -- COMMAND...} [--and {[METHOD] URL [flags] | -- COMMAND...}]...",
		Short: "Wait until what was written elsewhere is there, gone or as expected",
		Long: `Wait reads until something is there, gone (--for absent) or as expected (--expect),
for a write that happened elsewhere. Curl's flags mean what they mean in curl.

With a command after --, each run of it is a read: exit status 0 is ready. Its last output
is shown at the end. --expect is then about its stdout.

--and begins another thing to wait for. All are waited for at once, with one deadline. Each
has its own flags of what is to be shown; a command can be the last one.`,
		Example: `  readback wait https://api.example/healthz --within 2m
  readback wait https://api.example/v1/workspaces/7 --for absent -H @headers
  readback wait https://api.example/v1/jobs/7 --expect '.state == "done"' --fail '.error'
  readback wait https://api.example/healthz --and https://web.example/ --and -- pg_isready -h db
  readback wait --within 1m -- pg_isready -h db`,
		RunE: func(cmd *cobra.Command, args []string) error {
			before, after := afterDash(cmd, args)
			if len(after) > 0 && len(before) == 0 && len(o.goals) == 0 {
				return o.waitForCommand(cmd.Context(), streams, after)
			}
			specs, err := o.groups.Specs(before)
			if err != nil {
				return err
			}
			if len(o.goals) > 0 {
				return o.waitForSeveral(cmd.Context(), streams, specs, after)
			}
			if len(after) > 0 {
				return exit.Usagef("wait takes a URL or a command: put --and between them to wait for both")
			}
			return o.waitForURL(cmd.Context(), streams, specs[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	o.groups = request.AddFlags(fs, request.Marker{Name: "and", Many: true, Begin: o.next, Usage: "what follows describes another thing to wait for: METHOD and URL, with its own flags of what is to be shown, or -- COMMAND"})
	cli.Section(fs, "Request, as with curl")
	o.AddFlags(fs)
	o.addFlags(fs)
	return cmd
}

func (o *waitOptions) waitForURL(ctx context.Context, streams cli.Streams, spec request.Spec) error {
	if spec.URL == "" {
		return exit.Usagef("there is no URL")
	}
	if o.Token != "" {
		return exit.Usagef("--token has no use without a write, whose answer carries it")
	}
	in := &request.Input{Reader: streams.In, Context: ctx}
	specs := []request.Spec{spec}
	if err := fold(specs, in); err != nil {
		return err
	}
	if err := o.check(in, specs...); err != nil {
		return err
	}
	plan := flow.Plan{Flags: o.Flags, Write: specs[0], Elsewhere: true, Input: in, NeedBody: o.needsBody(specs[0])}
	return o.wait(ctx, streams, plan, spec)
}

// wait waits for what a plan reads.
func (o *waitOptions) wait(ctx context.Context, streams cli.Streams, plan flow.Plan, specs ...request.Spec) error {
	f, policy, err := plan.Build()
	if err != nil {
		return err
	}
	defer f.Close()
	elsewhere, err := f.Elsewhere()
	if err != nil {
		return err
	}
	s := newSession("wait", streams, o.output, f, plan, specs...)
	if s.events, err = s.open(s.scrub); err != nil {
		return err
	}
	s.begin(policy)
	res, err := consistency.Resume(ctx, s.watch(policy), f.Flow, elsewhere)
	s.progress.Stop()
	return s.end(ctx, res, err)
}
