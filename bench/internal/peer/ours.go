package peer

import (
	"context"
	"strconv"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/poll"
)

// Names of our own.
const (
	OurBackoff = "readback Backoff"
	OurLearned = "readback Learned"
)

// Within is the time that a flow has: twice the longest lag.
const Within = 2 * Longest

// Backoff is poll.Until with the schedule that it uses unless told otherwise.
func Backoff() []Setting {
	setting := func(knobs string, b readback.Backoff) Setting {
		return Setting{
			Peer: OurBackoff, Knobs: knobs, How: Waits, Draws: true,
			Own: func(read func() bool) {
				_, _ = poll.Until(context.Background(), func(context.Context) (bool, error) { return read(), nil }, seen,
					poll.Options{Schedule: b, Within: Within, ReadTimeout: poll.NoTimeout})
			},
			fresh: func() func() time.Duration { return waitsOf(b.Plan()) },
		}
	}
	standard := setting("60ms ×1.5, spread by 0.3, at most 5s", readback.Backoff{})
	standard.Default = true
	all := []Setting{standard}
	for _, first := range firsts {
		for _, growth := range growths {
			all = append(all, setting(first.String()+" "+times(growth)+", spread by 0.3",
				readback.Backoff{Initial: first, Multiplier: growth, Max: 30 * time.Second}))
		}
	}
	return all
}

// leastWait is the wait that poll.Until keeps after a miss, whatever its
// schedule says.
const leastWait = time.Millisecond

// waitsOf returns the waits of a plan that counts from the ends of reads.
func waitsOf(p readback.Plan) func() time.Duration {
	step := readback.Step{Settle: 1, Deadline: Within}
	return func() time.Duration {
		step.Reads++
		return max(p.Next(step), leastWait)
	}
}

var seen = poll.When(func(visible bool) bool { return visible })

// Learned is poll.Until with a schedule that all flows of a run share. It observes each flow
// as in package consistency.
func Learned(seed uint64) []Setting {
	all := []Setting{LearnedWith("3 reads", readback.LearnedOptions{Seed: seed})}
	all[0].Default = true
	for _, reads := range []float64{1.25, 1.5, 1.75, 2, 2.5, 3.5, 4, 5, 6.5, 8, 10, 13, 17, 22, 30, 40, 60, 100, 200, 500, 1000, 2000} {
		all = append(all, LearnedWith(strconv.FormatFloat(reads, 'g', -1, 64)+" reads", readback.LearnedOptions{Reads: reads, Seed: seed}))
	}
	for _, price := range []time.Duration{
		10 * time.Microsecond, 30 * time.Microsecond, 100 * time.Microsecond, 300 * time.Microsecond,
		time.Millisecond, 3 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
		5 * time.Second, 10 * time.Second, 30 * time.Second,
	} {
		all = append(all, LearnedWith(price.String()+" a read", readback.LearnedOptions{Price: price, Seed: seed}))
	}
	return all
}

// LearnedWith is poll.Until with one schedule that learns.
func LearnedWith(knobs string, options readback.LearnedOptions) Setting {
	return Setting{
		Peer: OurLearned, Knobs: knobs, How: Bubble, decides: true,
		player: func(trip time.Duration) Player { return &learning{schedule: readback.NewLearned(options), trip: trip} },
	}
}

// LearnedAfter is poll.Until with the schedule of a key that is new after so many
// flows of another key.
func LearnedAfter(options readback.LearnedOptions, others int) Setting {
	return Setting{
		Peer: OurLearned, How: Bubble, decides: true,
		player: func(trip time.Duration) Player {
			all := readback.NewLearned(options)
			return &learning{schedule: all.For("old"), trip: trip, others: others, next: all}
		},
	}
}

type learning struct {
	schedule *readback.Learned
	trip     time.Duration

	others int // flows after which a key of next begins
	next   *readback.Learned
}

func (p *learning) Play(lag time.Duration) (f Flow) {
	if p.others--; p.others == -1 && p.next != nil {
		p.schedule = p.next.For("new")
	}
	zero := time.Now()
	read := func(context.Context) (bool, error) {
		f.Reads++
		f.Late = time.Since(zero) + p.trip/2 - lag
		time.Sleep(p.trip)
		return f.Late >= 0, nil
	}
	var history poll.History
	_, err := poll.Until(context.Background(), read, seen,
		poll.Options{Schedule: p.schedule, Within: Within, ReadTimeout: poll.NoTimeout, History: &history})
	if err != nil {
		panic(err) // the lag is shorter than the flow
	}
	told := history.Lag()
	told.Deadline = Within
	p.schedule.Observe(told)
	return f
}
