package submit

import (
	"cmp"
	"time"

	"github.com/readback-go/readback"
)

// compact returns a schedule that does the same as s. If s is a [readback.Backoff], its
// plans take less memory: there may be a million of them.
func compact(s readback.Schedule) readback.Schedule {
	if s == nil {
		s = readback.Backoff{}
	}
	if b, ok := s.(readback.Backoff); ok {
		return &compactBackoff{b}
	}
	return s
}

// compactBackoff is a readback.Backoff whose plans keep only two waits.
type compactBackoff struct{ readback.Backoff }

func (b *compactBackoff) Plan() readback.Plan { return &compactPlan{backoff: b} }

type compactPlan struct {
	backoff *compactBackoff
	centre  time.Duration // the last wait before jitter; zero before the first
	last    time.Duration // the last wait
}

// Next draws the wait from the first step of a new plan that begins at the present wait.
func (p *compactPlan) Next(step readback.Step) time.Duration {
	if step.Streak == 0 || p.centre == 0 {
		one := p.backoff.Backoff
		p.centre = grow(&one, p.centre)
		one.Initial, one.Max = p.centre, time.Duration(float64(p.centre)*(1+jitter(&one)))+1
		p.last = one.Plan().Next(step) - step.Ended
	}
	return step.Ended + p.last
}

// grow returns the wait before jitter that follows a wait of centre, as [readback.Backoff]
// documents it.
func grow(b *readback.Backoff, centre time.Duration) time.Duration {
	longest := min(cmp.Or(b.Max, max(5*time.Second, b.Initial)), 1<<62)
	limit := time.Duration(float64(longest) / (1 + jitter(b)))
	if centre == 0 {
		return min(cmp.Or(b.Initial, 60*time.Millisecond), limit)
	}
	if next := float64(centre) * cmp.Or(b.Multiplier, 1.5); next < float64(limit) {
		return time.Duration(next)
	}
	return limit
}

func jitter(b *readback.Backoff) float64 {
	if b.NoJitter {
		return 0
	}
	return cmp.Or(b.Jitter, 0.3)
}
