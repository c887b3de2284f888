// Package show tells people and programs how a run goes and how it ended.
package show

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Progress tells on a terminal, in a line that it rewrites, how far a run is,
// and elsewhere in one line for each step. Make it with [NewProgress].
type Progress struct {
	streams cli.Streams
	level   Level
	policy  consistency.Policy
	scrub   func(string) string

	mu     sync.Mutex
	state  state
	drawn  bool
	ticker *time.Ticker
	done   chan struct{}
	ended  chan struct{}
}

// Level says how much is told.
type Level uint8

// The levels.
const (
	Usual   Level = iota
	Quiet         // nothing but the end
	Verbose       // lines also on a terminal, with the reasons of each step
)

// state is what the live line shows.
type state struct {
	began   time.Time // the write's answer; zero while it is being sent
	within  time.Duration
	reads   int
	status  int
	reason  string
	verdict poll.Verdict
	reading bool
	next    time.Duration // of the next read, from began; 0 if not known
	class   string        // of the write
}

// NewProgress returns the progress of a run by that policy, which it must
// observe, see [Progress.Watch]. Scrub hides secrets in a text. If there is no
// write, the time begins at once.
func NewProgress(streams cli.Streams, level Level, policy consistency.Policy, scrub func(string) string, elsewhere bool) *Progress {
	p := &Progress{streams: streams, level: level, policy: policy, scrub: scrub}
	if elsewhere {
		p.state.began, p.state.within = time.Now(), policy.WithinAfter(consistency.Applied)
	}
	return p
}

// Watch returns the policy with p as its observer.
func (p *Progress) Watch(policy consistency.Policy) consistency.Policy {
	policy.Observer = p.observe
	policy.Schedule = watched{policy.Schedule, p}
	return policy
}

func (p *Progress) live() bool { return p.level == Usual && p.streams.Terminal }

// tick is how often the live line is drawn.
const tick = 100 * time.Millisecond

// Start begins the live line. Stop ends it.
func (p *Progress) Start() {
	if !p.live() {
		return
	}
	p.ticker = time.NewTicker(tick)
	p.done, p.ended = make(chan struct{}), make(chan struct{})
	p.draw()
	go func() {
		defer close(p.ended)
		for {
			select {
			case <-p.ticker.C:
				p.draw()
			case <-p.done:
				return
			}
		}
	}()
}

// Stop ends the live line, and takes it away.
func (p *Progress) Stop() {
	if p.done == nil {
		return
	}
	p.ticker.Stop()
	close(p.done)
	<-p.ended
	p.done = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		_, _ = io.WriteString(p.streams.Err, "\r\x1b[K")
		p.drawn = false
	}
}

// Reading notes that a read begins.
func (p *Progress) Reading() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.reading = true
}

// Read notes that a read has ended, and how long the server asks to be left
// alone.
func (p *Progress) Read(retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.reading = false
	p.state.next = 0
	if retryAfter > 0 && !p.state.began.IsZero() {
		p.state.next = time.Since(p.state.began) + retryAfter
	}
}

// plan notes when the schedule has the next read.
func (p *Progress) plan(at time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.next = max(p.state.next, at)
}

func (p *Progress) observe(e consistency.Event) {
	p.note(e)
	if p.level == Quiet || p.live() || e.Phase == consistency.PhaseEnd {
		return
	}
	var b strings.Builder
	b.WriteString("readback: ")
	switch e.Phase {
	case consistency.PhaseWrite:
		fmt.Fprintf(&b, "%s: %s%s in %v", e.Flow, status(e.Status), e.Class, brief(e.Ended-e.Began))
	default:
		what := "read"
		if e.Phase == consistency.PhaseMonitor {
			what = "operation, look"
		}
		fmt.Fprintf(&b, "%s %d after %v: %s%s", what, e.N, brief(e.Ended), status(e.Status), e.Verdict)
		if e.Reason != "" {
			fmt.Fprintf(&b, " (%s)", e.Reason)
		}
	}
	if e.Note != "" {
		fmt.Fprintf(&b, "; %s", e.Note)
	}
	text := ErrorText(e.Err)
	said := e.Status != 0 || e.Reason != "" && strings.HasPrefix(text, string(e.Reason))
	if text != "" && (p.level == Verbose || !said) {
		fmt.Fprintf(&b, "; %s", text)
	}
	p.Line(b.String())
}

// Line writes one line to stderr, whatever the level.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		_, _ = io.WriteString(p.streams.Err, "\r\x1b[K")
		p.drawn = false
	}
	_, _ = fmt.Fprintln(p.streams.Err, p.scrub(text))
}

func (p *Progress) note(e consistency.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.state
	s.status, s.reason, s.verdict = e.Status, string(e.Reason), e.Verdict
	switch e.Phase {
	case consistency.PhaseWrite:
		s.began, s.within, s.reason = time.Now(), p.policy.WithinAfter(e.Class), e.Class.String()
		s.class = s.reason
	case consistency.PhaseRead, consistency.PhaseMonitor:
		s.reads = e.N
	}
}

func status(code int) string {
	if code == 0 {
		return ""
	}
	return fmt.Sprintf("%d, ", code)
}

// brief returns a duration in as many digits as people read.
func brief(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond)
	case d < 10*time.Second:
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// watched tells a Progress when the next read is due.
type watched struct {
	readback.Schedule
	progress *Progress
}

// Validate lets the schedule say what is wrong with it.
func (w watched) Validate() error {
	if v, ok := w.Schedule.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// Plan returns the schedule's plan, watched.
func (w watched) Plan() readback.Plan { return watchedPlan{w.Schedule.Plan(), w.progress} }

type watchedPlan struct {
	readback.Plan
	progress *Progress
}

// Next returns when the next read begins, and notes it.
func (w watchedPlan) Next(step readback.Step) time.Duration {
	at := w.Plan.Next(step)
	w.progress.plan(at)
	return at
}

// Class returns what the answer to the write proves, and "" if none was sent.
func (p *Progress) Class() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.class
}
