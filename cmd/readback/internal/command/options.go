package command

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
)

// output is the flags of how a command tells what it found.
type output struct {
	json  bool
	print string
	out   string // the format of -w

	junit    string
	github   bool
	eventsFD int

	quiet   bool
	verbose bool
}

func (o *output) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.json, "json", false, "write the result as JSON, in one line")
	fs.StringVar(&o.print, "print", "", "if confirmed, write `TEMPLATE` in place of the result, such as '{id}'")
	fs.StringVarP(&o.out, "write-out", "w", "", "write `FORMAT` in place of the result, however it ended: %{outcome}, %{exit}, %{reads}, %{elapsed_ms}, %{http_code}, %{write.status}, ...; with \\n and \\t")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "no progress and no log lines")
	fs.BoolVarP(&o.verbose, "verbose", "v", false, "a log line for each step, with its reasons, on a terminal, too")
	cli.Section(fs, "Output")
	fs.StringVar(&o.junit, "report-junit", "", "write a report in JUnit's form to `FILE`")
	fs.BoolVar(&o.github, "github", false, "in a GitHub job, annotate what is not confirmed, and add to the job's summary")
	fs.IntVar(&o.eventsFD, "events-fd", 0, "write each step as a line of JSON to the descriptor `N`, as with 3>events.ndjson")
	cli.Section(fs, "CI")
}

func (o *output) level(silent bool) show.Level {
	switch {
	case o.quiet || silent:
		return show.Quiet
	case o.verbose:
		return show.Verbose
	}
	return show.Usual
}

// check refuses what cannot be written, before anything is sent.
func (o *output) check(in *request.Input, specs ...request.Spec) error {
	results := 0
	for _, given := range []bool{o.json, o.print != "", o.out != ""} {
		if given {
			results++
		}
	}
	for i := range specs {
		s := &specs[i]
		if s.Include && s.Output == "" {
			s.Output = "-"
		}
		switch s.Output {
		case "":
		case "-":
			results++
		default:
			if err := openable(s.Output); err != nil {
				return exit.Usagef("-o: %w", err)
			}
		}
	}
	if results > 1 {
		return exit.Usagef("stdout has one result: one of --json, --print, -w, -o - and -i")
	}
	if name, isFile := strings.CutPrefix(o.out, "@"); isFile {
		content, err := in.File("-w", name)
		if err != nil {
			return err
		}
		o.out = string(content)
	}
	if err := show.CheckOut(o.out); err != nil {
		return exit.Usagef("-w: %w", err)
	}
	if o.print != "" && strings.Count(o.print, "{") != len(request.Fields(o.print)) {
		return exit.Usagef("--print %q: the braces do not match", o.print)
	}
	return nil
}

// needsBody reports whether what reads show is written somewhere.
func (o *output) needsBody(specs ...request.Spec) bool {
	return o.print != "" || slices.ContainsFunc(specs, func(s request.Spec) bool { return s.Output != "" })
}

// openable reports whether a file can be written, which stays as it is.
func openable(name string) error {
	_, err := os.Stat(name)
	isNew := os.IsNotExist(err)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil || !isNew {
		return err
	}
	return os.Remove(name)
}

// options are those of run and resume.
type options struct {
	flow.Flags
	flow.Lost
	output
	groups *request.Groups

	flow.Operation
	refused    []string
	resend     []string
	resendWhen []string
	key        string
	handleFile string
	origins    []string

	refusedStatus, ambiguousStatus []string

	seen   bool
	dryRun bool
}

var thenMarker = request.Marker{Name: "then", Usage: "what follows describes the read: METHOD and URL, which may hold fields of the write's answer: {location}, {id}, {/json/pointer}, {header:Name}"}

func (o *options) addFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.SortFlags = false
	o.groups = request.AddFlags(fs, thenMarker)
	cli.Section(fs, "Requests, as with curl")
	o.Flags.AddFlags(fs)
	o.Lost.AddFlags(fs)
	o.Operation.AddFlags(fs)
	cli.Section(fs, "Answers that are lost, or come later")
	fs.StringVar(&o.handleFile, "handle-file", "", "new `FILE` that keeps the handle, from before the write until the outcome is certain")
	o.output.addFlags(fs)
}

func (o *options) addWriteFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.key, "idempotency-key", "", "header Idempotency-Key of the write: auto, or a `VALUE`")
	fs.StringArrayVar(&o.resend, "resend", nil, "`CASE` in which the write may be sent again: not-sent, rate-limited, missing-parent or with-key=TIME")
	fs.StringArrayVar(&o.resendWhen, "resend-when", nil, "`EXPRESSION` for a refusal of the write that is only temporary, such as '.code == \"RoleNotReady\"': then it is sent again; any of several")
	fs.StringArrayVar(&o.refused, "refused", nil, "`EXPRESSION` for a good answer to the write that means that nothing was written, such as '.ok == false'; any of several")
	fs.BoolVar(&o.seen, "seen", false, "read first whether the thing to delete is there; if not, send nothing and exit with 1")
	fs.Var(flow.Duration(&o.WriteTime), "write-timeout", "longest `TIME` of the write; after it the write may have been carried out (default 5m)")
	fs.StringArrayVar(&o.refusedStatus, "refused-status", nil, "exit `STATUS` by which a command says that it wrote nothing, such as 1,3-5")
	fs.StringArrayVar(&o.ambiguousStatus, "ambiguous-status", nil, "exit `STATUS` that is not one of these: it proves nothing")
	fs.BoolVar(&o.dryRun, "dry-run", false, "send nothing, and show what would be sent")
	cli.Section(fs, "Sending")
}

// resendPolicy reads --resend.
func (o *options) resendPolicy(hasKey bool) (consistency.Resend, error) {
	var r consistency.Resend
	for _, text := range o.resend {
		for word := range strings.SplitSeq(text, ",") {
			name, value, _ := strings.Cut(word, "=")
			switch {
			case word == "not-sent":
				r.OnNotSent = true
			case word == "rate-limited":
				r.OnRateLimited = true
			case word == "missing-parent":
				r.OnMissingParent = true
			case name == "with-key":
				d, err := time.ParseDuration(value)
				if err != nil || d <= 0 {
					return r, exit.Usagef("--resend %q: want with-key=TIME, how long the server honours the key, such as with-key=1h", word)
				}
				r.WithKey = d
			default:
				return r, exit.Usagef("--resend %q: want not-sent, rate-limited, missing-parent or with-key=TIME", word)
			}
		}
	}
	if r.WithKey > 0 && !hasKey {
		return r, exit.Usagef("--resend with-key needs --idempotency-key: without one the write could be carried out twice")
	}
	return r, nil
}

// idempotencyKey returns the key that --idempotency-key asks for.
func (o *options) idempotencyKey() string {
	if o.key != "auto" {
		return o.key
	}
	return request.UUID()
}

// plan returns what the requests and the flags say.
func (o *options) plan(write, read request.Spec, in *request.Input) flow.Plan {
	return flow.Plan{Flags: o.Flags, Lost: o.Lost, Write: write, Read: read, Operation: o.Operation, Refused: o.refused, ResendWhen: o.resendWhen, Input: in, NeedBody: o.needsBody(write, read)}
}
