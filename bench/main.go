// Pollers that draw from the source of math/rand can be seeded with this.
//
//go:debug randseednop=0

package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"testing"
	"time"
)

// options say what is played.
type options struct {
	flows  int // of each setting on each law
	seed   uint64
	trip   time.Duration // of a read
	asJSON bool
	svg    string // folder of the figures, or empty

	defaults bool // the table of defaults alone
}

// warm is how many flows come before those that count, so that schedules have learned. The
// learning itself is measured apart, see learningCurves.
const warm = 1000

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.flows, "flows", 3000, "flows of each setting on each lag, after a thousand that do not count")
	flags.Uint64Var(&o.seed, "seed", 1, "what the lags and the pollers' jitter are drawn from")
	flags.DurationVar(&o.trip, "trip", 2*time.Millisecond, "round trip of a read")
	flags.BoolVar(&o.asJSON, "json", false, "print everything as JSON")
	flags.StringVar(&o.svg, "svg", "", "draw the figures into this folder")
	flags.BoolVar(&o.defaults, "defaults", false, "print how late all are at their defaults where the lag is a number")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.flows < 2 || o.trip < 0 || flags.NArg() > 0 {
		return o, fmt.Errorf("bench: bad arguments %q", args)
	}
	return o, nil
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	log.SetOutput(io.Discard) // terraform's loop logs each wait
	code := 1
	bubbles(func(t *testing.T) {
		show := report
		if o.defaults {
			show = defaults
		}
		if err := show(os.Stdout, t, o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		code = 0
	})
	os.Exit(code)
}

// bubbles calls f with a T, which a bubble needs and only package testing makes. The program
// exits before package testing prints anything.
func bubbles(f func(*testing.T)) {
	os.Args = os.Args[:1]
	all := func(string, string) (bool, error) { return true, nil }
	done := make(chan struct{})
	test := func(t *testing.T) {
		func() {
			defer close(done)
			f(t)
		}()
		select {} // the program exits
	}
	go testing.Main(all, []testing.InternalTest{{Name: "bench", F: test}}, nil, nil)
	<-done
}
