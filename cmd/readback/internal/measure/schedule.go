package measure

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/readback-go/readback"
)

// dense is the schedule of a measurement: a read at once, which tells whether
// the write is visible then, and from then on as many as tell the lag to a small
// share of it, but never two within the interval. Once a read shows the write, the
// reads that watch it are spread over the time that it is watched for.
//
// The wait after the first read is random, so that the reads of all flows
// together fall on all times.
type dense struct {
	interval  time.Duration
	watch     time.Duration
	precision time.Duration // a lag is told to one part in so many

	mu     sync.Mutex
	random *rand.Rand
}

const watches = 20 // reads that watch a write, unless the interval makes them fewer

// precisionOf returns to what part of a lag the reads of so many flows tell it: what
// the reads leave open is to be small beside what chance does, which shrinks with
// the square root of the flows. 50 flows tell a lag to a 42nd, 1,000 to a 189th.
func precisionOf(flows int) time.Duration {
	return time.Duration(max(16, 6*math.Sqrt(float64(flows))))
}

// watching returns how far the reads that watch a write lie apart, and how many
// reads must show it in a row.
func (d *dense) watching() (apart time.Duration, settle int) {
	apart = max(d.interval, (d.watch+watches-1)/watches)
	return apart, 1 + int((d.watch+apart-1)/apart)
}

func (d *dense) First(time.Duration) time.Duration { return 0 }

func (d *dense) Plan() readback.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &densePlan{dense: d, offset: time.Duration(d.random.Float64() * float64(d.interval))}
}

type densePlan struct {
	*dense
	offset time.Duration
}

func (p *densePlan) Next(step readback.Step) time.Duration {
	if step.Streak > 0 {
		apart, _ := p.watching()
		return step.Began + apart
	}
	at := step.Began + max(p.interval, step.Began/p.precision)
	if step.Reads == 1 {
		at += p.offset
	}
	return at
}
