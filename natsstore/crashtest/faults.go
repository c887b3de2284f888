package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// faults are what happened besides the kills.
type faults struct {
	setAside int // jobs that met a bug
	lifts    int // of jobs that were recorded by a program of the earlier version
	deploys  int // changes of the version, forth and back
	full     int // disks
	earlier  bool
}

// deploy draws what program the next worker runs: of which version, and whether with
// bugs.
func (f *faults) deploy(draw *rand.Rand) (flags []string) {
	if earlier := draw.IntN(2) == 0; earlier != f.earlier {
		f.earlier = earlier
		f.deploys++
	}
	if f.earlier {
		flags = append(flags, "-earlier")
	}
	if draw.IntN(3) == 0 {
		flags = append(flags, "-buggy")
	}
	return flags
}

// heard takes in what a worker said, once it has ended.
func (f *faults) heard(c *child) {
	f.setAside += c.count(setAside)
	f.lifts += c.count(lifted)
}

func (f *faults) String() string {
	return fmt.Sprintf("deploys=%d lifts=%d set-aside=%d full-disks=%d", f.deploys, f.lifts, f.setAside, f.full)
}

// enoughRounds is after how many rounds each fault has happened.
const enoughRounds = 100

// missing returns an error if a fault never happened: then nothing was shown.
func (f *faults) missing(s settings) error {
	if s.rounds >= enoughRounds && (f.deploys == 0 || f.lifts == 0 || f.setAside == 0 || s.disk && f.full == 0) {
		return errors.New("a fault never happened: " + f.String())
	}
	return nil
}
