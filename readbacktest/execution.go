package readbacktest

import "time"

// Execution says how often, and when, a write is carried out, whatever it is
// answered. The zero value goes by the answer: at once if that is below 400, and
// not at all if it is another or none.
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

// Twice carries a write out two times, so long after it arrived; the second time
// does not come before the first. A POST that is carried out twice makes two
// things.
func Twice(first, second time.Duration) Execution {
	return Execution{after: []time.Duration{first, second}, said: true}
}

// NotAtAll never carries a write out, whatever the answer promises.
func NotAtAll() Execution { return Execution{said: true} }

// times returns when a write with that answer is carried out. Status is 0 if
// there is none.
func (e Execution) times(status int) []time.Duration {
	switch {
	case e.said:
		return e.after
	case status != 0 && status < 400:
		return []time.Duration{0}
	}
	return nil
}
