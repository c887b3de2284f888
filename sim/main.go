// Command sim is the simulator: it holds what the library claims against the
// truth of many small worlds, most of them broken, in virtual time.
//
//	go run ./sim -flows 1000000 -seed 1
//
// One seed makes one flow: its world, its client, its policy and how the library
// is used. A flow that violates a law is printed with its timeline, and replays
// from its seed alone:
//
//	go run ./sim -replay 1234567890
//
// The same worlds over real sockets, their times shrunk, for half a minute:
//
//	go run ./sim -real -for 30s
//
// It exits with 1 if anything is wrong.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

func main() {
	var s settings
	flag.IntVar(&s.flows, "flows", 100_000, "how many flows to play")
	flag.Uint64Var(&s.seed, "seed", 1, "what the seeds of the flows are made of")
	flag.IntVar(&s.workers, "workers", runtime.GOMAXPROCS(0), "how many bubbles at a time")
	flag.IntVar(&s.stop, "stop", 10, "after how many violations to stop")
	flag.BoolVar(&s.real, "real", false, "over real sockets, in real time")
	flag.DurationVar(&s.within, "for", 30*time.Second, "how long, in real time")
	replay := flag.Uint64("replay", 0, "play the flow of this seed alone, and print its timeline")
	testing.Init()
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sim: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if s.flows < 0 || s.workers < 1 || s.stop < 1 {
		fmt.Fprintln(os.Stderr, "sim: -flows must not be negative, -workers and -stop must be positive")
		os.Exit(2)
	}
	if s.real {
		os.Exit(finish(os.Stdout, runReal(s, os.Stdout)))
	}
	// A bubble needs a test, and only testing.Main makes one in a program. It
	// prints a word of its own unless the program ends before it does.
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "sim",
		F: func(t *testing.T) {
			if *replay != 0 {
				os.Exit(replayed(t, *replay, os.Stdout))
			}
			os.Exit(finish(os.Stdout, run(t, s, os.Stdout)))
		},
	}}, nil, nil)
}
