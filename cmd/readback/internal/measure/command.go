package measure

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

// options are the flags of the command that are not curl's.
type options struct {
	flow.Flags // of these, those of what reads are to show
	count      int
	parallel   int
	within     time.Duration
	interval   time.Duration
	watch      time.Duration
	pause      time.Duration
	spreads    bool // the pause follows the lags
	load       string
	compare    string
	save       string
	page       string
	json       bool
	quiet      bool

	connect connect
}

// Command returns the command.
func Command(streams cli.Streams) *cobra.Command { return command(streams, flow.Connect) }

// connect opens the connections of a measurement.
type connect func(write, read request.Spec, in *request.Input) (*flow.Connections, error)

func command(streams cli.Streams, connect connect) *cobra.Command {
	o := options{connect: connect}
	cmd := &cobra.Command{
		Use:   "measure [curl's flags] URL [--then GET URL] [--cleanup DELETE URL]",
		Short: "Measure how eventual an API is",
		Long: `Measure repeats a write and its read-back, one flow after another, and tells
how long writes take to become visible: quantiles of the lag, the reasons why
reads were pending, flips, and the windows and the schedule that suit.

Each flow sends the write once, reads densely until a read shows it, goes on
reading for as long as --watch says to catch flips, and takes the write back
with --cleanup. These stand for something in all three requests, headers and
bodies included:

  {n}     the number of the flow, from 1
  {run}   a short random text, the same in all flows of a run
  {uuid}  a random UUID, the same in all requests of a flow

Without --then, the write's Location is read after a POST, and its own URL
otherwise. Ctrl-C ends the measurement: what was measured is kept and told, and
the last write is taken back.`,
		Example: `  readback measure -X POST https://api.example/v1/workspaces \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"name":"lag-{run}-{n}"}' \
    --then GET '{location}' --cleanup DELETE '{location}' --count 100 --report lag.html`,
		Args: cobra.ArbitraryArgs,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	groups := request.AddFlags(flags,
		request.Marker{Name: "then", Usage: "the request that reads the write back follows"},
		request.Marker{Name: "cleanup", Usage: "the request that takes the write back follows"})
	output := flags.Lookup("output") // unlike curl's, since no answer is kept
	output.Usage = "`FORMAT` of the result: text or json"
	flags.Lookup("include").Hidden = true
	cli.Section(flags, "Requests, as with curl")
	o.AddGoalFlags(flags)
	flags.StringArrayVar(&o.ExpectStatus, "expect-status", nil, "`STATUS` of a read that shows the write, such as 200 or 2xx, in place of the usual ones; any of several")
	flags.StringArrayVar(&o.AllowOrigin, "allow-origin", nil, "`ORIGIN`, such as https://other.example, that reads may be sent to, without credentials")
	flags.StringVar(&o.Token, "token", "", "consistency token of the service: mittwald, vault, cosmos or `ANSWERED:ASKED[:BEHIND]`, two headers and a status")
	cli.Section(flags, "What reads are to show")
	flags.IntVar(&o.count, "count", 50, "`N` flows are measured")
	flags.IntVar(&o.parallel, "parallel", 1, "`N` flows go on at the same time")
	flags.DurationVar(&o.within, "within", 30*time.Second, "time for a flow, from the write's answer on")
	flags.DurationVar(&o.interval, "interval", 20*time.Millisecond, "least time from the beginning of a read to that of the next, in a flow")
	flags.DurationVar(&o.watch, "watch", time.Second, "how long reads go on after the first that shows the write, to catch flips; a quarter of --within if that is less")
	flags.DurationVar(&o.pause, "pause", 0, "random time before each flow, at most; unless given, about as long as lags are and at least 500ms, or flows would keep step with the API's own clock")
	flags.DurationVar(&o.ReadTimeout, "read-timeout", 10*time.Second, "time for one read")
	cli.Section(flags, "Flows")
	flags.StringVar(&o.page, "report", "", "write a page with figures to this `FILE`")
	flags.StringVar(&o.save, "save", "", "write what was measured to this `FILE`, as JSON")
	flags.StringVar(&o.compare, "compare", "", "compare with what --save wrote to this `FILE`")
	flags.StringVar(&o.load, "load", "", "measure nothing: take what --save wrote to this `FILE`")
	flags.BoolVar(&o.json, "json", false, "the result as JSON; also -o json")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	cli.Section(flags, "Output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		specs, err := groups.Specs(args)
		if err != nil {
			return err
		}
		if !flags.Changed("watch") { // a short --within is not to be a mistake
			o.watch = min(o.watch, o.within/4)
		}
		o.spreads = !flags.Changed("pause")
		return o.run(cmd.Context(), streams, specs, groups.Given("cleanup"))
	}
	return cmd
}

func (o *options) run(ctx context.Context, streams cli.Streams, specs []request.Spec, cleans bool) error {
	if err := o.validate(specs); err != nil {
		return err
	}
	before, err := load(o.compare)
	if err != nil {
		return exit.Usagef("--compare: %w", err)
	}
	if o.load != "" {
		return o.tell(streams, specs, before)
	}
	m, result, err := o.prepare(ctx, streams, specs, cleans)
	if err != nil {
		return err
	}
	out, err := openOutputs(o)
	if err != nil {
		return err
	}
	defer out.close()
	m.measure(ctx, streams, o.quiet, result)
	ended := verdict(ctx, result)
	if err := out.write(streams, o, result, before); err != nil {
		if ended != nil {
			return exit.With(exit.StatusOf(ended, exit.Output), err)
		}
		return err
	}
	return ended
}

// tell tells what was measured before.
func (o *options) tell(streams cli.Streams, specs []request.Spec, before *report.Run) error {
	if specs[0].URL != "" {
		return exit.Usagef("--load measures nothing: there is no use for a URL")
	}
	result, err := load(o.load)
	if err != nil {
		return exit.Usagef("--load: %w", err)
	}
	out, err := openOutputs(o)
	if err != nil {
		return err
	}
	defer out.close()
	return out.write(streams, o, result, before)
}

func (o *options) validate(specs []request.Spec) error {
	for i := range specs {
		switch s := &specs[i]; s.Output {
		case "":
		case "json":
			o.json = true
		case "text":
			o.json = false
		default:
			return exit.Usagef("-o %s: want json or text; measure keeps no bodies", s.Output)
		}
		o.quiet = o.quiet || specs[i].Silent
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		least time.Duration
	}{
		{"within", o.within, time.Millisecond},
		{"interval", o.interval, time.Millisecond},
		{"read-timeout", o.ReadTimeout, time.Millisecond},
		{"watch", o.watch, 0},
		{"pause", o.pause, 0},
	} {
		if d.value < d.least {
			return exit.Usagef("--%s %v: want at least %v", d.flag, d.value, d.least)
		}
	}
	const most = 10_000
	switch {
	case o.count < 1 || o.count > most:
		return exit.Usagef("--count %d: want 1 to %d", o.count, most)
	case o.parallel < 1 || o.parallel > 1000:
		return exit.Usagef("--parallel %d: want 1 to 1000", o.parallel)
	case o.watch >= o.within:
		return exit.Usagef("--watch %v: want less than --within, which is %v", o.watch, o.within)
	}
	return nil
}

// prepare returns what is to be measured, checked before anything is sent.
func (o *options) prepare(ctx context.Context, streams cli.Streams, specs []request.Spec, cleans bool) (*measurement, *report.Run, error) {
	m := &measurement{
		requests: requests{
			plan: flow.Plan{
				Flags: o.Flags, Write: specs[0], Read: specs[1], Input: &request.Input{Reader: streams.In, Context: ctx},
			},
			cleanup: specs[2], cleans: cleans, run: strings.ToLower(rand.Text()[:8]),
		},
		count: o.count, parallel: min(o.parallel, o.count),
		within: o.within, interval: o.interval, watch: o.watch, waits: o.waits(),
		limit: 30 * time.Second, seed: randomSeed(),
	}
	connections, err := o.connect(specs[0], specs[1], m.plan.Input)
	if err != nil {
		return nil, nil, err
	}
	connections.Write.MaxIdleConnsPerHost, connections.Read.MaxIdleConnsPerHost = o.parallel, o.parallel
	m.connections, m.plan.Connections = connections, connections
	if err := m.check(); err != nil {
		return nil, nil, err
	}
	m.scrub = request.Scrub(m.secrets())
	return m, o.describe(m), nil
}

// leastSpread is the mean wait before flows whose lags are short.
const leastSpread = 500 * time.Millisecond

// waits returns how long to wait before a flow.
func (o *options) waits() spreader {
	if o.spreads {
		return spreader{least: leastSpread, most: o.within}
	}
	return spreader{fixed: o.pause}
}

// describe returns a run without flows. Placeholders stay as they are.
func (o *options) describe(m *measurement) *report.Run {
	write, _ := m.write(1) // checked before
	first, _, _ := m.flow(1)
	run := &report.Run{
		Version: report.Version, For: first.Goal.String(), Count: o.count, Flows: []report.Flow{},
		Write:  m.scrub(shown(write.Method, m.plan.Write.URL)),
		Within: report.MillisOf(o.within), Interval: report.MillisOf(o.interval), Watch: report.MillisOf(o.watch),
	}
	method, at := m.plan.Read.Method, m.plan.Read.URL
	if method == "" {
		method = http.MethodGet
	}
	switch {
	case at != "":
	case write.Method == http.MethodPost:
		at = "{" + request.LocationField + "}"
	default:
		at = m.plan.Write.URL
	}
	run.Read = m.scrub(shown(method, at))
	if m.cleans {
		method := m.cleanup.Method
		if method == "" {
			method = http.MethodDelete
		}
		run.Cleanup = m.scrub(shown(method, m.cleanup.URL))
	}
	return run
}

func randomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// measure runs m, tells how far it is, and what went wrong.
func (m *measurement) measure(ctx context.Context, streams cli.Streams, quiet bool, result *report.Run) {
	shown := newProgress(streams, m.count, quiet)
	m.run(ctx, result, shown.done)
	shown.end()
	m.connections.Close()
	tellWrong(streams.Err, result)
	if len(result.Flows) < m.count && !result.Interrupted {
		fmt.Fprintf(streams.Err, "readback: ended after %d of %d flows: no write was carried out\n", len(result.Flows), m.count)
	}
}

// toldWrong is how many ways to go wrong are told of.
const toldWrong = 5

// tellWrong tells once of what went wrong in the same way.
func tellWrong(to io.Writer, result *report.Run) {
	var order []string
	flows := map[string][]int{}
	for _, f := range result.Flows {
		if f.Error == "" {
			continue
		}
		if flows[f.Error] == nil {
			order = append(order, f.Error)
		}
		flows[f.Error] = append(flows[f.Error], f.N)
	}
	for i, why := range order {
		if i == toldWrong {
			fmt.Fprintf(to, "readback: and %d other errors\n", len(order)-toldWrong)
			break
		}
		of := fmt.Sprintf("flow %d", flows[why][0])
		if more := len(flows[why]) - 1; more > 0 {
			of += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(to, "readback: %s: %s\n", of, why)
	}
	// What was left behind is told in full: somebody has to remove it.
	for _, f := range result.Flows {
		if f.Cleanup != "" && f.Cleanup != report.Cleaned {
			fmt.Fprintf(to, "readback: flow %d was not cleaned up: %s\n", f.N, f.Cleanup)
		}
	}
}

// verdict returns the exit status of a measurement: that of its flows, if none
// was confirmed.
func verdict(ctx context.Context, result *report.Run) error {
	if s, ok := exit.Signalled(ctx); ok {
		return exit.Quiet(s.Status())
	}
	status := exit.Failed
	for _, f := range result.Flows {
		switch f.Outcome {
		case consistency.Confirmed.String():
			return nil
		case consistency.Unconfirmed.String():
			status = exit.Unconfirmed
		}
	}
	return exit.Quiet(status)
}
