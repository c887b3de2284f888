package flow

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/pointer"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

// goal returns what reads are to show after a write of that method.
func (f *Flags) goal(method string) (consistency.Goal, error) {
	switch f.For {
	case "":
	case "present":
		return consistency.ToPresent, nil
	case "absent":
		return consistency.ToAbsent, nil
	case "match":
		return consistency.ToMatch, nil
	default:
		return 0, exit.Usagef("--for %q: want present, absent or match", f.For)
	}
	switch {
	case method == http.MethodDelete:
		return consistency.ToAbsent, nil
	case len(f.ExpectJSON)+len(f.Expect) > 0 && method != http.MethodPost:
		return consistency.ToMatch, nil
	case method == http.MethodPut || method == http.MethodPatch:
		return consistency.ToMatch, nil
	}
	return consistency.ToPresent, nil
}

// matcher says whether a document is as expected.
type matcher func(*readbackhttp.Document) bool

// filled returns a matcher of a POINTER=VALUE whose value has fields of the write's
// answer, which is not known yet. A field that the answer lacks matches nothing.
func (f *Flow) filled(flag, text string) matcher {
	return func(doc *readbackhttp.Document) bool {
		a := cmp.Or(f.answer, f.kept, new(request.Answer))
		at, value, _ := strings.Cut(text, "=")
		value, missing := request.Fill(value, a)
		if missing != "" {
			return false
		}
		match, err := parseMatch(flag, at+"="+value)
		return err == nil && match(doc)
	}
}

// hasFields reports whether the value of a POINTER=VALUE has fields to be filled
// in. Braces of JSON have none.
func hasFields(text string) bool {
	_, value, _ := strings.Cut(text, "=")
	return !json.Valid([]byte(value)) && len(request.Fields(value)) > 0
}

// parseMatch reads POINTER=VALUE. The value is JSON, or a text; what is JSON but
// no text also matches the text that spells it, since many services put numbers
// into strings. In place of a pointer, the name of a member will do.
func parseMatch(flag, text string) (matcher, error) {
	at, value, found := strings.Cut(text, "=")
	if !found {
		return nil, exit.Usagef("%s %q: want POINTER=VALUE, such as /status=done", flag, text)
	}
	at = pointer.Of(at)
	var matches []func(readbackhttp.Ref, *readbackhttp.Document) bool
	if json.Valid([]byte(value)) {
		matches = append(matches, readbackhttp.HasJSON(at, json.RawMessage(value)))
	}
	if !strings.HasPrefix(strings.TrimSpace(value), `"`) || len(matches) == 0 {
		matches = append(matches, readbackhttp.HasJSON(at, value))
	}
	return func(doc *readbackhttp.Document) bool {
		for _, match := range matches {
			if match(readbackhttp.Ref{}, doc) {
				return true
			}
		}
		return false
	}, nil
}

func parseMatches(flag string, texts []string) ([]matcher, error) {
	var all []matcher
	for _, text := range texts {
		m, err := parseMatch(flag, text)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func allMatch(matchers []matcher, doc *readbackhttp.Document) bool { return unmet(matchers, doc) < 0 }

// unmet returns the number of the first matcher that does not accept doc, and
// -1 if all do.
func unmet(matchers []matcher, doc *readbackhttp.Document) int {
	return slices.IndexFunc(matchers, func(match matcher) bool { return !match(doc) })
}

func parseStatuses(texts []string) (ranges, error) {
	var all ranges
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			low := strings.TrimSuffix(strings.ToLower(part), "xx")
			n, err := strconv.Atoi(low)
			first, last := n, n
			if low != strings.ToLower(part) {
				first, last = n*100, n*100+99
			}
			if err != nil || first < 100 || last > 599 {
				return nil, exit.Usagef("--expect-status %q: want a status, such as 200, or 2xx", text)
			}
			all = append(all, [2]int{first, last})
		}
	}
	return all, nil
}

