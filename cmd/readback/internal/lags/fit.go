package lags

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/readback-go/readback"
)

// Budget is the mean number of reads that a fitted schedule may take, as that
// of a readback.Learned without options.
const Budget = 3.0

// Fit returns the exponential backoff that notices the lags soonest on average
// with at most [Budget] reads a flow, each of which takes that long. Its longest
// wait is at least a twentieth of within, so that a lag longer than all that
// were measured costs few reads. Numbers are round. If there is no lag with an
// end, it is the default.
func (s Sample) Fit(within, readTime time.Duration) readback.Backoff {
	settled := s.settled()
	if len(settled) == 0 {
		return readback.Backoff{}
	}
	type tried struct {
		backoff readback.Backoff
		cost    float64
	}
	// All are tried a little, and the best of them at length.
	var all []tried
	for _, b := range candidates(settled, within, readTime) {
		all = append(all, tried{b, cost(settled.quick(OfBackoff("", b), readTime))})
	}
	slices.SortStableFunc(all, func(a, b tried) int { return cmp.Compare(a.cost, b.cost) })
	all = all[:min(len(all), finalists)]
	for i, t := range all {
		all[i].cost = cost(settled.Overshoot(OfBackoff("", t.backoff), readTime))
	}
	return slices.MinFunc(all, func(a, b tried) int { return cmp.Compare(a.cost, b.cost) }).backoff
}

const finalists = 12

// cost is what a fit makes small: how late a schedule notices. Out of the budget
// the number of reads decides, so that there is a best one even if none keeps to
// it.
func cost(o Overshoot) float64 {
	if o.Reads > Budget {
		return o.Reads * float64(time.Hour)
	}
	return float64(o.Mean)
}

// quick is a rough Overshoot.
func (s Sample) quick(p Poller, readTime time.Duration) Overshoot {
	const flows, each = 40, 4
	random := rand.New(rand.NewPCG(3, 4)) // the same for all candidates
	var t trial
	for i := range min(len(s), flows) {
		l := s[i*len(s)/min(len(s), flows)]
		from := max(l.Missed, 0)
		for j := range each {
			lag := from + time.Duration((float64(j)+0.5)/each*float64(l.Hit-from))
			t.add(p.try(lag, readTime, random))
		}
	}
	return t.overshoot(p.Name, len(s))
}

// candidates returns the backoffs to choose from; settled is in order.
func candidates(settled Sample, within, readTime time.Duration) (all []readback.Backoff) {
	firsts := []time.Duration{0}
	for tenth := range 10 {
		firsts = append(firsts, Round(settled[tenth*len(settled)/10].Hit))
	}
	slices.Sort(firsts)
	shortest := Round(max(readTime, 5*time.Millisecond))
	longest := max(settled[len(settled)-1].Hit, 4*shortest)
	for _, first := range slices.Compact(firsts) {
		for initial := shortest; initial <= longest; initial = Round(initial + initial/2) {
			for _, growths := range []time.Duration{1, 4, 16} {
				b := readback.Backoff{FirstRead: first, Initial: initial, Max: max(growths*initial, Round(within/20))}
				if len(all) == 0 || all[len(all)-1] != b {
					all = append(all, b)
				}
			}
		}
	}
	return all
}

// Round returns d with two digits, those of 10, 12, 15, 20, 25, 30, 40, 50, 60
// or 80, and not below d; times below a millisecond become one, and zero stays.
func Round(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	for unit := time.Millisecond / 10; ; unit *= 10 {
		for _, digits := range []time.Duration{10, 12, 15, 20, 25, 30, 40, 50, 60, 80} {
			if r := digits * unit; r >= d && r >= time.Millisecond {
				if r >= 10*time.Second { // minutes read better
					return roundLong(d)
				}
				return r
			}
		}
	}
}

// roundLong is Round from ten seconds on.
func roundLong(d time.Duration) time.Duration {
	for _, r := range []time.Duration{10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120, 150, 180, 240, 300, 360, 480, 600} {
		if r*time.Second >= d {
			return r * time.Second
		}
	}
	return (d + 5*time.Minute - 1) / (5 * time.Minute) * (5 * time.Minute)
}

// teach returns a Learned that has seen the lags, as often as it takes to be
// sure of them: it would have met them at its own reads, not at the measurement's.
func (s Sample) teach(within, readTime time.Duration) *readback.Learned {
	const enough = 1000 // flows
	l := readback.NewLearned(readback.LearnedOptions{Seed: 1})
	p := ofLearned("", l, within, readTime)
	random := rand.New(rand.NewPCG(5, 6))
	order := slices.Clone(s)
	for taught := 0; taught < enough && len(order) > 0; {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, lag := range order {
			told := readback.Lag{First: -1, After: lag.Missed, By: lag.Hit, Deadline: within, ReadTime: readTime}
			end := lag.Missed
			if !lag.Censored() {
				from := max(lag.Missed, 0)
				end = from + time.Duration(random.Float64()*float64(lag.Hit-from))
			}
			told.Reads, _ = p.try(end, readTime, random)
			l.Observe(told)
			taught++
		}
	}
	return l
}

// folds is into how many parts the lags are split to judge what was fitted.
const folds = 5

// Recommended returns what the fitted backoff and a Learned that was taught the
// lags make of them. To be fair to the schedules that know nothing, the lags are
// split into five parts, and each part is tried on what was fitted to the other
// four; with fewer than five lags, on what was fitted to all.
func (s Sample) Recommended(within, readTime time.Duration) []Overshoot {
	names := []string{"recommended backoff", "readback Learned"}
	var backoffs, learned trial
	settled := s.settled()
	random := rand.New(rand.NewPCG(1, 2))
	for part := range folds {
		var others, own Sample
		for i, l := range settled {
			if i%folds == part {
				own = append(own, l)
			} else {
				others = append(others, l)
			}
		}
		if len(settled) < folds {
			others = settled
		}
		if len(own) == 0 {
			continue
		}
		b := OfBackoff(names[0], others.Fit(within, readTime))
		l := ofLearned(names[1], others.teach(within, readTime), within, readTime)
		for _, lag := range own {
			for at := range places(lag, len(settled)) {
				backoffs.add(b.try(at, readTime, random))
				learned.add(l.try(at, readTime, random))
			}
		}
	}
	both := []Overshoot{backoffs.overshoot(names[0], len(settled)), learned.overshoot(names[1], len(settled))}
	for i := range both {
		both[i].Fitted = true
	}
	return both
}

// Judge returns what the recommended schedules and those in common use make of
// the lags, the one that notices soonest first among the latter.
func (s Sample) Judge(within, readTime time.Duration) []Overshoot {
	all := s.Recommended(within, readTime)
	ours := len(all)
	for _, p := range Common() {
		all = append(all, s.Overshoot(p, readTime))
	}
	slices.SortStableFunc(all[ours:], func(a, b Overshoot) int { return cmp.Compare(a.Mean, b.Mean) })
	return all
}
