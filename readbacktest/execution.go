package readbacktest

import "time"

// Execution says how often and when a write is carried out, whatever its answer. The zero
// value depends on the answer: the write is carried out at once if the status is below 400,
// and not at all for any other status, or without an answer.
type Execution struct {
	after []time.Duration // since the request
	said  bool
}

// AtOnce carries a write out when it arrives.
func AtOnce() Execution { return Execution{after: []time.Duration{0}, said: true} }

// Later carries a write out so long after it arrived.
func Later(after time.Duration) Execution {
	return Execution{after: []time.Duration{after}, said: true}
}

// Twice carries a write out two times, so long after it arrived; second must not be less than
// first. A POST that is carried out twice creates two things.
func Twice(first, second time.Duration) Execution {
	return Execution{after: []time.Duration{first, second}, said: true}
}

// NotAtAll never carries a write out, whatever the answer promises.
func NotAtAll() Execution { return Execution{said: true} }

// times returns when a write is carried out that is answered with status; 0 means that there
// is no answer.
func (e Execution) times(status int) []time.Duration {
	switch {
	case e.said:
		return e.after
	case status != 0 && status < 400:
		return []time.Duration{0}
	}
	return nil
}
