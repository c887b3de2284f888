package measure

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
)

const (
	// mostFailed is the number of failed flows after which a canary ends, and of
	// writes that it could not clean up. Nobody watches a canary: it must not go on
	// filling a service that has changed.
	mostFailed = 5

	// recent is the number of flows that a canary keeps for its summary.
	recent = 1000
)

// keepWatch measures a flow now and then until ctx ends, and tells of each that
// goes wrong. It returns with which status the command ends, or why it could not
// begin.
func (o *options) keepWatch(ctx context.Context, streams cli.Streams, m *measurement, result *report.Run) (ended, _ error) {
	meter := newMeter(o.within)
	stop := func() {}
	if o.metrics != "" {
		s, err := o.around.serve(metricsAddress(o.metrics), meter.handler())
		if err != nil {
			return nil, exit.Usagef("--metrics: %w", err)
		}
		stop = s.stop
		if !o.quiet {
			fmt.Fprintf(streams.Err, "readback: metrics at %s\n", s.url)
		}
	}
	if !o.quiet {
		fmt.Fprintf(streams.Err, "readback: a flow every %v or so, until it is stopped\n", o.every)
	}
	why := m.canary(ctx, result, func(f *report.Flow) {
		meter.count(f, result.For)
		if f.Error != "" {
			fmt.Fprintf(streams.Err, "readback: flow %d: %s\n", f.N, f.Error)
		}
		tellLeft(streams.Err, f)
	})
	stop()
	m.close()
	if why != "" {
		fmt.Fprintf(streams.Err, "readback: ended: %s\n", why)
		return exit.Quiet(exit.Failed), nil
	}
	return nil, nil
}

// canary carries out flows until ctx ends, one at a time, and calls done after
// each. The last thousand are in the result. It returns why it ended before ctx
// did.
func (m *measurement) canary(ctx context.Context, into *report.Run, done func(*report.Flow)) (why string) {
	random := rand.New(rand.NewPCG(m.seed, 1))
	schedule := &dense{interval: m.interval, watch: m.settleFor, precision: precisionOf(1), random: random} // few reads
	into.Began = time.Now()
	failed, left := 0, 0
	for n := 1; ; n++ {
		if n > 1 { // the first tells at once whether it works
			if !pause.For(ctx, m.waits.next(random)) {
				return ""
			}
		} else if ctx.Err() != nil {
			return ""
		}
		f := m.carryOut(ctx, n, schedule, into.Began)
		if len(into.Flows) == recent {
			into.Flows = append(into.Flows[:0], into.Flows[1:]...)
		}
		into.Flows = append(into.Flows, f)
		into.Count = n
		cut := ctx.Err() != nil && f.Outcome != consistency.Confirmed.String()
		if !cut { // a flow that was cut short says nothing of the service
			done(&f)
		}
		failed++
		if f.Outcome != consistency.Failed.String() {
			failed = 0
		}
		if f.Left() {
			left++
		}
		switch {
		case failed == mostFailed:
			return fmt.Sprintf("%d flows in a row failed", failed)
		case left == mostFailed:
			return fmt.Sprintf("%d writes could not be taken back", left)
		}
	}
}
