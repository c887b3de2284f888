package world

import (
	"fmt"
	"time"
)

// carryOut notes the runs of a write that arrived at that time.
func (w *World) carryOut(fate *Fate, arrived time.Time) (id string) {
	id = Standing
	for _, after := range fate.Runs {
		if w.Goal == Create {
			id = fmt.Sprintf("ours-%d", len(w.Runs)+1)
		}
		run := Run{ID: id, At: arrived.Add(after)}
		for _, lag := range w.Lags {
			run.Seen = append(run.Seen, run.At.Add(lag))
		}
		w.Runs = append(w.Runs, run)
	}
	return id
}

// done reports whether the write has been carried out by then.
func (w *World) done(at time.Time) (id string, ok bool) {
	for _, run := range w.Runs {
		if !run.At.After(at) {
			return run.ID, true
		}
	}
	return "", false
}

// ShownBy returns from when on every replica shows the write to every read of
// id, or of whatever the first run made if id is empty, until that time at least.
// False means that there is no such time.
func (w *World) ShownBy(id string, until time.Time) (time.Time, bool) {
	by, ok := w.Start, true
	if !w.Idle {
		by, ok = w.seenBy(id, until)
	}
	if ok && w.Goal != Delete && w.NeedsFresh {
		by, ok = later(by, w.Fresh), !w.Fresh.IsZero()
	}
	return by, ok
}

// seenBy is ShownBy for credentials that are fresh.
func (w *World) seenBy(id string, until time.Time) (by time.Time, _ bool) {
	var hidden time.Time
	for _, r := range w.Rivals {
		if at := w.Start.Add(r.After); w.hides(r.Does) && at.Before(until) {
			hidden = at
		}
	}
	for _, run := range w.Runs {
		if id != "" && w.Goal == Create && run.ID != id || !run.At.After(hidden) {
			continue
		}
		var last time.Time
		for i, seen := range run.Seen {
			if w.Sticky && i > 0 {
				break
			}
			if seen.After(last) {
				last = seen
			}
		}
		if by.IsZero() || last.Before(by) {
			by = last
		}
	}
	if by.IsZero() || w.Goal == Delete {
		return by, !by.IsZero()
	}
	return by.Add(w.Denied), true
}

// CalmFrom returns from when on no read meets a fault, an old answer that a cache
// has kept by then, or more than w.Pace of waiting.
func (w *World) CalmFrom(by time.Time) time.Time {
	calm := w.Start.Add(w.Calm)
	for _, old := range w.stale {
		if old.from.Before(by) {
			calm = later(calm, old.until)
		}
	}
	return calm
}

// Things returns how many things the write made, or will have made.
func (w *World) Things() int {
	if w.Goal != Create {
		return min(len(w.Runs), 1)
	}
	return len(w.Runs)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
