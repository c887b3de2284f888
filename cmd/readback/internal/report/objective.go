package report

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
)

// Objective is a bound of a quantile of the lag, such as p99<2s.
type Objective struct {
	Share float64 // of the writes
	Limit time.Duration
	Even  bool // a lag that is exactly the limit will do
}

var objectiveText = regexp.MustCompile(`^p([0-9]{1,2}(?:\.[0-9]{1,4})?)\s*(<=?)\s*(\S+)$`)

// ParseObjective reads an objective: p99<2s, p99.9<=1m30s.
func ParseObjective(text string) (Objective, error) {
	want := fmt.Errorf("%q: want a quantile, < or <=, and a time, such as p99<2s", text)
	parts := objectiveText.FindStringSubmatch(text)
	if parts == nil {
		return Objective{}, want
	}
	percent, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || percent <= 0 {
		return Objective{}, want
	}
	limit, err := time.ParseDuration(parts[3])
	if err != nil || limit <= 0 {
		return Objective{}, want
	}
	return Objective{Share: percent / 100, Limit: limit, Even: parts[2] == "<="}, nil
}

// A Verdict says whether an objective is met.
type Verdict string

// The verdicts. An interval that ends below the limit meets it, one that begins
// there or beyond misses it, and one that holds it can tell neither.
const (
	Met    Verdict = "met"
	Missed Verdict = "missed"
	Open   Verdict = "cannot be told"
)

// judge compares the interval of the quantile with the limit. A lag is longer than
// the beginning of its interval, and at most as long as the end.
func (o Objective) judge(i lags.Interval) Verdict {
	switch {
	case i.Lower && i.From >= o.Limit:
		return Missed
	case i.Upper && (i.To < o.Limit || i.To == o.Limit && o.Even):
		return Met
	}
	return Open
}

// Judged is an objective and what the measurement says of it.
type Judged struct {
	Objective string  `json:"objective"`
	Verdict   Verdict `json:"verdict"`
	Lag       Span    `json:"lag"`             // between what times the quantile lies, with 95 % confidence
	Needs     int     `json:"needs,omitempty"` // flows, if there are too few for an upper end
}

// judgeAll judges the objectives of a run, which are valid.
func (s *Summary) judgeAll(objectives []string) {
	for _, text := range objectives {
		o, err := ParseObjective(text)
		if err != nil {
			continue // Load and the command refuse it
		}
		i := s.sample.Interval(o.Share)
		j := Judged{Objective: text, Verdict: o.judge(i), Lag: *spanOf(i.Span)}
		if !i.Upper {
			j.Needs = lags.Needs(o.Share)
		}
		s.Objectives = append(s.Objectives, j)
	}
}

// Words tells the verdict and why.
func (j Judged) Words() string {
	words := fmt.Sprintf("%s: %s", j.Objective, j.Verdict)
	switch {
	case j.Lag.open() && j.Lag.From == 0:
		words += "; there are too few flows"
	case j.Lag.open():
		words += fmt.Sprintf("; it is over %s", until(j.Lag.From))
	default:
		words += fmt.Sprintf("; it is between %s and %s", until(j.Lag.From), until(j.Lag.To))
	}
	if j.Needs > 0 && j.Verdict == Open {
		words += fmt.Sprintf(", and an upper end takes %d flows", j.Needs)
	}
	return words
}
