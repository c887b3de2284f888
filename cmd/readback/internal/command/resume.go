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
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/handle"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

func newResume(streams cli.Streams) *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "resume [flags] HANDLE [URL] [--then {[METHOD] [URL-TEMPLATE] [flags] | -- COMMAND...}]",
		Short: "Go on reading back a write that is not confirmed",
		Long: `Resume goes on with a write that run left unconfirmed. It sends no write. HANDLE is
what run printed, or a file that holds it, or - for stdin.

A handle is data. It holds no secret of run's, no file, proxy or expression. The line that
run printed says which of these must be given again. Flags that you give win over those of
the handle. A file that holds a handle is removed when the outcome is certain.

Before the first read, resume says where reads go. Credentials go only to an origin that
the command line names, by --origin or in a URL, or that is in a handle file of your own,
which nobody else may read or write.`,
		Example: `  readback resume handle.json -H @headers --within 10m`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.groups.First(args) == 0 {
				return exit.Usagef("there is no HANDLE")
			}
			before, after := afterDash(cmd, args)
			if after != nil && !o.groups.Given("then") {
				return exit.Usagef("a command that reads stands after --then --")
			}
			return o.resume(cmd.Context(), cmd.Flags(), streams, before, after)
		},
	}
	o.addFlags(cmd)
	fs := cmd.Flags()
	fs.StringArrayVar(&o.origins, "origin", nil, "`ORIGIN`, such as https://api.example, to which credentials may go, though only the handle names it")
	cli.Section(fs, "Requests, as with curl")
	return cmd
}

func (o *options) resume(ctx context.Context, given *pflag.FlagSet, streams cli.Streams, args, reads []string) error {
	h, file, err := handle.Read(args[0], streams.In)
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	in := &request.Input{Reader: streams.In, Context: ctx}
	own, err := o.givenAgain(args, reads, in)
	if err != nil {
		return err
	}
	if h.Command.Reads && reads == nil {
		return exit.Usagef("the handle holds no command: give the one that reads, after --then --")
	}
	if err := o.lacks(given, h, own, in); err != nil {
		return err
	}
	kept, fs, specs, err := o.merge(h, given, own, in)
	if err != nil {
		return err
	}
	plan := kept.plan(specs[0], specs[1], in)
	if plan.Commands.Read = reads; h.Command.Writes {
		plan.Commands.Name = h.Pending.Name()
	}
	f, policy, err := plan.Build()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := o.vouched(h, file, f, own, in); err != nil {
		return err
	}
	keep, err := kept.keep(fs, plan, f)
	if err != nil {
		return err
	}
	keep.Answer = h.Answer
	f.Keep(answerOf(h))
	findNamed(f, h, specs[1].URL, kept.AcceptedLocation)
	if h.Pending, err = o.operation(ctx, given, h, f); err != nil {
		return err
	}
	s := newSession("resume", streams, kept.output, f, plan, specs...)
	s.kept = keep
	if s.events, err = s.open(s.scrub); err != nil {
		return err
	}
	if err := s.keepIn(kept.handleFile, file, keep, h); err != nil {
		return err
	}
	if reads == nil {
		s.tellLine(destination(f))
	}
	s.begin(policy)
	res, err := consistency.Resume(ctx, s.watch(policy), f.Flow, h.Pending)
	s.progress.Stop()
	return s.end(ctx, res, err)
}

// givenAgain returns the requests that the command line gives after the handle, to
// replace those of the handle.
func (o *options) givenAgain(args, reads []string, in *request.Input) ([]request.Spec, error) {
	own, err := o.groups.SpecsAfter(1, args)
	if err != nil {
		return nil, err
	}
	if err := fold(own, in); err != nil {
		return nil, err
	}
	if err := o.noPlaceholders(own); err != nil {
		return nil, err
	}
	if reads != nil && own[1].Given() {
		return nil, exit.Usagef("--then takes a URL with its flags, or -- and a command, and not both")
	}
	return own, nil
}

// findNamed lets a flow that has no other way look at what the answer to the write named.
func findNamed(f *flow.Flow, h handle.Handle, then string, acceptedLocation bool) {
	ref, ok := named(h, then, acceptedLocation)
	if !ok || f.Find != nil || f.Goal == consistency.ToAbsent {
		return
	}
	f.Find = consistency.Known(ref)
	if h.Answer.Status/100 == 2 { // the good answer to this very write named it
		f.Mine = func(readbackhttp.Ref) bool { return true }
	}
}

