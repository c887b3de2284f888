package show

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/poll"
)

// draw writes the live line anew.
func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	elapsed := time.Duration(0)
	if !p.state.began.IsZero() {
		elapsed = time.Since(p.state.began)
	}
	// The last column stays free, or some terminals begin a new line.
	line := p.state.line(elapsed, p.streams.Width()-1, p.streams.Color)
	_, _ = io.WriteString(p.streams.Err, "\r"+line+"\x1b[K")
	p.drawn = true
}

// line returns the live line in at most width columns: elapsed of the time
// there is, reads, the last status and the next read.
func (s state) line(elapsed time.Duration, width int, color bool) string {
	if s.began.IsZero() {
		return cut("sending the write", width)
	}
	of := fmt.Sprintf("%s of %s", clock(elapsed), clock(s.within))
	last, word := s.last()
	next := s.due(elapsed)
	reads := fmt.Sprintf("%d reads", s.reads)
	if s.reads == 1 {
		reads = "1 read"
	}
	for _, parts := range [][]string{
		{of, reads, "last " + strings.TrimSpace(last+" "+word), next},
		{of, reads, strings.TrimSpace(last + " " + word), next},
		{of, reads, last, next},
		{of, reads, last},
		{of, last},
		{of},
		{clock(elapsed)},
	} {
		line := join(parts)
		if len(line) > width {
			continue
		}
		if color && last != "" {
			return strings.Replace(line, last, s.color()+last+"\x1b[0m", 1)
		}
		return line
	}
	return cut(clock(elapsed), width)
}

func join(parts []string) string {
	var kept []string
	for _, part := range parts {
		if part != "" && part != "last " {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ", ")
}

func cut(text string, width int) string { return text[:min(len(text), max(width, 0))] }

// last returns the last status, and what it means.
func (s state) last() (status, word string) {
	switch {
	case s.status != 0 && s.reason != "":
		return fmt.Sprint(s.status), s.reason
	case s.status != 0:
		return fmt.Sprint(s.status), strings.ToLower(http.StatusText(s.status))
	}
	return s.reason, ""
}

func (s state) due(elapsed time.Duration) string {
	switch wait := s.next - elapsed; {
	case s.reading:
		return "reading"
	case s.next <= 0 || wait <= 0:
		return ""
	default:
		return "next in " + clock(min(wait, max(s.within-elapsed, 0)))
	}
}

func (s state) color() string {
	switch s.verdict {
	case poll.Ready:
		return "\x1b[32m"
	case poll.Stop, poll.Unknown:
		return "\x1b[31m"
	}
	return "\x1b[33m"
}

// clock returns a time in tenths of seconds, or from ten minutes on in minutes.
func clock(d time.Duration) string {
	if d >= 10*time.Minute {
		return fmt.Sprintf("%.0fm", d.Minutes())
	}
	if d == d.Truncate(time.Second) && d > 0 {
		return fmt.Sprintf("%.0fs", d.Seconds())
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}
