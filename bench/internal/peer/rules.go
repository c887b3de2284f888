package peer

import (
	"math"
	"strconv"
	"time"
)

// Ticks returns fixed intervals. The best one for each law is the tuned tick.
func Ticks() []Setting {
	const least, most, steps = 2 * time.Millisecond, 40 * time.Second, 48
	all := make([]Setting, steps)
	for i := range all {
		every := time.Duration(float64(least) * math.Pow(float64(most)/float64(least), float64(i)/(steps-1)))
		all[i] = Setting{
			Peer: Tick, Knobs: "every " + every.Round(time.Microsecond).String(), How: Waits,
			fresh: func() func() time.Duration { return func() time.Duration { return every } },
		}
	}
	return all
}

// Names of the rules that no library ships.
const (
	Tick   = "tuned tick"
	Target = "EWMA target polls"
)

// targetPolls is the rule that failsafe-go's issue 397 asks for: the interval is
// the mean time to notice, smoothed as TCP smooths its round trips, divided by
// the polls that a flow should take. There is no read at zero.
func targetPolls() []Setting {
	var all []Setting
	for _, target := range []float64{1.25, 1.5, 2, 3, 5, 8, 15, 30} {
		all = append(all, Setting{
			Peer: Target, Knobs: "target " + strconv.FormatFloat(target, 'g', -1, 64), Default: target == 3, How: Rule, decides: true,
			player: func(trip time.Duration) Player { return &ewma{target: target, trip: trip, mean: float64(time.Second)} },
		})
	}
	return all
}

type ewma struct {
	target float64
	trip   time.Duration
	mean   float64 // time to notice, in nanoseconds
}

const smoothing = 1. / 8

func (p *ewma) Play(lag time.Duration) Flow {
	every := max(time.Duration(p.mean/p.target), time.Millisecond)
	f := (&summed{func() func() time.Duration { return func() time.Duration { return every } }, p.trip, true}).Play(lag)
	p.mean += smoothing * (float64(lag+f.Late) - p.mean)
	return f
}
