package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sectionKey marks flags with the title that help puts them under.
const sectionKey = "readback_section"

// Section puts the flags that are in no section yet under a title in the help.
func Section(flags *pflag.FlagSet, title string) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Annotations[sectionKey] == nil {
			_ = flags.SetAnnotation(f.Name, sectionKey, []string{title})
		}
	})
}

// PlainUsages takes away the backquotes that mark the name of a value in usages,
// which completions would show.
func PlainUsages(cmd *cobra.Command) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	for _, sub := range cmd.Commands() {
		PlainUsages(sub)
	}
}

// widest is how long lines of help become: longer ones are hard to read.
const widest = 100

// SetHelp makes the command, and those below it, tell their use with flags in
// sections, and in lines that fit the terminal.
func SetHelp(root *cobra.Command, streams Streams) {
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		_, err := io.WriteString(cmd.OutOrStderr(), usage(cmd, min(streams.Width(), widest)))
		return err
	})
}

func usage(cmd *cobra.Command, width int) string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.HasParent() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", cmd.CommandPath())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	for _, s := range sections(cmd.LocalFlags()) {
		fmt.Fprintf(&b, "\n%s:\n%s", s.title, s.flags.FlagUsagesWrapped(width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help tells more.\n", cmd.CommandPath())
	}
	return b.String()
}

type section struct {
	title string
	flags *pflag.FlagSet
}

// sections returns the flags under their titles, in the order in which they were
// added. Flags of no section, such as --help, are in the last one.
func sections(flags *pflag.FlagSet) []section {
	var all []section
	var others []*pflag.Flag
	flags.VisitAll(func(f *pflag.Flag) {
		titles := f.Annotations[sectionKey]
		if titles == nil {
			others = append(others, f)
			return
		}
		at := slices.IndexFunc(all, func(s section) bool { return s.title == titles[0] })
		if at < 0 {
			at = len(all)
			all = append(all, newSection(titles[0]))
		}
		all[at].flags.AddFlag(told(f))
	})
	if all == nil {
		all = []section{newSection("Flags")}
	}
	for _, f := range others {
		all[len(all)-1].flags.AddFlag(told(f))
	}
	return all
}

func newSection(title string) section {
	s := section{title, pflag.NewFlagSet(title, pflag.ContinueOnError)}
	s.flags.SortFlags = false
	return s
}

// kinds are what help calls the values of flags whose usage has no name for them.
var kinds = map[string]string{"duration": "TIME", "int": "N", "float64": "N"}

// told returns f as help tells it: switches without their values, times in the
// units that people use, and no default where that is none.
func told(f *pflag.Flag) *pflag.Flag {
	shown := *f
	kind := f.Value.Type()
	if name := kinds[kind]; name != "" {
		kind = name
	}
	shown.Value = toldValue{f.Value, kind}
	for _, zero := range []struct{ unit, of string }{{"m0s", "m"}, {"h0m", "h"}} {
		if before, found := strings.CutSuffix(shown.DefValue, zero.unit); found {
			shown.DefValue = before + zero.of
		}
	}
	if slices.Contains([]string{"0s", "[]"}, shown.DefValue) {
		shown.DefValue = ""
	}
	return &shown
}

// toldValue has only what help asks for.
type toldValue struct {
	pflag.Value
	kind string
}

func (v toldValue) Type() string { return v.kind }
