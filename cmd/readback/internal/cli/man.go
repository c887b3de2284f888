package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Status is an exit status and what it means.
type Status struct {
	Number string
	Means  string
}

// WriteMan writes the manual pages of root and of the commands below it into a
// directory. Statuses returns the exit statuses of a command, nil for none to
// tell of.
func WriteMan(root *cobra.Command, directory string, statuses func(*cobra.Command) []Status) error {
	root.InitDefaultHelpFlag()
	name := strings.ReplaceAll(root.CommandPath(), " ", "-")
	page := manPage(root, name, statuses(root))
	if err := os.WriteFile(filepath.Join(directory, name+".1"), []byte(page), 0o666); err != nil {
		return err
	}
	for _, sub := range root.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" {
			continue
		}
		if err := WriteMan(sub, directory, statuses); err != nil {
			return err
		}
	}
	return nil
}

// roff returns a text that stands for itself in a manual page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", "").Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

func manPage(cmd *cobra.Command, name string, statuses []Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q \"1\" \"\" \"readback\" \"readback\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(name), roff(name), roff(cmd.Short))
	b.WriteString(".SH SYNOPSIS\n")
	if cmd.HasParent() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, ".B %s\n", roff(cmd.UseLine()))
	} else {
		fmt.Fprintf(&b, ".B %s COMMAND\n", roff(cmd.CommandPath()))
	}
	if cmd.Long != "" {
		b.WriteString(".SH DESCRIPTION\n")
		for i, paragraph := range strings.Split(cmd.Long, "\n\n") {
			if i > 0 {
				b.WriteString(".PP\n")
			}
			b.WriteString(roff(paragraph) + "\n")
		}
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
			}
		}
	}
	for _, s := range sections(cmd.LocalFlags()) {
		fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(s.title)))
		s.flags.VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	if len(statuses) > 0 {
		b.WriteString(".SH EXIT STATUS\n")
		for _, s := range statuses {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(s.Number), roff(s.Means))
		}
	}
	manEnvironment(&b, cmd)
	manSeeAlso(&b, cmd)
	return b.String()
}

func manFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	b.WriteString(".TP\n")
	if f.Shorthand != "" {
		fmt.Fprintf(b, "\\fB\\-%s\\fR, ", roff(f.Shorthand))
	}
	fmt.Fprintf(b, "\\fB%s\\fR", roff("--"+f.Name))
	if value != "" {
		fmt.Fprintf(b, " \\fI%s\\fR", roff(value))
	}
	fmt.Fprintf(b, "\n%s", roff(usage))
	if d := f.DefValue; d != "" && d != "false" && d != "0" {
		fmt.Fprintf(b, " (default %s)", roff(d))
	}
	b.WriteString("\n")
}

// manEnvironment names the variable of each flag that has one.
func manEnvironment(b *strings.Builder, cmd *cobra.Command) {
	var names []string
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if !noEnv[f.Name] && !f.Hidden && !isMarker(f) {
			names = append(names, EnvName(f.Name))
		}
	})
	if !cmd.HasParent() || len(names) == 0 {
		return
	}
	b.WriteString(".SH ENVIRONMENT\nA variable gives a flag its value, unless the arguments do; of a flag that can be repeated it has one value a line.\n.PP\n")
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(roff(name))
	}
	b.WriteString("\n")
}

// marker is the value of a flag that begins something, of which no variable
// speaks.
type marker interface{ IsMarker() }

func isMarker(f *pflag.Flag) bool {
	_, is := f.Value.(marker)
	return is
}

func manSeeAlso(b *strings.Builder, cmd *cobra.Command) {
	var pages []string
	if cmd.HasParent() {
		pages = append(pages, strings.ReplaceAll(cmd.Parent().CommandPath(), " ", "-"))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			pages = append(pages, strings.ReplaceAll(sub.CommandPath(), " ", "-"))
		}
	}
	if len(pages) == 0 {
		return
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, page := range pages {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(b, "\\fB%s\\fR(1)", roff(page))
	}
	b.WriteString("\n")
}
