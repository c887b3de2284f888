package world

import (
	"sync"
	"time"
)

const (
	// tick is how often the pace of the machine is looked at.
	tick = 10 * time.Millisecond

	// usualLateness is that of a machine that keeps up.
	usualLateness = 10 * time.Millisecond
)

// pace notices when the machine does not keep up: it is busy with something else,
// or the whole process was stopped.
type pace struct {
	done  chan struct{}
	ended chan struct{}

	mu   sync.Mutex
	last time.Time     // the last tick
	late time.Duration // how much later than it should all has happened, in sum
}

func newPace() *pace {
	p := &pace{last: time.Now(), done: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		for timer := time.NewTimer(tick); ; timer.Reset(tick) {
			select {
			case <-p.done:
				timer.Stop()
				return
			case <-timer.C:
				p.mu.Lock()
				p.late += p.overdue()
				p.last = time.Now()
				p.mu.Unlock()
			}
		}
	}()
	return p
}

// overdue returns how much too late the next tick is, if that is not usual.
func (p *pace) overdue() time.Duration {
	if late := time.Since(p.last) - tick; late > usualLateness {
		return late
	}
	return 0
}

// lateness returns how much later than they should things have happened so far.
// Its difference between two moments bounds how long the process stood still
// between them, also if that was just now.
func (p *pace) lateness() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.late + p.overdue()
}

func (p *pace) end() {
	close(p.done)
	<-p.ended
}
