package submit

import (
	"cmp"
	"time"

	"github.com/readback-go/readback"
)

// compact returns a schedule that does what s does, but whose plans are small if
// s is the default one: there may be a million of them.
func compact(s readback.Schedule) readback.Schedule {
	if s == nil {
		s = readback.Backoff{}
	}
	if b, ok := s.(readback.Backoff); ok {
		return &compactBackoff{b}
	}
	return s
}

// compactBackoff is a readback.Backoff whose plans only remember where they are.
type compactBackoff struct{ readback.Backoff }

func (b *compactBackoff) Plan() readback.Plan { return &compactPlan{backoff: b} }

type compactPlan struct {
	backoff *compactBackoff
	bound   time.Duration // of the last wait; zero before the first
	last    time.Duration // the last wait
}

// Next draws the wait from a source made for it alone.
func (p *compactPlan) Next(step readback.Step) time.Duration {
	if step.Streak == 0 || p.bound == 0 {
		one := p.backoff.Backoff
		p.bound = grow(&one, p.bound)
		one.Initial, one.Max = p.bound, p.bound
		p.last = one.Plan().Next(step) - step.Ended
	}
	return step.Ended + p.last
}

// grow returns the bound of the wait after one with that bound, as
// readback.Backoff documents it.
func grow(b *readback.Backoff, bound time.Duration) time.Duration {
	limit := cmp.Or(b.Max, max(5*time.Second, b.Initial))
	if bound == 0 {
		return min(cmp.Or(b.Initial, 100*time.Millisecond), limit)
	}
	if next := float64(bound) * cmp.Or(b.Multiplier, 2); next < float64(limit) {
		return time.Duration(next)
	}
	return limit
}
