package main

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/play"
	"github.com/readback-go/readback/sim/internal/world"
)

// realFlows is how many flows are under way at a time: they mostly wait.
const realFlows = 64

// runReal plays flows over real sockets for as long as s.within, and at most
// s.flows of them.
func runReal(s settings, out io.Writer) *tally {
	total := newTally(out)
	before := runtime.NumGoroutine()
	server, err := world.NewServer()
	if err != nil {
		total.add(broken(fmt.Sprintf("no server: %v", err)))
		return total
	}
	var (
		next  atomic.Int64
		flows sync.WaitGroup
	)
	for range realFlows {
		flows.Add(1)
		go func() {
			defer flows.Done()
			for time.Since(total.began) < s.within && total.violations.Load() < int64(s.stop) {
				n := int(next.Add(1)) - 1
				if n >= s.flows {
					return
				}
				total.add(play.Flow(seedOf(s.seed, n), play.Options{Server: server}))
			}
		}()
	}
	flows.Wait()
	server.Close()
	if left := settled(before); left > 0 {
		total.add(broken(fmt.Sprintf("%d goroutines are left at the end", left)))
	}
	return total
}

// settled returns how many goroutines are left, when those that end have had the
// time to.
func settled(before int) (left int) {
	for range 1000 { // only if there are some
		if left = runtime.NumGoroutine() - before; left <= 0 {
			return 0
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

// broken is the result of a run that is wrong, and not a single flow.
func broken(text string) play.Result {
	return play.Result{Outcome: consistency.Unconfirmed, Violations: []play.Violation{{Kind: play.Leak, Text: text}}}
}
