package report

import (
	"fmt"
	"runtime"
	"time"
)

// setting is something that a measurement rests on.
type setting struct {
	Name, Value string
	Code        bool
}

// settings returns those of a run; of one that was saved by an earlier command,
// those that are known.
func (r *Run) settings() []setting {
	flows := fmt.Sprintf("%d asked for, %d measured", r.Count, len(r.Flows))
	if r.Parallel > 1 {
		flows += fmt.Sprintf(", %d at a time", r.Parallel)
	}
	all := []setting{
		{"flows", flows, false},
		{"time for a flow", short(r.Within.Duration()) + " from the write's answer on", false},
		{"reads", fmt.Sprintf("one at once, then densely, but never two within %s; shown for %s", short(r.Interval.Duration()), short(r.Watch.Duration())), false},
	}
	switch {
	case r.Pause != nil:
		all = append(all, setting{"before a flow", "a random time up to " + short(r.Pause.Duration()), false})
	case r.Parallel > 0:
		all = append(all, setting{"before a flow", "a random time, spread over the lags seen", false})
	}
	last := r.lasted()
	if last > time.Millisecond {
		all = append(all, setting{"from, to", r.Began.UTC().Format(time.DateTime) + ", " + r.Began.Add(last).UTC().Format(time.DateTime+" MST"), false})
	}
	for _, s := range []setting{{"place", r.Place, false}, {"version", r.Readback, false}, {"command", r.Command, true}} {
		if s.Value != "" {
			all = append(all, s)
		}
	}
	return all
}

// VersionText returns what a report says of the command that made it.
func VersionText(version string) string {
	return fmt.Sprintf("readback %s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
