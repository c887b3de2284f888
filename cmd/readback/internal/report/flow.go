package report

import (
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// telling reports whether a read says something about the write.
func (r Read) telling() bool { return r.Verdict == pending || r.Verdict == ready }

// Lag returns what the reads of a flow tell of its lag, and whether they tell
// anything, if goal is what they were to show. The lag of a write that was ambiguous has no clear beginning.
func (f *Flow) Lag(goal string) (lags.Lag, bool) {
	lag := lags.Lag{Missed: -1, Hit: -1}
	if !f.WasWritten() || f.Outcome == failed { // what failed later is not late
		return lag, false
	}
	for _, r := range f.Reads {
		switch {
		case r.Verdict == pending:
			lag = lags.Lag{Missed: r.Began.Duration(), Hit: -1}
		case r.Verdict == ready && lag.Hit < 0:
			lag.Hit, lag.Seen = r.Began.Duration(), r.ended()
		case r.Verdict == unknown && goal == absent:
			lag.Hit, lag.Seen = -1, 0 // a dead server looks like an empty one
		}
	}
	if f.Outcome != confirmed {
		lag.Hit, lag.Seen = -1, 0 // it was not watched for long enough
	}
	return lag, lag.Missed >= 0 || lag.Hit >= 0
}

// WasWritten reports whether the write was carried out, or was to be.
func (f *Flow) WasWritten() bool { return f.Class == applied || f.Class == accepted }

// flips returns how often a read did not show what the one before had shown,
// and the longest streak of reads that did show it and were wrong.
func (f *Flow) flips() (flips, longest int) {
	streak := 0
	for _, r := range f.Reads {
		switch {
		case r.Verdict == ready:
			streak++
		case r.Verdict == pending && streak > 0:
			flips++
			longest = max(longest, streak)
			streak = 0
		}
	}
	return flips, longest
}

// A phase is a run of reads that were pending for one reason.
type phase struct {
	reason string
	status int
	reads  int
	began  time.Duration // end of the first of them
	last   time.Duration // begin of the last of them
	over   time.Duration // end of the first read that said something else; Forever if there was none
}

// phases returns the phases of a flow, in order. Reads that say nothing do not
// end one.
func (f *Flow) phases() (all []phase) {
	for _, r := range f.Reads {
		if !r.telling() {
			continue
		}
		if n := len(all); n > 0 && all[n-1].over == lags.Forever {
			if p := &all[n-1]; r.Verdict == pending && r.Reason == p.reason {
				p.reads++
				p.last = r.Began.Duration()
				continue
			}
			all[n-1].over = r.ended()
		}
		if r.Verdict == pending {
			all = append(all, phase{
				reason: r.Reason, status: r.Status, reads: 1,
				began: r.ended(), last: r.Began.Duration(), over: lags.Forever,
			})
		}
	}
	return all
}

// readTime returns how long the telling reads of a flow took, and their number.
func (f *Flow) readTime() (sum time.Duration, n int) {
	for _, r := range f.Reads {
		if r.telling() {
			sum += r.Took.Duration()
			n++
		}
	}
	return sum, n
}

// Left reports whether the write of a flow may still be there, though there was
// to be a cleanup.
func (f *Flow) Left() bool { return f.Cleanup != "" && f.Cleanup != Cleaned }

// Flips returns how often a read did not show what the one before had shown.
func (f *Flow) Flips() int {
	flips, _ := f.flips()
	return flips
}
