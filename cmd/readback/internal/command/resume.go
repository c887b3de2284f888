package command

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

func newResume(streams cli.Streams) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "resume [flags] HANDLE [URL] [--then [METHOD] [URL-TEMPLATE] [flags]]",
		Short: "Go on reading back a write that is not confirmed",
		Long: `Resume goes on with a write that run left unconfirmed. It sends no write. HANDLE is
what run printed, or a file that holds it, or - for stdin.

A handle holds no secret: what it needs of those, the command line that run printed
names, to be given again. Other flags that are given go before those of the handle. A
file that holds a handle is removed when the outcome is certain.`,
		Example: `  readback resume handle.json -H @headers --within 10m`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.groups.First(args) == 0 {
				return exit.Usagef("there is no HANDLE")
			}
			return o.resume(cmd.Context(), cmd.Flags(), streams, args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *options) resume(ctx context.Context, given *pflag.FlagSet, streams cli.Streams, args []string) error {
	h, err := handle.Read(args[0], streams.In)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	own, err := o.groups.SpecsAfter(1, args)
	if err != nil {
		return err
	}
	in := &request.Input{Reader: streams.In, Context: ctx}
	if err := lacks(h, own, in, o.Find); err != nil {
		return err
	}
	// What the handle keeps, with what was given now in its place.
	kept := &options{}
	cmd := &cobra.Command{}
	kept.addFlags(cmd)
	fs := cmd.Flags()
	if err := fs.Parse(slices.Concat(h.Write, []string{"--then"}, h.Read)); err != nil {
		return exit.Usagef("the handle does not fit this command: %w", err)
	}
	specs, err := kept.groups.Specs(fs.Args())
	if err != nil {
		return err
	}
	for i := range specs {
		specs[i] = specs[i].Override(own[i], in)
	}
	if err := override(fs, given, o.groups); err != nil {
		return exit.With(exit.Usage, err)
	}
	if err := kept.check(specs...); err != nil {
		return err
	}
	plan := kept.plan(specs[0], specs[1], in)
	f, policy, err := plan.Build()
	if err != nil {
		return err
	}
	defer f.Close()
	keep, err := kept.keep(fs, plan)
	if err != nil {
		return err
	}
	s := &session{
		command: "resume", streams: streams, output: kept.output, flow: f, kept: keep, plan: plan,
		file: kept.handleFile, secrets: append(secretsOf(in, specs...), request.SecretParams(plan.Find)...),
	}
	if info, err := os.Stat(args[0]); s.file == "" && err == nil && info.Mode().IsRegular() {
		s.file = args[0]
	}
	s.begin(policy)
	res, err := consistency.Resume(ctx, s.progress.Watch(policy), f.Flow, h.Pending)
	s.progress.Stop()
	return s.end(ctx, res, err)
}

// override gives fs the flags that were given now.
func override(fs, given *pflag.FlagSet, groups *request.Groups) (err error) {
	given.Visit(func(f *pflag.Flag) {
		if groups.Owns(f) || f.Name == "help" || err != nil {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			err = fs.Lookup(f.Name).Value.(pflag.SliceValue).Replace(nil)
			for _, value := range list.GetSlice() {
				err = errors.Join(err, fs.Set(f.Name, value))
			}
			return
		}
		err = fs.Set(f.Name, f.Value.String())
	})
	return err
}

// lacks returns an error that names what must be given again and was not.
func lacks(h handle.Handle, own []request.Spec, in *request.Input, find string) error {
	write, err := own[0].Lacks(h.Again.Write, in)
	if err != nil {
		return err
	}
	read, err := own[1].Lacks(h.Again.Read, in)
	if err != nil {
		return err
	}
	missing := write
	for _, what := range read {
		missing = append(missing, what+" after --then")
	}
	if h.Again.Find && find == "" {
		missing = append(missing, "--find")
	}
	if missing == nil {
		return nil
	}
	return exit.Usagef("the handle does not hold all that is needed: give %s", strings.Join(missing, ", "))
}
