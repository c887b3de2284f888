package readback_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/lagplan"
)

// cost is what flows cost on average, in reads and in seconds of overshoot.
type cost struct {
	reads, overshoot float64 // mean over the law
	taken            float64 // reads that the drawn lags took
}

func (c cost) at(price float64) float64 { return price*c.reads + c.overshoot }

// oracle returns what the best schedule costs if the law is known.
func oracle(l law, price, deadline float64) cost {
	r := rand.New(rand.NewPCG(3, 3))
	times := []float64{0, 0}
	for t := 5e-4; t < deadline; t *= 1.004 {
		times = append(times, t)
	}
	for range 3000 {
		times = append(times, min(l.draw(r), deadline))
	}
	slices.Sort(times)
	times = append([]float64{0}, slices.Compact(append(times, deadline))...)
	missed := make([]float64, len(times))
	for i, t := range times {
		missed[i] = l.after(t)
	}
	missed[0] = 1
	next := make([]uint16, len(times))
	new(lagplan.Solver).Solve(times, missed, price, 0, next)

	c := cost{overshoot: -l.mean}
	for i := 0; i < len(times)-1; i = int(next[i]) {
		c.reads += missed[i]
		c.overshoot += missed[i] * (times[next[i]] - times[i])
	}
	return c
}

// flow plans the reads of one flow to its end, as a loop would ask for them.
func flow(s readback.Schedule, deadline time.Duration, times []float64) []float64 {
	times = times[:0]
	at := s.First(deadline)
	plan := s.Plan()
	step := readback.Step{Settle: 1, Deadline: deadline}
	for at >= 0 && at < deadline {
		times = append(times, at.Seconds())
		step.Reads++
		step.Began, step.Ended = at, at
		at = plan.Next(step)
	}
	return append(times, deadline.Seconds())
}

// expected returns what the reads cost on average over the law. Taking the mean
// rather than one draw spares most of the noise.
func expected(l law, times []float64) cost {
	c := cost{overshoot: -l.mean}
	missed, last := 1.0, 0.0
	for _, t := range times {
		c.reads += missed
		c.overshoot += missed * (t - last)
		last = t
		if missed = l.after(t); missed < 1e-7 {
			break
		}
	}
	return c
}

// tell returns what a flow that reads at these times learns of a lag.
func tell(times []float64, lag float64, deadline time.Duration) readback.Lag {
	told := readback.Lag{First: time.Duration(times[0] * float64(time.Second)), After: -1, By: -1, Deadline: deadline}
	for _, t := range times {
		told.Reads++
		if t >= lag {
			told.By = time.Duration(t * float64(time.Second))
			break
		}
		told.After = time.Duration(t * float64(time.Second))
	}
	return told
}

// play runs flows of a law one after another and returns their mean cost
// between the bounds, which are numbers of flows.
func play(s readback.Schedule, l law, r *rand.Rand, deadline time.Duration, bounds ...int) []cost {
	var times []float64
	costs := make([]cost, len(bounds))
	from := 0
	for i, to := range bounds {
		for range to - from {
			times = flow(s, deadline, times)
			c := expected(l, times)
			costs[i].reads += c.reads / float64(to-from)
			costs[i].overshoot += c.overshoot / float64(to-from)
			told := tell(times, l.draw(r), deadline)
			costs[i].taken += float64(told.Reads) / float64(to-from)
			s.(readback.Learner).Observe(told)
		}
		from = to
	}
	return costs
}
