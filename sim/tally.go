package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/play"
)

// tally counts what became of flows. It is safe for concurrent use.
type tally struct {
	violations atomic.Int64
	stop       int64 // after so many violations; 0 is never
	began      time.Time

	mu       sync.Mutex
	out      io.Writer
	flows    int
	promised int // by law 2
	outcomes map[consistency.Outcome]int
	loose    map[consistency.Outcome]int // of driver submit, whose goroutines run side by side
	drivers  map[string]int
	kinds    map[play.Kind]int
}

func newTally(out io.Writer) *tally {
	return &tally{
		out: out, began: time.Now(),
		outcomes: make(map[consistency.Outcome]int), loose: make(map[consistency.Outcome]int), drivers: make(map[string]int), kinds: make(map[play.Kind]int),
	}
}

// enough reports whether there were as many violations as anybody wants to see.
func (t *tally) enough() bool { return t.stop > 0 && t.violations.Load() >= t.stop }

// add counts a flow, and prints it if anything is wrong.
func (t *tally) add(r play.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flows++
	t.outcomes[r.Outcome]++
	t.drivers[r.Driver]++
	if r.Driver == "submit" {
		t.loose[r.Outcome]++
	}
	if r.Promised {
		t.promised++
	}
	if len(r.Violations) == 0 {
		return
	}
	t.violations.Add(1)
	fmt.Fprintf(t.out, "VIOLATION, replay it with -replay %d\n", r.Seed)
	for _, line := range r.Timeline {
		fmt.Fprintf(t.out, "  %s\n", line)
	}
	seen := make(map[play.Kind]bool)
	for _, v := range r.Violations {
		if len(r.Timeline) == 0 {
			fmt.Fprintf(t.out, "  WRONG  %s: %s\n", v.Kind, v.Text)
		}
		if !seen[v.Kind] {
			seen[v.Kind] = true
			t.kinds[v.Kind]++
		}
	}
}

// String returns the counts, without the time they took.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("flows=%d confirmed=%d unconfirmed=%d failed=%d",
		t.flows, t.outcomes[consistency.Confirmed], t.outcomes[consistency.Unconfirmed], t.outcomes[consistency.Failed])
	for _, kind := range []play.Kind{play.FalseConfirmed, play.FalseFailed, play.Missed, play.DoubleWrite, play.Leak} {
		line += fmt.Sprintf(" %s=%d", kind, t.kinds[kind])
	}
	if n := t.kinds[play.Misreport]; n > 0 {
		line += fmt.Sprintf(" %s=%d", play.Misreport, n)
	}
	return line
}

// finish prints the counts, and returns what to exit with.
func finish(out io.Writer, t *tally) int {
	fmt.Fprintf(out, "%s seconds=%.1f\n", t, time.Since(t.began).Seconds())
	return int(min(t.violations.Load(), 1))
}
