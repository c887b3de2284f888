package world

import "time"

// cached is an answer that something in between has kept.
type cached struct {
	reply Reply
	until time.Time
	shows bool
}

// span is how long an answer that does not show the write is kept.
type span struct{ from, until time.Time }

// recall returns the answer that is kept for a read.
func (w *World) recall(ask *Ask, now time.Time) (cached, bool) {
	if w.CacheFor == 0 || ask.NoCache && w.CacheObeys || ask.Token != "" {
		return cached{}, false
	}
	c, ok := w.cache[ask.Path]
	return c, ok && now.Before(c.until)
}

// keep lets the cache keep an answer to a read.
func (w *World) keep(ask *Ask, reply Reply, shows bool, now time.Time) {
	switch reply.Status {
	case 200, 404, 410:
	default:
		return
	}
	if w.CacheFor == 0 || reply.Broken || ask.Token != "" {
		return
	}
	if w.cache == nil {
		w.cache = make(map[string]cached)
	}
	if !shows {
		w.stale = append(w.stale, span{now, now.Add(w.CacheFor)})
	}
	w.cache[ask.Path] = cached{reply: reply, until: now.Add(w.CacheFor), shows: shows}
}
