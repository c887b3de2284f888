package measure

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

func (o *options) run(ctx context.Context, streams cli.Streams, specs []request.Spec, cleans bool) error {
	if err := o.validate(specs, cleans); err != nil {
		return err
	}
	before, err := load(o.compare)
	if err != nil {
		return exit.Usagef("--compare: %w", err)
	}
	if o.load != "" {
		return o.tell(ctx, streams, specs, before)
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
	var ended error
	if o.watch {
		if ended, err = o.keepWatch(ctx, streams, m, result); err != nil {
			return err
		}
	} else {
		m.measure(ctx, streams, o.quiet, result)
		ended = verdict(ctx, result)
	}
	if err := out.write(streams, o, result, before); err != nil {
		if ended != nil {
			return exit.With(exit.StatusOf(ended, exit.Output), err)
		}
		return err
	}
	return ended
}

// tell tells what was measured before.
func (o *options) tell(ctx context.Context, streams cli.Streams, specs []request.Spec, before *report.Run) error {
	if specs[0].URL != "" {
		return exit.Usagef("--load measures nothing: there is no use for a URL")
	}
	for _, flag := range []string{"count", "parallel", "pause", "within", "interval", "settle-for", "read-timeout"} {
		if o.given(flag) {
			return exit.Usagef("--load measures nothing: there is no use for --%s", flag)
		}
	}
	result, err := load(o.load)
	if err != nil {
		return exit.Usagef("--load: %w", err)
	}
	if o.given("slo") {
		result.SLO = o.slo
	}
	out, err := openOutputs(o)
	if err != nil {
		return err
	}
	defer out.close()
	if err := out.write(streams, o, result, before); err != nil || !o.given("slo") {
		return err
	}
	return verdict(ctx, result)
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
		within: o.within, interval: o.interval, settleFor: o.settleFor, waits: o.waits(),
		limit: 30 * time.Second, seed: randomSeed(),
	}
	connections, err := o.around.connect(specs[0], specs[1], m.plan.Input)
	if err != nil {
		return nil, nil, err
	}
	connections.Write.MaxIdleConnsPerHost, connections.Read.MaxIdleConnsPerHost = o.parallel, o.parallel
	m.connections, m.plan.Connections = connections, connections
	if m.plan.Judge, err = m.plan.NewJudge(); err != nil { // one for all flows
		return nil, nil, err
	}
	if err := m.check(); err != nil {
		m.close()
		return nil, nil, err
	}
	m.scrub = request.Scrub(m.secrets())
	return m, o.describe(m), nil
}

// leastSpread is the mean wait before flows whose lags are short.
const leastSpread = 500 * time.Millisecond

// waits returns how long to wait before a flow.
func (o *options) waits() spreader {
	switch {
	case o.watch: // as good as any, since it is far longer than a lag
		return spreader{fixed: 2 * o.every}
	case o.given("pause"):
		return spreader{fixed: o.pause}
	}
	return spreader{least: leastSpread, most: o.within}
}

func randomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// close closes what all flows share.
func (m *measurement) close() {
	m.connections.Close()
	m.plan.Judge.Close()
}

// measure runs m, tells how far it is, and what went wrong.
func (m *measurement) measure(ctx context.Context, streams cli.Streams, quiet bool, result *report.Run) {
	shown := newProgress(streams, m.count, quiet)
	m.run(ctx, result, shown.done)
	shown.end()
	m.close()
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
		tellLeft(to, &f)
	}
}

// tellLeft tells of a write that may still be there.
func tellLeft(to io.Writer, f *report.Flow) {
	if f.Left() {
		fmt.Fprintf(to, "readback: flow %d was not cleaned up: %s\n", f.N, f.Cleanup)
	}
}

// verdict returns the exit status of a measurement: that of its flows, if none
// was confirmed, and otherwise that of its objectives.
func verdict(ctx context.Context, result *report.Run) error {
	if s, ok := exit.Signalled(ctx); ok {
		return exit.Quiet(s.Status())
	}
	status := exit.Failed
	for _, f := range result.Flows {
		switch f.Outcome {
		case consistency.Confirmed.String():
			return exit.Quiet(objectives(result))
		case consistency.Unconfirmed.String():
			status = exit.Unconfirmed
		}
	}
	return exit.Quiet(status)
}

// objectives returns the exit status that the objectives ask for: one that is
// missed decides, and then one that cannot be told.
func objectives(result *report.Run) int {
	if len(result.SLO) == 0 {
		return exit.Confirmed
	}
	status := exit.Confirmed
	for _, o := range result.Summary().Objectives {
		switch o.Verdict {
		case report.Missed:
			return exit.Failed
		case report.Open:
			status = exit.Unconfirmed
		}
	}
	return status
}
