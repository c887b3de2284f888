package readbacktest

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// keptSteps is how many of the first steps a timeline keeps, and how many of the last.
const keptSteps = 20

// Texts are cut at so many bytes: in a line of the timeline, and elsewhere.
const (
	longestNote = 160
	longest     = 1000
)

// timeline is what happened in a flow. Its zero value is an empty one.
type timeline struct {
	steps  int
	first  []step
	last   []step // a ring once it is full
	oldest int    // index of the oldest step in a full ring

	complaint string // of the check of the current read
	reads     int    // the number of the last read
	told      bool   // a read has shown whether the value is there
}

// step is an event, and the complaint of the check about its value.
type step struct {
	consistency.Event
	complaint string
}

// watch adds the events of p to the timeline, beside its own Observer.
func (l *timeline) watch(p *consistency.Policy) {
	other := p.Observer
	p.Observer = func(e consistency.Event) {
		l.add(e)
		if other != nil {
			other(e)
		}
	}
}

func (l *timeline) add(e consistency.Event) {
	l.steps++
	s := step{Event: e, complaint: l.complaint}
	l.complaint = ""
	if e.Phase == consistency.PhaseRead {
		l.reads = e.N
		l.told = l.told || s.tells()
	}
	switch {
	case len(l.first) < keptSteps:
		l.first = append(l.first, s)
	case len(l.last) < keptSteps:
		l.last = append(l.last, s)
	default:
		l.last[l.oldest] = s
		l.oldest = (l.oldest + 1) % keptSteps
	}
}

// String returns the timeline as a table. Times count from the write's answer.
func (l *timeline) String() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "at\ttook\tstep\tstatus\tsays\treason\t")
	for _, s := range l.first {
		fmt.Fprintln(table, s.row())
	}
	if omitted := l.steps - len(l.first) - len(l.last); omitted > 0 {
		fmt.Fprintf(table, "\t\t… %d more\n", omitted)
	}
	for i := range l.last {
		fmt.Fprintln(table, l.last[(l.oldest+i)%len(l.last)].row())
	}
	table.Flush()
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ") // of cells that are empty
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func (s step) row() string {
	name := string(s.Phase)
	took, status, says := "", "", ""
	if s.Status != 0 {
		status = strconv.Itoa(s.Status)
	}
	switch s.Phase {
	case consistency.PhaseEnd:
		says = s.Outcome.String()
		return strings.Join([]string{short(s.Ended), took, name, status, says}, "\t")
	case consistency.PhaseWrite:
		says = s.Class.String()
	default:
		says = s.Verdict.String()
	}
	took = short(s.Ended - s.Began)
	name += " " + strconv.Itoa(s.N)
	var notes []string
	for _, note := range []string{s.complaint, s.Note, redact.Error(s.Err)} {
		if note != "" {
			notes = append(notes, oneLine(note, longestNote))
		}
	}
	return strings.Join([]string{short(s.Began), took, name, status, says, string(s.Reason), strings.Join(notes, "; ")}, "\t")
}

// tells reports whether a read shows whether the value is there.
func (s step) tells() bool {
	return s.Verdict == poll.Ready || s.Verdict == poll.Pending && s.Reason != consistency.Forbidden
}

// short returns d rounded for a table.
func short(d time.Duration) string {
	switch {
	case d.Abs() >= time.Second:
		d = d.Round(time.Millisecond)
	case d.Abs() >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	}
	return d.String()
}

// oneLine returns text as one line of at most limit bytes.
func oneLine(text string, limit int) string { return redact.Snippet([]byte(text), limit) }
