package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// timeline prints what a flow does while it does it.
type timeline struct {
	out  io.Writer
	last time.Duration // when the step before ended
}

func (t *timeline) observe(e consistency.Event) {
	switch e.Phase {
	case consistency.PhaseWrite:
		t.last = e.Ended
		t.line(0, 0, "write", status(e), e.Class.String(), explain(e))
	case consistency.PhaseEnd:
		t.last = 0
	default:
		t.line(e.Began, e.Began-t.last, fmt.Sprintf("%s %d", e.Phase, e.N), status(e), e.Verdict.String(), explain(e))
		t.last = e.Ended
	}
}

func (t *timeline) line(at, wait time.Duration, step, status, verdict, why string) {
	text := fmt.Sprintf("  %8s  %-9s  %-6s  %-9s  waited %8s", ms(at), step, status, verdict, ms(wait))
	if why != "" {
		text += "  " + why
	}
	fmt.Fprintln(t.out, text)
}

func status(e consistency.Event) string {
	switch {
	case e.Status != 0:
		return fmt.Sprint(e.Status)
	case e.Err == nil:
		return "ok"
	}
	return "-"
}

func explain(e consistency.Event) string {
	switch {
	case e.Reason != "":
		return string(e.Reason)
	case e.Phase == consistency.PhaseWrite && e.Err != nil:
		return e.Err.Error()
	case e.Phase != consistency.PhaseWrite && e.Verdict != poll.Ready && e.Err != nil:
		return e.Err.Error()
	}
	return e.Note
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// summary is the last word on a flow.
type summary struct {
	name    string
	outcome consistency.Outcome
	reads   int
	elapsed time.Duration
	err     error
	wrong   error // what the service's own log says against the outcome
}

func (s summary) print(out io.Writer) {
	verdict := "right"
	if s.wrong != nil {
		verdict = "WRONG: " + s.wrong.Error()
	}
	fmt.Fprintf(out, "%-32s  %-11s  %2d reads  %8s  %s\n", s.name, s.outcome, s.reads, ms(s.elapsed), verdict)
}

func wrong(format string, args ...any) error { return fmt.Errorf(format, args...) }

// failures joins what is wrong with the flows.
func failures(all []summary) error {
	var errs []error
	for _, s := range all {
		if s.wrong != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, s.wrong))
		}
	}
	return errors.Join(errs...)
}
