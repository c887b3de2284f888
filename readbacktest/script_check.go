package readbacktest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// check returns what is wrong with s. An invalid script ends the test, since a test whose
// script does not mean what it seems to might never fail.
func (s *Script) check() error {
	for _, field := range []struct {
		name string
		time time.Duration
	}{
		{"Lag", s.Lag},
		{"Forbidden", s.Forbidden},
		{"Partial", s.Partial},
		{"ListLag", s.ListLag},
		{"NegativeCache", s.NegativeCache},
		{"Token.Wait", s.Token.Wait},
		{"Skew", max(s.Skew, -s.Skew)},
	} {
		if field.time < 0 || field.time > longestDraw {
			return fmt.Errorf("readbacktest: Script.%s cannot be %v", field.name, field.time)
		}
	}
	lags := 0
	for _, given := range []bool{s.Lag != 0, s.LagFrom != nil, s.Replicas != nil} {
		if given {
			lags++
		}
	}
	if lags > 1 {
		return fmt.Errorf("readbacktest: Script has more than one of Lag, LagFrom and Replicas")
	}
	for i, replica := range s.Replicas {
		if replica == nil {
			return fmt.Errorf("readbacktest: Script.Replicas[%d] is nil; Fixed(0) does not lag", i)
		}
	}
	if s.Replicas != nil && len(s.Replicas) == 0 {
		return fmt.Errorf("readbacktest: Script.Replicas is empty, so that nothing could be read")
	}
	if s.Tombstone > DeletedAt {
		return fmt.Errorf("readbacktest: Script.Tombstone cannot be %d", s.Tombstone)
	}
	if err := s.Token.check(); err != nil {
		return err
	}
	for path, body := range s.Existing {
		if err := checkExisting(path, body); err != nil {
			return err
		}
	}
	for i := range s.Rules {
		r := &s.Rules[i]
		if _, err := parsePattern(r.On); err != nil {
			return fmt.Errorf("readbacktest: Script.Rules[%d]: %w", i, err)
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("readbacktest: Script.Rules[%d] (%s) %w", i, named(r.On), err)
		}
	}
	return nil
}

func checkExisting(path, body string) error {
	p, err := parsePattern(path)
	anyOne := func(s segment) bool { return s.any }
	if err != nil || p.method != "" || len(p.segments) == 0 || p.rest || slices.ContainsFunc(p.segments, anyOne) {
		return fmt.Errorf("readbacktest: Script.Existing: %q is not the path of a thing", path)
	}
	if _, err := parseObject([]byte(body)); err != nil {
		return fmt.Errorf("readbacktest: Script.Existing[%q] %w", path, err)
	}
	return nil
}

func (r *Rule) check() error {
	for _, d := range []time.Duration{r.From, r.Until, r.RetryAfter, r.Delay, r.Slow} {
		if d < 0 || d > longestDraw {
			return fmt.Errorf("has a time that cannot be: %v", d)
		}
	}
	for _, d := range r.Execute.after {
		if d < 0 || d > longestDraw {
			return fmt.Errorf("executes after %v", d)
		}
	}
	if after := r.Execute.after; len(after) == 2 && after[1] < after[0] {
		return fmt.Errorf("executes for the second time before the first")
	}
	executes := len(r.Execute.after) > 0
	answers := r.Status != 0 || r.Header != nil || r.Body != "" || r.RetryAfter != 0 || r.Operation != nil ||
		r.Slow != 0 || r.Truncated || r.Endless
	switch {
	case r.Skip < 0 || r.Times < 0:
		return fmt.Errorf("counts below zero: Skip %d, Times %d", r.Skip, r.Times)
	case r.Until != 0 && r.Until <= r.From:
		return fmt.Errorf("is in force from %v until %v, which is never", r.From, r.Until)
	case r.Status != 0 && (r.Status < 200 || r.Status > 999):
		return fmt.Errorf("has the status %d", r.Status)
	case r.RetryAfterAs != "" && r.RetryAfter == 0:
		return fmt.Errorf("has a form of Retry-After, but no time")
	case r.Cut > Unreachable:
		return fmt.Errorf("has a Cut of %d", r.Cut)
	case r.Cut != 0 && answers:
		return fmt.Errorf("cuts the connection and answers")
	case (r.Cut == CutRequest || r.Cut == Unreachable) && executes:
		return fmt.Errorf("executes what it did not read")
	case r.Cut == Unreachable && r.Delay != 0:
		return fmt.Errorf("delays what is not reachable")
	case r.Truncated && r.Endless:
		return fmt.Errorf("has a body that is truncated and endless")
	}
	for name := range r.Header {
		if name != http.CanonicalHeaderKey(name) {
			return fmt.Errorf("has the header %q, which is spelled %q", name, http.CanonicalHeaderKey(name))
		}
	}
	if r.Operation != nil {
		return r.Operation.check(r)
	}
	return nil
}

func (s *Script) replicas() int { return max(1, len(s.Replicas)) }

// lagOf draws the lag of the nth executed write on a replica.
func (s *Script) lagOf(rule *Rule, n, replica int) time.Duration {
	switch {
	case rule.Lag != nil:
		return rule.Lag.draw(s.Seed, n, replica)
	case s.Replicas != nil:
		return s.Replicas[replica].draw(s.Seed, n, replica)
	case s.LagFrom != nil:
		return s.LagFrom.draw(s.Seed, n, replica)
	}
	return s.Lag
}

func (s *Script) forbiddenOf(rule *Rule, n int) time.Duration {
	if rule.Forbidden != nil {
		return rule.Forbidden.draw(s.Seed, n, s.replicas())
	}
	return s.Forbidden
}
