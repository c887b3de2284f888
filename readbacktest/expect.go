package readbacktest

import (
	"fmt"
	"strings"
	"time"
)

// AssertCount fails the test unless exactly n requests match on, such as to check that a
// write was sent once. As in a [Rule], on is a method, a path or both. The failure lists all
// requests, with secrets hidden. It returns true if the count is right.
func (h *Handler) AssertCount(t TestingT, on string, n int) bool {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	p, err := parsePattern(on)
	if err != nil {
		t.Errorf("readbacktest: %s", err)
		return false
	}
	got := len(h.requestsOf(p))
	return h.expect(t, got == n, "%s: %s, want %d", named(on), count(got, "request"), n)
}

// AssertAt fails the test unless the requests that match on came exactly at these times,
// measured from when the server was made. It is for bubbles, where time is exact. See
// [Handler.AssertCount].
func (h *Handler) AssertAt(t TestingT, on string, at ...time.Duration) bool {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	p, err := parsePattern(on)
	if err != nil {
		t.Errorf("readbacktest: %s", err)
		return false
	}
	var got []time.Duration
	for _, r := range h.requestsOf(p) {
		got = append(got, r.At)
	}
	same := len(got) == len(at)
	for i := range got {
		same = same && got[i] == at[i]
	}
	return h.expect(t, same, "%s: requests at %s, want %s", named(on), times(got), times(at))
}

// AssertExecuted fails the test unless exactly n writes that match on were executed until
// now, whatever their answers. See [Handler.AssertCount].
func (h *Handler) AssertExecuted(t TestingT, on string, n int) bool {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	p, err := parsePattern(on)
	if err != nil {
		t.Errorf("readbacktest: %s", err)
		return false
	}
	got := len(h.executedOf(p))
	return h.expect(t, got == n, "%s: %s, want %d", named(on), count(got, "execution"), n)
}

// expect fails t unless ok, and shows all requests and executions.
func (h *Handler) expect(t TestingT, ok bool, format string, args ...any) bool {
	if h, ok := t.(helper); ok {
		h.Helper()
	}
	if !ok {
		t.Errorf("%s%s%s", fmt.Sprintf(format, args...),
			tableOf("requests", h.requestsOf(pattern{})), tableOf("executed", h.executedOf(pattern{})))
	}
	return ok
}

func named(on string) string {
	if on == "" {
		return "all"
	}
	return on
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(at []time.Duration) string {
	if len(at) == 0 {
		return "no time"
	}
	words := make([]string, len(at))
	for i := range at {
		words[i] = at[i].String()
	}
	return strings.Join(words, ", ")
}