// merge returns the flags and the requests of the handle, with what was given now in
// their place.
func (o *options) merge(h handle.Handle, given *pflag.FlagSet, own []request.Spec, in *request.Input) (*options, *pflag.FlagSet, []request.Spec, error) {
	kept := &options{}
	cmd := &cobra.Command{}
	kept.addFlags(cmd)
	fs := cmd.Flags()
	if err := restore(fs, h); err != nil {
		return nil, nil, nil, err
	}
	specs := make([]request.Spec, len(own))
	for i, k := range []request.Kept{h.Write, h.Read} {
		spec, err := k.Spec(i == 1)
		if err != nil {
			return nil, nil, nil, err
		}
		specs[i] = spec.Override(own[i], in)
	}
	if err := override(fs, given, o.groups); err != nil {
		return nil, nil, nil, exit.With(exit.Usage, err)
	}
	if err := kept.check(in, specs...); err != nil {
		return nil, nil, nil, err
	}
	return kept, fs, specs, nil
}

// destination says where reads go, before they do.
func destination(f *flow.Flow) string {
	text := "readback: resuming " + f.Name + "; reads go to " + strings.Join(f.Origins(), " and ")
	if others := f.OtherOrigins(); len(others) > 0 {
		text += ", and without credentials to " + strings.Join(others, " and ")
	}
	return text
}

// keepIn says which files hold the handle: that of --handle-file, which is
// created, and that which it was read from.
func (s *session) keepIn(name string, from *handle.File, kept, h handle.Handle) error {
	if from != nil {
		s.files = []*handle.File{from}
	}
	if name == "" {
		return nil
	}
	if now, err := os.Stat(name); err == nil && from != nil {
		if was, err := os.Stat(from.Name); err == nil && os.SameFile(now, was) {
			return nil
		}
	}
	kept.Pending = h.Pending
	return s.create(name, kept)
}

// vouched refuses to send credentials where nobody but the handle says that they
// may go: it may have been pasted from anywhere.
func (o *options) vouched(h handle.Handle, file *handle.File, f *flow.Flow, own []request.Spec, in *request.Input) error {
	var named []string
	for _, text := range o.origins {
		origin, err := flow.ParseOrigin("--origin", text)
		if err != nil {
			return err
		}
		named = append(named, origin)
	}
	credentials := false
	for _, spec := range own {
		some, err := spec.Credentials(in)
		if err != nil {
			return err
		}
		credentials = credentials || some
		if origin, err := flow.ParseOrigin("", spec.URL); err == nil {
			named = append(named, origin)
		}
	}
	if file.Own() {
		named = append(named, h.Origins...)
	}
	if !credentials {
		return nil
	}
	for _, origin := range f.Origins() {
		if !slices.Contains(named, origin) {
			return exit.Usagef("the credentials would be sent to %s, an origin that only the handle names: if they are meant for it, add --origin %[1]s", origin)
		}
	}
	return nil
}

// noPlaceholders refuses what the printed command line says of what is to be
// filled in.
func (o *options) noPlaceholders(own []request.Spec) error {
	values := []string{o.Find, o.Found}
	values = slices.Concat(values, o.Mine, o.AllowOrigin, o.origins, o.ExpectJSON, o.Expect, o.Fail, o.Lag, o.Done, o.Operation.Failed)
	for _, spec := range own {
		if spec.URL == "URL" || spec.Method == "URL" {
			return exit.Usagef("'URL' stands for the URL that must be given again")
		}
		values = append(values, spec.Texts()...)
	}
	if slices.ContainsFunc(values, request.Placeholder) {
		return exit.Usagef("three dots stand for a value that must be given again: put it there")
	}
	return nil
}

// override gives fs the flags that were given now.
func override(fs, given *pflag.FlagSet, groups *request.Groups) (err error) {
	given.Visit(func(f *pflag.Flag) {
		if groups.Owns(f) || fs.Lookup(f.Name) == nil || err != nil {
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
func (o *options) lacks(given *pflag.FlagSet, h handle.Handle, own []request.Spec, in *request.Input) error {
	write, err := own[0].Lacks(h.Again.Write, in)
	if err != nil {
		return err
	}
	read, err := own[1].Lacks(h.Again.Read, in)
	if err != nil {
		return err
	}
	var missing []string
	for _, need := range write {
		missing = append(missing, need.String())
	}
	for _, need := range read {
		missing = append(missing, need.String()+" after --then")
	}
	if h.Again.Find && o.Find == "" {
		missing = append(missing, "--find")
	}
	for _, need := range h.Again.Expressions {
		if f := given.Lookup(strings.TrimLeft(need.Flag, "-")); f != nil && !f.Changed && !slices.Contains(missing, need.Flag) {
			missing = append(missing, need.Flag)
		}
	}
	if missing == nil {
		return nil
	}
	return exit.Usagef("the handle does not hold all that is needed: give %s", strings.Join(missing, ", "))
}
