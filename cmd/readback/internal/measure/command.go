package measure

import (
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/request"
)

// options are the flags of the command that are not curl's.
type options struct {
	flow.Flags // of these, those of what reads are to show
	count      int
	parallel   int
	within     time.Duration
	interval   time.Duration
	settleFor  time.Duration
	pause      time.Duration
	watch      bool
	every      time.Duration
	metrics    string
	place      string
	slo        []string
	load       string
	compare    string
	save       string
	page       string
	json       bool
	quiet      bool

	given  func(flag string) bool // on the command line, or by a variable
	line   string                 // the command line, without its secrets
	around around
}

// around is what is around the command.
type around struct {
	connect func(write, read request.Spec, in *request.Input) (*flow.Connections, error)
	serve   func(address string, h http.Handler) (*served, error) // the metrics
	args    []string                                              // of the process
}

// Command returns the command.
func Command(streams cli.Streams) *cobra.Command {
	return command(streams, around{connect: flow.Connect, serve: serve, args: os.Args[1:]})
}

const long = `Measure repeats a write and its read-back, one flow after another, and tells
how long writes take to become visible: quantiles of the lag, the reasons why
reads were pending, flips, and the windows and the schedule that suit.

Each flow sends the write once and reads often until a read shows it. It goes on
reading for --settle-for, to see flips, and then removes what it wrote, with
--cleanup. In all three requests, headers and bodies included, these are filled in:

  {n}     the number of the flow, from 1
  {run}   a short random text, the same in all flows of a run
  {uuid}  a random UUID, the same in all requests of a flow

Without --then, the write's Location is read after a POST, and its own URL
otherwise. Ctrl-C ends the measurement: what was measured is shown and saved, and
what the last flow wrote is removed.

With --slo the exit status is 0 if every objective is met, 1 if one is missed, and
124 if there are too few flows to tell: a quantile is known only as an interval,
with 95 % confidence.

With --watch it goes on until it is stopped, with a flow now and then. --metrics
tells Prometheus of the lag.`

const examples = `  readback measure -X POST https://api.example/v1/workspaces \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"name":"lag-{run}-{n}"}' \
    --then GET '{location}' --cleanup DELETE '{location}' --count 100 --report lag.html

  readback measure … --count 400 --slo 'p50<500ms' --slo 'p99<2s'
  readback measure … --cleanup DELETE '{location}' --watch --every 1m --metrics :9464`

func command(streams cli.Streams, around around) *cobra.Command {
	o := options{around: around}
	cmd := &cobra.Command{
		Use:     "measure [curl's flags] URL [--then GET URL] [--cleanup DELETE URL]",
		Short:   "Measure how eventual an API is",
		Long:    long,
		Example: examples,
		Args:    cobra.ArbitraryArgs,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	groups := o.addRequestFlags(flags)
	o.addFlowFlags(flags)
	o.addResultFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		specs, err := groups.Specs(args)
		if err != nil {
			return err
		}
		o.given = flags.Changed
		if !o.given("settle-for") { // a short --within is not to be a mistake
			o.settleFor = min(o.settleFor, o.within/4)
		}
		o.line = commandLine(flags, groups, around.args)
		return o.run(cmd.Context(), streams, specs, groups.Given("cleanup"))
	}
	return cmd
}

// addRequestFlags adds the flags of requests and of what reads are to show.
func (o *options) addRequestFlags(flags *pflag.FlagSet) *request.Groups {
	groups := request.AddFlags(flags,
		request.Marker{Name: "then", Usage: "the request that reads the write back follows"},
		request.Marker{Name: "cleanup", Usage: "the request that removes what was written follows"})
	output := flags.Lookup("output") // unlike curl's, since no answer is kept
	output.Usage = "`FORMAT` of the result: text or json"
	flags.Lookup("include").Hidden = true
	cli.Section(flags, "Requests, as with curl")
	o.AddGoalFlags(flags)
	flags.StringArrayVar(&o.ExpectStatus, "expect-status", nil, "`STATUS` of a read that shows the write, such as 200 or 2xx, in place of the usual ones; any of several")
	flags.StringArrayVar(&o.AllowOrigin, "allow-origin", nil, "`ORIGIN`, such as https://other.example, that reads may be sent to, without credentials")
	flags.StringVar(&o.Token, "token", "", "consistency token of the service: mittwald, vault, cosmos or `ANSWERED:ASKED[:BEHIND]`, two headers and a status")
	cli.Section(flags, "What reads are to show")
	return groups
}

// addFlowFlags adds the flags that say how flows follow each other.
func (o *options) addFlowFlags(flags *pflag.FlagSet) {
	flags.IntVar(&o.count, "count", 50, "`N` flows are measured")
	flags.IntVar(&o.parallel, "parallel", 1, "`N` flows go on at the same time")
	flags.DurationVar(&o.within, "within", 30*time.Second, "time for a flow, from the write's answer on")
	flags.DurationVar(&o.interval, "interval", 20*time.Millisecond, "least time from the beginning of a read to that of the next, in a flow")
	flags.DurationVar(&o.settleFor, "settle-for", time.Second, "how long reads go on after the first that shows the write, to see flips; at most a quarter of --within")
	flags.DurationVar(&o.pause, "pause", 0, "longest random pause before each flow; by default about as long as lags are, and at least 500ms, or flows would keep step with a clock of the API")
	flags.DurationVar(&o.ReadTimeout, "read-timeout", 10*time.Second, "time for one read")
	cli.Section(flags, "Flows")
	flags.BoolVar(&o.watch, "watch", false, "go on until stopped, with a flow every --every; ends by itself after five in a row that failed, or five whose write could not be removed")
	flags.DurationVar(&o.every, "every", time.Minute, "with --watch, average time from a flow to the next: it is random")
	flags.StringVar(&o.metrics, "metrics", "", "with --watch, `ADDRESS` that answers GET /metrics for Prometheus; a port alone, or :PORT, is one of loopback")
	cli.Section(flags, "A canary")
}

// addResultFlags adds the flags that say what becomes of the result.
func (o *options) addResultFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.slo, "slo", nil, "`OBJECTIVE`, such as p99<2s, that decides the exit status; all of several")
	flags.StringVar(&o.page, "report", "", "write a page with figures to this `FILE`")
	flags.StringVar(&o.save, "save", "", "write what was measured to this `FILE`, as JSON")
	flags.StringVar(&o.compare, "compare", "", "compare with what --save wrote to this `FILE`")
	flags.StringVar(&o.place, "place", "", "`NAME` of where this is measured from, for the report; the host's name unless given")
	flags.StringVar(&o.load, "load", "", "measure nothing: take what --save wrote to this `FILE`")
	flags.BoolVar(&o.json, "json", false, "the result as JSON; also -o json")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	cli.Section(flags, "Output")
}
