package play

import (
	"cmp"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// drawPolicy returns a policy. None draws at random by itself, so that a seed
// says all, but for the spread that the library adds to a Retry-After.
func (f *flow) drawPolicy() consistency.Policy {
	d := f.dice
	var p consistency.Policy
	if d.Chance(0.6) {
		p.Settle = 1 + d.IntN(5)
	}
	if d.Chance(0.6) || f.noise > 0 { // in real time, nobody has minutes
		p.Within = d.Between(20*time.Millisecond, 2*time.Minute)
	}
	p.Schedule = drawSchedule(d, cmp.Or(p.Within, 2*time.Minute))
	if d.Chance(0.3) {
		p.ReadTimeout = d.Between(5*time.Millisecond, 20*time.Second)
	}
	if d.Chance(0.25) {
		for _, window := range []*time.Duration{
			&p.Windows.NotFound, &p.Windows.Stale, &p.Windows.StillThere, &p.Windows.BehindToken, &p.Windows.Forbidden,
		} {
			if d.Chance(0.4) {
				*window = d.Between(10*time.Millisecond, 30*time.Second)
			}
		}
	}
	if d.Chance(0.25) {
		p.Resend = consistency.Resend{OnNotSent: d.Chance(0.5), OnRateLimited: d.Chance(0.5), OnMissingParent: d.Chance(0.5)}
	}
	return p
}

// drawSchedule returns a schedule for flows that take so long at most, some of
// them nasty.
func drawSchedule(d world.Dice, within time.Duration) readback.Schedule {
	every := d.Between(2*time.Millisecond+within/50, 5*time.Second+within/50)
	switch d.IntN(10) {
	case 0:
		return readback.Backoff{NoJitter: true}
	case 1:
		return readback.Backoff{FirstRead: d.Between(time.Millisecond, time.Minute), Initial: every, NoJitter: true}
	case 2:
		return readback.Backoff{Initial: every, Max: every, NoJitter: true}
	case 3:
		return readback.Delays(func() *backoff.ConstantBackOff { return backoff.NewConstantBackOff(every) })
	case 4:
		return learned(d)
	case 5, 6, 7:
		return planned{d.Uint64(), func(d world.Dice, s readback.Step) time.Duration {
			bound := min(every<<min(s.Reads, 12), 10*time.Second)
			return s.Ended + time.Duration(d.Float64()*float64(bound))
		}}
	case 8: // reads as fast as it may, for a while
		return planned{0, func(_ world.Dice, s readback.Step) time.Duration {
			if s.Reads > 20 {
				return s.Ended + every
			}
			return 0
		}}
	}
	return planned{d.Uint64(), func(d world.Dice, s readback.Step) time.Duration {
		return world.OneOf(d, -1, 1<<62, s.Began-time.Hour, s.Deadline, s.Deadline-1, s.Deadline+time.Hour, s.Ended+every)
	}}
}

// learned returns a schedule that has learned a little, from another read model
// perhaps.
func learned(d world.Dice) readback.Schedule {
	l := readback.NewLearned(readback.LearnedOptions{Seed: d.Uint64() | 1})
	scale := d.Between(time.Millisecond, 10*time.Second)
	for range d.IntN(5) {
		by := d.Between(scale/4+1, scale)
		l.Observe(readback.Lag{After: by / 2, By: by, Reads: 2, Deadline: 30 * time.Second, ReadTime: time.Millisecond})
	}
	return l
}

// planned is a schedule that makes its plans of a function.
type planned struct {
	seed uint64
	next func(world.Dice, readback.Step) time.Duration
}

func (planned) First(time.Duration) time.Duration { return 0 }
func (p planned) Plan() readback.Plan             { return plan{world.NewDice(p.seed, 3), p.next} }

type plan struct {
	dice world.Dice
	next func(world.Dice, readback.Step) time.Duration
}

func (p plan) Next(s readback.Step) time.Duration { return p.next(p.dice, s) }
