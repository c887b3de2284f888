package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Three digits at most, also where rounding would make a fourth.
func TestNice(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                         "0 ms",
		1234 * time.Nanosecond:    "0.00 ms",
		9994 * time.Microsecond:   "9.99 ms",
		9995 * time.Microsecond:   "10.0 ms",
		99950 * time.Microsecond:  "100 ms",
		999499 * time.Microsecond: "999 ms",
		999500 * time.Microsecond: "1.00 s",
		9994 * time.Millisecond:   "9.99 s",
		9995 * time.Millisecond:   "10.0 s",
		99950 * time.Millisecond:  "100 s",
		10 * time.Minute:          "10.0 min",
	} {
		assert.Equal(t, want, nice(d), d)
	}
}

func TestFlipsLine(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Summary{
		"no flips: no read showed a write":                                                   {Lag: Lag{Flows: 2, Censored: 2}},
		"no flips: once a read showed the write, every later one did":                        {Lag: Lag{Flows: 2, Censored: 1}},
		"2 flips in 1 flow: shown, and then not; after up to 1 read in a row that showed it": {Lag: Lag{Flows: 1, Censored: 1}, Flips: Flips{Total: 2, Flows: 1, Streak: 1}},
	} {
		assert.Equal(t, want, s.flipsLine())
	}
}
