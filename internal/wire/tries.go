package wire

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// Tries is what is known of the tries of one write.
type Tries struct {
	Seen     []Exchange // tries that a RoundTripper saw, in order
	Replayed int        // tries that net/http made again within one of those
	Traced   int        // tries that only the trace saw
	Counted  int        // tries that CountTry counted
	Told     []error    // how counted tries ended, as far as it is known; nil means well
}

// N returns how many tries there were; zero if nothing was noted.
func (t Tries) N() int { return len(t.Seen) + t.Unseen() }

// Unseen returns the number of tries whose answer no RoundTripper saw.
func (t Tries) Unseen() int { return t.Replayed + t.Traced + t.Counted }

// Tries returns the tries of a write. Every request that asks for a change is a try, wherever it
// went, with one exception: requests to another origin than the last one, whose 2xx was read to
// its end before the last one began. (So a token is fetched.) A request that net/http wrote
// twice counts as two tries; one that was never sent does not count.
func (c *Call) Tries() Tries {
	if c == nil {
		return Tries{}
	}
	var tries Tries
	all := c.Exchanges()
	tries.Seen = all[:0] // what is no try is dropped, behind what is looked at
	last := -1
	for i := range all {
		if !all[i].Safe {
			last = i
		}
	}
	for i := range all {
		ex := &all[i]
		if ex.Safe || ex.NotSent || i != last && ex.ended > 0 && ex.ended < all[last].began &&
			ex.Status >= 200 && ex.Status <= 299 && origin(ex.URL) != origin(all[last].URL) {
			continue
		}
		tries.Seen = append(tries.Seen, *ex)
		tries.Replayed += max(ex.Writes-1, 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	tries.Counted, tries.Told = c.counted, slices.Clone(c.told)
	if t := c.trace; t != nil {
		t.mu.Lock()
		tries.Traced = max(t.written-t.watched, 0)
		t.mu.Unlock()
	}
	return tries
}

// NeverSent reports whether err, the error of the call, proves that nothing was sent: nothing was
// counted, a connection was asked for, no header was written on any connection, and err is the
// error of the last request. A client that does not call the hooks of the trace gives no such
// proof.
func (c *Call) NeverSent(err error) (never bool) {
	if c == nil || err == nil {
		return false
	}
	defer func() {
		if recover() != nil { // a method of the caller's error
			never = false
		}
	}()
	if tries := c.Tries(); tries.N() > 0 {
		return false
	}
	all := c.Exchanges()
	if n := len(all); n > 0 {
		if !all[n-1].NotSent {
			return false
		}
		if Only(err, func(e error) bool { return Same(e, all[n-1].Err) }) {
			return true
		}
	}
	t := c.trace
	if t == nil {
		return false
	}
	if !t.unsent(err) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.asked {
		return false
	}
	return Only(err, func(e error) bool {
		if failed, ok := e.(*url.Error); ok && hostPort(failed.URL) == t.host {
			return true
		}
		for _, why := range t.failed {
			if Same(e, why) {
				return true
			}
		}
		return false
	})
}

// hostPort returns the address to which net/http connects for a URL.
func hostPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if u.Port() != "" {
		return u.Host
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(origin(u), strings.ToLower(u.Scheme)+"://"), u.Hostname()+":")
	return net.JoinHostPort(u.Hostname(), port)
}
