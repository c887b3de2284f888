package peer

import (
	"sort"
	"testing"
	"testing/synctest"
	"time"
)

// A Player plays flows one after another.
type Player interface {
	// Play plays a flow whose write becomes visible after the lag.
	Play(lag time.Duration) Flow
}

// A Flow is the result of a poller for one lag.
type Flow struct {
	Reads int
	Late  time.Duration // from the end of the lag to the look that noticed it
}

// Lags are the lags of the flows of one run, the same for every poller.
type Lags []time.Duration

// Play plays all lags with a setting, and calls flow after each. With skip, the read at zero
// is left out: the poller's first call returns false at once, and does not count.
func (s Setting) Play(t *testing.T, trip time.Duration, skip bool, lags Lags, flow func(Flow)) {
	switch s.How {
	case Bubble:
		synctest.Test(t, func(*testing.T) {
			play(s.player(trip), lags, flow)
		})
	case Recorded:
		play(&timetable{Record(t, s.Own, trip, skip), trip}, lags, flow)
	case Waits:
		play(&summed{s.fresh, trip, skip}, lags, flow)
	default:
		play(s.player(trip), lags, flow)
	}
}

func play(p Player, lags Lags, flow func(Flow)) {
	for _, lag := range lags {
		flow(p.Play(lag))
	}
}

// Longest is the longest lag there may be.
const Longest = time.Minute

// Record returns when a loop reads if its write never becomes visible, up to the first read
// that begins after the longest lag.
func Record(t *testing.T, own func(read func() bool), trip time.Duration, skip bool) (began []time.Duration) {
	synctest.Test(t, func(*testing.T) {
		zero, calls := time.Now(), 0
		own(func() bool {
			if calls++; skip && calls == 1 {
				return false
			}
			at := time.Since(zero)
			began = append(began, at)
			time.Sleep(trip)
			return at > Longest
		})
	})
	return began
}

// timetable reads at the same times in each flow.
type timetable struct {
	began []time.Duration
	trip  time.Duration
}

func (p *timetable) Play(lag time.Duration) Flow {
	n := sort.Search(len(p.began), func(i int) bool { return p.began[i]+p.trip/2 >= lag })
	return Flow{Reads: n + 1, Late: p.began[n] + p.trip/2 - lag}
}

// summed waits after each read that missed.
type summed struct {
	fresh func() func() time.Duration
	trip  time.Duration
	skip  bool
}

func (p *summed) Play(lag time.Duration) Flow {
	wait := p.fresh()
	look := p.trip / 2
	if p.skip {
		look += wait()
	}
	f := Flow{Reads: 1}
	for look < lag {
		look += p.trip + wait()
		f.Reads++
	}
	f.Late = look - lag
	return f
}
