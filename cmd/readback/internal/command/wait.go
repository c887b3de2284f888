package command

import (
	"context"
	"encoding/json"
	"fmt"

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
}

func newWait(streams cli.Streams) *cobra.Command {
	o := &waitOptions{}
	cmd := &cobra.Command{
		Use:   "wait [flags] {[METHOD] URL | -- COMMAND [ARGUMENT]...}",
		Short: "Wait until what was written elsewhere is there, gone or as expected",
		Long: `Wait reads until something is there, gone (--for absent) or as expected (--expect-json),
for a write that happened elsewhere. Curl's flags mean what they mean in curl.

With a command after --, running it is the read: it is ready if it exits with 0. Its
last output is kept and shown in the end. --expect-json then speaks of its stdout.`,
		Example: `  readback wait https://api.example/healthz --within 2m
  readback wait https://api.example/v1/workspaces/7 --for absent -H @headers
  readback wait https://api.example/v1/jobs/7 --expect-json /status=done --settle 3
  readback wait --within 1m -- pg_isready -h db`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() == 0 && len(args) > 0 {
				return o.waitForCommand(cmd.Context(), streams, args)
			}
			specs, err := o.groups.Specs(args)
			if err != nil {
				return err
			}
			return o.waitForURL(cmd.Context(), streams, specs[0])
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	o.groups = request.AddFlags(fs)
	cli.Section(fs, "Request, as with curl")
	o.AddFlags(fs)
	o.addFlags(fs)
	return cmd
}

func (o *waitOptions) waitForURL(ctx context.Context, streams cli.Streams, spec request.Spec) error {
	if o.Token != "" {
		return exit.Usagef("--token has no use without a write, whose answer carries it")
	}
	specs := []request.Spec{spec}
	if err := o.check(specs...); err != nil {
		return err
	}
	in := &request.Input{Reader: streams.In, Context: ctx}
	plan := flow.Plan{Flags: o.Flags, Write: specs[0], Elsewhere: true, Input: in, NeedBody: o.needsBody(specs[0])}
	f, policy, err := plan.Build()
	if err != nil {
		return err
	}
	defer f.Close()
	elsewhere, err := writtenElsewhere(f)
	if err != nil {
		return err
	}
	s := &session{
		command: "wait", streams: streams, output: o.output, flow: f, plan: plan,
		secrets: secretsOf(in, spec),
	}
	s.begin(policy)
	res, err := consistency.Resume(ctx, s.progress.Watch(policy), f.Flow, elsewhere)
	s.progress.Stop()
	return s.end(ctx, res, err)
}

// writtenElsewhere returns the handle of a write that another has carried out:
// to go on with it is to wait, for absence too, which [consistency.Await] does
// not know.
func writtenElsewhere(f *flow.Flow) (h consistency.Pending, err error) {
	text := fmt.Sprintf(`{"readback":1,"name":%q,"goal":%q,"class":%q,"written":{}}`, f.Name, f.Goal, consistency.Applied)
	return h, json.Unmarshal([]byte(text), &h)
}
