// Package measure is the command readback measure: it repeats a write and its
// read-back, and tells how eventual an API is.
package measure

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/flow"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/cmd/readback/internal/show"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/readbackhttp"
)

// measurement is what is to be measured. Its fields are valid.
type measurement struct {
	requests
	connections *flow.Connections
	scrub       func(string) string // hides secrets
	count       int
	parallel    int
	within      time.Duration // of each flow
	interval    time.Duration // least time between two reads of a flow
	settleFor   time.Duration // for how long reads must show a write
	waits       spreader      // before each flow
	limit       time.Duration // of a cleanup
	seed        uint64        // of what is random
}

// giveUpAfter is the number of failed writes after which a measurement ends, if
// none has succeeded yet.
const giveUpAfter = 3

// run measures. Flows that were not begun when ctx ends are not in the result;
// those under way end unconfirmed, and are cleaned up nevertheless. Done is
// called after each flow, one call at a time.
func (m *measurement) run(ctx context.Context, into *report.Run, done func(report.Flow)) {
	var (
		random   = rand.New(rand.NewPCG(m.seed, 1))
		schedule = &dense{interval: m.interval, watch: m.settleFor, precision: precisionOf(m.count), random: random}
		waits    = m.waits
		began    = time.Now()
		mu       sync.Mutex
		next     = 1
		failures = 0
		results  = make([]*report.Flow, m.count)
		workers  sync.WaitGroup
	)
	into.Began = began
	take := func() (n int, wait time.Duration, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if next > m.count || ctx.Err() != nil || failures >= giveUpAfter {
			return 0, 0, false
		}
		schedule.mu.Lock()
		wait = waits.next(random)
		schedule.mu.Unlock()
		next++
		return next - 1, wait, true
	}
	finish := func(n int, f report.Flow) {
		mu.Lock()
		defer mu.Unlock()
		results[n-1] = &f
		if lag, told := f.Lag(into.For); told && !lag.Censored() {
			waits.saw(lag.Seen)
		}
		if f.Outcome == consistency.Failed.String() && failures >= 0 {
			failures++
		} else {
			failures = -1 // one that worked is enough to go on
		}
		done(f)
	}
	for range m.parallel {
		workers.Go(func() {
			for {
				n, wait, ok := take()
				if !ok || !pause.For(ctx, wait) {
					return
				}
				finish(n, m.carryOut(ctx, n, schedule, began))
			}
		})
	}
	workers.Wait()
	for _, f := range results {
		if f != nil {
			into.Flows = append(into.Flows, *f)
		}
	}
	into.Interrupted = ctx.Err() != nil && len(into.Flows) < m.count
}

// grace is how long a write may go on after an interrupt.
const grace = 10 * time.Second

// carryOut carries out the nth flow, and takes its write back.
func (m *measurement) carryOut(ctx context.Context, n int, schedule *dense, began time.Time) report.Flow {
	defer m.done(n)
	told := report.Flow{N: n, Began: report.MillisOf(time.Since(began))}
	f, policy, err := m.flow(n)
	if err != nil { // what could be wrong for this flow was so for the first
		told.Outcome, told.Class = consistency.Failed.String(), consistency.NotExecuted.String()
		told.Error = m.why(err)
		return told
	}
	defer f.Close()
	_, policy.Settle = schedule.watching()
	policy.Within, policy.Schedule = m.within, schedule
	policy.Windows = consistency.Windows{Forbidden: m.within} // a 403 is measured like every other reason
	policy.Observer = func(e consistency.Event) { observe(&told, e) }
	write := f.Write
	f.Write = func(ctx context.Context) (readbackhttp.Ref, error) {
		// An interrupt must not cut the write short: whether there is
		// something to take back would not be known.
		ctx, cancel := outliving(ctx, grace)
		defer cancel()
		return write(ctx)
	}
	res, err := consistency.Do(ctx, policy, f.Flow)
	told.Outcome = res.Outcome.String()
	if err != nil {
		told.Error = hide(f.Answer(), m.why(err))
	}
	if res.Outcome != consistency.Failed || told.WasWritten() { // as where --fail holds
		told.Cleanup = hide(f.Answer(), m.scrub(m.cleanUp(ctx, n, f.Answer(), res.Outcome)))
	}
	return told
}

// hide hides in a text what the Location of an answer marks as secret.
func hide(answer *request.Answer, text string) string {
	if answer == nil {
		return text
	}
	at := request.Spec{URL: answer.Header.Get("Location")}
	return request.Scrub(at.Secrets(&request.Input{}))(text)
}

// why returns the text of an error, which everybody knows to be ours.
func (m *measurement) why(err error) string {
	return m.scrub(show.ErrorText(err))
}

// outliving returns a context that goes on for a while after ctx has ended.
func outliving(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(by)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// observe keeps an event.
func observe(f *report.Flow, e consistency.Event) {
	switch e.Phase {
	case consistency.PhaseWrite:
		f.Took = report.MillisOf(e.Ended - e.Began)
		f.Status, f.Class = e.Status, e.Class.String()
	case consistency.PhaseRead:
		began := report.MillisOf(e.Began)
		f.Reads = append(f.Reads, report.Read{
			Began: began, Took: report.MillisOf(e.Ended) - began,
			Status: e.Status, Verdict: e.Verdict.String(), Reason: string(e.Reason),
		})
	}
}