// readRules return the rules for reads, which go before the library's: what --fail
// and --lag say, which statuses are good, and, where nothing was written here, that a
// body may be empty.
func (f *Flow) readRules(elsewhere bool) []consistency.ReadRule {
	var rules []consistency.ReadRule
	if len(f.exprs.fail.sources) > 0 {
		rules = append(rules, consistency.ReadRule{
			Goal: f.Goal, When: func(consistency.Answer) bool { return f.phase == reading && f.faulty != nil }, Verdict: poll.Ready,
		})
	}
	if len(f.exprs.lag.sources) > 0 {
		reason := map[consistency.Goal]poll.Reason{consistency.ToPresent: consistency.NotFound, consistency.ToMatch: consistency.Stale}[f.Goal]
		rules = append(rules, consistency.ReadRule{
			Goal: f.Goal, When: func(consistency.Answer) bool { return f.phase == reading && f.lagged }, Verdict: poll.Pending,
			Reason: cmp.Or(reason, consistency.StillThere),
		})
	}
	for _, rule := range statusRules(f.expected, f.Goal) {
		rule.When = f.isRead // and no look at an operation
		if rule.Verdict == poll.Ready {
			rule.When = f.asExpected
		}
		rules = append(rules, rule)
	}
	if elsewhere && f.expected == nil && f.Goal == consistency.ToPresent {
		empty := func(body []byte) bool { return len(bytes.TrimSpace(body)) == 0 }
		for _, good := range [][2]int{{200, 201}, {203, 299}} {
			rules = append(rules, consistency.ReadRule{Goal: f.Goal, From: good[0], To: good[1], Body: empty, Verdict: poll.Ready})
		}
	}
	return rules
}

// asExpected is what a rule asks that calls a read ready: whether what is expected holds.
// The library itself asks nothing more about a thing that a rule calls gone.
func (f *Flow) asExpected(a consistency.Answer) bool {
	return f.isRead(a) && (f.Goal != consistency.ToAbsent || !f.expects() || f.good != nil)
}

func (f *Flow) isRead(consistency.Answer) bool { return f.phase == reading }

// writeRules return the rule for good answers to the write that are refusals.
func (f *Flow) writeRules() []consistency.WriteRule {
	if len(f.exprs.refused.sources) == 0 {
		return nil
	}
	return []consistency.WriteRule{{
		From: 200, To: 299,
		Body: func([]byte) bool { return true }, // it is needed
		When: func(a consistency.Answer) bool {
			return f.anyHolds(context.Background(), f.exprs.refused, a.Status, a.Header, a.Body) != nil
		},
		Class: consistency.Refused,
	}}
}

// statusRules return the rules for reads of that goal of which only these statuses
// are good.
func statusRules(good ranges, goal consistency.Goal) []consistency.ReadRule {
	if good == nil {
		return nil
	}
	rules := make([]consistency.ReadRule, 0, len(good)+2)
	for _, r := range good {
		rules = append(rules, consistency.ReadRule{Goal: goal, From: r[0], To: r[1], Verdict: poll.Ready})
	}
	if goal == consistency.ToAbsent {
		gone := consistency.ReadRule{Goal: goal, From: http.StatusNotFound, Verdict: poll.Pending, Reason: consistency.StillThere}
		rules = append(rules, gone)
		gone.From = http.StatusGone
		return append(rules, gone)
	}
	return append(rules, consistency.ReadRule{Goal: goal, From: 200, To: 299, Verdict: poll.Pending, Reason: consistency.Stale})
}

// Matches returns a function that accepts JSON in which each POINTER=VALUE is
// so.
func Matches(texts []string) (func([]byte) bool, error) {
	all, err := parseMatches("--expect-json", texts)
	if err != nil {
		return nil, err
	}
	return func(body []byte) bool {
		return allMatch(all, &readbackhttp.Document{Status: http.StatusOK, Body: body})
	}, nil
}
