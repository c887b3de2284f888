// Package play sends the library through worlds, and judges what it claims of
// them.
//
// One seed is one flow: its world, its client, its policy and how the library is
// used. What the library claims in the end is held against the world's truth.
package play

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// Kind is a way in which a claim can be wrong.
type Kind string

const (
	FalseConfirmed Kind = "false-confirmed" // the reads did not show it
	FalseFailed    Kind = "false-failed"    // it was carried out, or will be
	Missed         Kind = "missed"          // unconfirmed, though law 2 promised more
	DoubleWrite    Kind = "double-writes"   // sent again without consent
	Leak           Kind = "leaks"           // something went where, or when, it must not
	Misreport      Kind = "misreports"      // what is said besides the outcome is wrong
)

// Violation is a claim that is wrong.
type Violation struct {
	Kind Kind
	Text string
}

// Result is what became of one flow.
type Result struct {
	Seed       uint64
	Driver     string
	Outcome    consistency.Outcome // of the last claim
	Promised   bool                // by law 2
	Violations []Violation
	Timeline   []string // if asked for, or if anything is wrong
}

// flow is one flow while it is played.
type flow struct {
	dice   world.Dice
	odd    world.Dice // for odd worlds only
	dice2  world.Dice // for wide worlds only
	w      *world.World
	client *client
	fresh  *credentials
	claims []*claim
	noise  time.Duration // of real time
	result Result

	submission *submission // of driver submit
	narrow     bool        // see Options
}

// drivers are the ways in which the library is used. A driver of another package
// goes here, with how often it is drawn.
var drivers = []struct {
	name  string
	share int
	drive func(*flow)
}{
	{"do", 40, (*flow).do},
	{"exchange", 20, (*flow).exchange},
	{"resume", 15, (*flow).resume},
	{"await", 8, (*flow).await},
	{"transport", 12, (*flow).transport},
	{"submit", 5, (*flow).submit},
}

// Options say how a flow is played. The zero value plays it in virtual time.
type Options struct {
	// Timeline asks for the timeline of a flow that is fine, too.
	Timeline bool

	// Narrow leaves out what wide worlds have: as the flow of a seed was before
	// these were thought of.
	Narrow bool

	// Goroutines returns the stacks of those of the bubble that it has not yet
	// returned, when all that can run has run. Nil means that nobody looks at them.
	Goroutines func() []string

	// Server plays the flow in real time, over sockets of that server. Nil means
	// virtual time.
	Server *world.Server
}

// shrink is how many times shorter the times of worlds are in real time.
const shrink = 50

const (
	// noise is how much later than it should a thing may happen in real time, on
	// a machine that keeps up.
	noise = 500 * time.Millisecond

	// hops is how many goroutines may wait for each other until a thing happens,
	// each as late as the machine.
	hops = 4
)

// Flow plays the flow of a seed, in the bubble of the caller unless o.Server is
// set. It returns when virtual time has come to a whole second again, so that
// every flow begins at one.
func Flow(seed uint64, o Options) Result {
	f := &flow{dice: world.NewDice(seed, 2), odd: world.NewDice(seed, oddStream), dice2: world.NewDice(seed, wideStream), narrow: o.Narrow, result: Result{Seed: seed}}
	leave := func() { time.Sleep(quiet) }
	var late time.Duration
	if o.Server == nil {
		f.w = world.New(world.Draw(seed, 1))
		f.fresh = &credentials{rest: f.w.Wire()}
	} else {
		f.dice, f.odd, f.noise = f.dice.Shrunk(shrink), f.odd.Shrunk(shrink), noise
		late = o.Server.Lateness()
		f.w = world.New(world.Draw(seed, shrink))
		f.w.Bodies = world.Bodies{} // sockets bring them as they do
		f.fresh = &credentials{}
		f.fresh.rest, leave = o.Server.Wire(f.w)
	}
	luck, staged := f.dice.IntN(100), f.stage(o)
	for i := range drivers {
		if staged {
			break
		}
		if luck -= drivers[i].share; luck < 0 {
			f.result.Driver = drivers[i].name
			drive := drivers[i].drive
			if o.Server == nil && !o.Narrow && f.result.Driver != "transport" && f.result.Driver != "submit" {
				drive = f.widen(drive)
			}
			f.guarded(drive)
			break
		}
	}
	f.w.End()
	if o.Goroutines != nil {
		for _, stack := range o.Goroutines() {
			f.violate(Leak, "this goroutine is left:\n%s", stack)
		}
	}
	leave()
	if o.Server != nil {
		f.noise += hops * (o.Server.Lateness() - late)
	}
	f.judge()
	if o.Timeline || len(f.result.Violations) > 0 {
		f.result.Timeline = f.timeline()
	}
	if now := time.Now(); o.Server == nil {
		time.Sleep(now.Truncate(time.Second).Add(time.Second).Sub(now))
	}
	return f.result
}

// span returns d, or what it is in real time.
func (f *flow) span(d time.Duration) time.Duration {
	if f.noise > 0 {
		return d / shrink
	}
	return d
}

// quiet is how long a world is watched after the end of a flow.
const quiet = 20 * time.Minute

// guarded drives f, and takes a panic for a violation.
func (f *flow) guarded(drive func(*flow)) {
	defer func() {
		if p := recover(); p != nil {
			f.violate(Misreport, "panic: %v\n%s", p, debug.Stack())
		}
	}()
	drive(f)
}

func (f *flow) violate(kind Kind, format string, args ...any) {
	f.result.Violations = append(f.result.Violations, Violation{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

func (f *flow) timeline() []string {
	s := &f.w.Spec
	lines := []string{
		fmt.Sprintf("seed %d, driver %s, goal %s", s.Seed, f.result.Driver, s.Goal),
		fmt.Sprintf("world %+v", *s),
		fmt.Sprintf("client %+v", f.client.habitsOf()),
	}
	lines = append(lines, f.w.Timeline()...)
	if f.submission != nil {
		lines = append(lines, f.submission.timeline()...)
	}
	for _, c := range f.claims {
		lines = append(lines, c.String())
		if c.err != nil {
			lines = append(lines, "error  "+c.err.Error())
		}
	}
	for _, v := range f.result.Violations {
		lines = append(lines, fmt.Sprintf("WRONG  %s: %s", v.Kind, v.Text))
	}
	return lines
}

func (c *client) habitsOf() habits {
	if c == nil {
		return habits{}
	}
	return c.habits
}
