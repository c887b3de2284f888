package readbackgrpc

import (
	"time"

	"github.com/readback-go/readback"
)

// afterOne is the schedule of one poll whose first read has been made already, and
// was pending.
type afterOne struct {
	schedule readback.Schedule
	took     time.Duration // by that read
	latest   time.Duration // when the next one begins at the latest
	plan     readback.Plan
}

// First returns when the read after that one begins.
func (s *afterOne) First(deadline time.Duration) time.Duration {
	s.plan = s.schedule.Plan()
	at := s.plan.Next(readback.Step{Reads: 1, Settle: 1, Began: -s.took, Deadline: deadline, ReadTime: s.took})
	if at < 0 {
		at = deadline
	}
	return max(0, min(at, s.latest))
}

// Plan returns s itself, whose plan goes on.
func (s *afterOne) Plan() readback.Plan { return s }

// Next asks the plan, which knows of one read more.
func (s *afterOne) Next(step readback.Step) time.Duration {
	step.Reads++
	return s.plan.Next(step)
}
