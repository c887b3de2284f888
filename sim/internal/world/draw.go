package world

import (
	"math"
	"math/rand/v2"
	"time"
)

// Dice draws what a world is made of.
type Dice struct {
	*rand.Rand
	shrink time.Duration // what all times are divided by
}

// NewDice returns the dice of a seed. Each stream of them is another.
func NewDice(seed, stream uint64) Dice { return Dice{rand.New(rand.NewPCG(seed, stream)), 1} }

// Shrunk returns dice whose times are so many times shorter.
func (d Dice) Shrunk(times int) Dice {
	d.shrink = time.Duration(max(times, 1))
	return d
}

// Chance is true with probability p.
func (d Dice) Chance(p float64) bool { return d.Float64() < p }

// Between returns a time between two others, as likely of one order of magnitude
// as of another.
func (d Dice) Between(low, high time.Duration) time.Duration {
	l, h := math.Log(float64(low)), math.Log(float64(high))
	return max(time.Duration(math.Exp(l+d.Float64()*(h-l)))/d.shrink, 1)
}

// OneOf returns one of the choices.
func OneOf[T any](d Dice, choices ...T) T { return choices[d.IntN(len(choices))] }

// Draw returns the world of a seed, its times so many times shorter.
func Draw(seed uint64, shrink int) Spec {
	d := NewDice(seed, 1).Shrunk(shrink)
	s := Spec{Seed: seed, Goal: OneOf(d, Create, Create, Create, Update, Update, Delete, Delete)}
	s.Pace = d.Between(time.Millisecond, 300*time.Millisecond)
	for n := range OneOf(d, 1, 1, 1, 2, 3, 4) {
		fate := drawFate(d, &s)
		if n > 0 && d.Chance(0.1) { // the first may still have been carried out
			fate = Fate{Took: fate.Took, Answer: 202, Monitor: true, Fails: d.Between(time.Millisecond, 10*time.Second)}
		}
		s.Fates = append(s.Fates, fate)
	}
	s.Unique = d.Chance(0.4)
	if d.Chance(0.3) {
		s.KeyFor = d.Between(time.Second, 5*time.Minute)
	}
	drawReplicas(d, &s)
	drawFaults(d, &s)
	if d.Chance(0.15) {
		s.CacheFor, s.CacheObeys = d.Between(50*time.Millisecond, 20*time.Second), d.Chance(0.3)
	}
	if d.Chance(0.25) {
		s.Foreign = 1 + d.IntN(3)
	}
	s.Token, s.OldErrors = d.Chance(0.3), d.Chance(0.5)
	if d.Chance(0.3) {
		s.Skew = OneOf[time.Duration](d, -1, 1) * d.Between(time.Second, 24*time.Hour)
	}
	drawOdd(&s, shrink)
	return s
}

func drawReplicas(d Dice, s *Spec) {
	scale := d.Between(time.Millisecond, 30*time.Second)
	for range OneOf(d, 1, 1, 2, 3, 5) {
		lag := time.Duration(0)
		if d.Chance(0.8) {
			lag = d.Between(scale/8+1, scale)
		}
		s.Lags = append(s.Lags, lag)
	}
	s.Sticky = d.Chance(0.15)
	if d.Chance(0.2) {
		s.Denied = d.Between(time.Millisecond, 15*time.Second)
		s.NeedsFresh = d.Chance(0.3)
	}
	s.Tombstones, s.Ghost = d.Chance(0.2), d.Chance(0.1)
}

// refusals are the answers that prove that nothing was or will be done.
var refusals = []int{400, 401, 402, 405, 406, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501, 409, 412, 429, 403}

// doubts are some of those that prove nothing.
var doubts = []int{408, 425, 500, 502, 503, 504, 520, 522, 524, 418, 423, 424, 505, 507, 300, 304, Lost, Lost, Lost}

func drawFate(d Dice, s *Spec) Fate {
	f := Fate{Took: d.Between(time.Millisecond, 2*time.Second)}
	later := d.Between(time.Millisecond, 40*time.Second)
	switch luck := d.Float64(); {
	case luck < 0.50:
		f.Answer, f.Runs = 200, []time.Duration{0}
		if s.Goal == Create {
			f.Answer = 201
		}
	case luck < 0.75:
		f.Answer = OneOf(d, doubts...)
		switch luck := d.Float64(); {
		case luck < 0.35:
		case luck < 0.65:
			f.Runs = []time.Duration{0}
		case luck < 0.94:
			f.Runs = []time.Duration{later}
		default:
			f.Runs = []time.Duration{0, later}
		}
	case luck < 0.86:
		f.Answer = OneOf(d, refusals...)
		if f.Answer == 429 && d.Chance(0.5) {
			f.RetryAfter = OneOf(d, "0", "1", "2", "nonsense")
		}
	case luck < 0.89:
		f.Answer = 404
		if s.Goal == Delete { // it is gone, by whomever
			f.Runs = []time.Duration{0}
		}
	case luck < 0.92:
		f.Answer = Unreached
	case luck < 0.94:
		f.Answer = Hung
		if d.Chance(0.5) {
			f.Runs = []time.Duration{0}
		}
	case luck < 0.98:
		f.Answer, f.Monitor, f.SeeOther = 202, d.Chance(0.6), d.Chance(0.3)
		switch luck := d.Float64(); {
		case luck < 0.7:
			f.Runs = []time.Duration{later}
		case luck < 0.9:
			f.Fails = later
		}
	case luck < 0.99:
		f.Answer, f.Runs = OneOf(d, 301, 302, 303), []time.Duration{OneOf(d, 0, later)}
	default:
		f.Answer = OneOf(d, 307, 308)
	}
	return f
}

func drawFaults(d Dice, s *Spec) {
	if d.Chance(0.4) {
		return
	}
	s.Calm = d.Between(10*time.Millisecond, 40*time.Second)
	if d.Chance(0.05) {
		s.Calm = time.Hour
	}
	if d.Chance(0.5) {
		s.Slow = d.Between(10*time.Millisecond, 20*time.Second)
	}
	s.Amnesia = d.Chance(0.3)
	for range 1 + d.IntN(4) {
		f := Fault{Chance: d.Float64() / 4}
		f.Answer = OneOf(d, 500, 502, 503, 503, 504, 408, 425, 429, 429, 520, 302, 304, 202, Lost, Lost, Hung, 418, 200)
		switch {
		case f.Answer == 200:
			f.Broken = true
		case f.Answer == 503 || f.Answer == 429:
			if d.Chance(0.3) {
				f.RetryAfter, f.Date = OneOf[time.Duration](d, 1, 2, 5, 3600)*time.Second, d.Chance(0.5)
			}
		}
		s.Faults = append(s.Faults, f)
	}
	if d.Chance(0.1) {
		s.Faults = append(s.Faults, Fault{Chance: 0.1, Answer: OneOf(d, 400, 401, 403, 422)})
	}
}
