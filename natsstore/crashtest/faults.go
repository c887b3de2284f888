package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// faults counts what happened besides the kills.
type faults struct {
	setAside int  // jobs that met a bug
	lifts    int  // jobs of the earlier version that the later one has read
	deploys  int  // changes of the version, in either direction
	full     int  // full disks
	earlier  bool // the last worker was of the earlier version
}

// deploy draws the program of the next worker: its version, and whether it has bugs.
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

// heard counts the warnings of a worker that has ended.
func (f *faults) heard(c *child) {
	f.setAside += c.count(setAside)
	f.lifts += c.count(lifted)
}

func (f *faults) String() string {
	return fmt.Sprintf("deploys=%d lifts=%d set-aside=%d full-disks=%d", f.deploys, f.lifts, f.setAside, f.full)
}

// enoughRounds is the number of rounds from which each fault must have happened.
const enoughRounds = 100

// missing returns an error if a fault never happened, since the run then proves nothing.
func (f *faults) missing(s settings) error {
	if s.rounds >= enoughRounds && (f.deploys == 0 || f.lifts == 0 || f.setAside == 0 || s.disk && f.full == 0) {
		return errors.New("a fault never happened: " + f.String())
	}
	return nil
}
