package consistency

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTableText, ReadTableText and DefaultsText render what decides, for the
// documentation to be held against.

func WriteTableText() string {
	return render("answer\tto\tproves", func(row func(...string)) {
		for _, rule := range writeTable {
			row(statuses(rule.From, rule.To), rule.Goal.String(), rule.Class.String())
		}
		none := Rules{}
		row("all else", "any", none.write(ToPresent, &Answer{Status: 599}).String())
	})
}

func ReadTableText() string {
	return render("answer\tto\tverdict\treason", func(row func(...string)) {
		add := func(answer string, rule *ReadRule) {
			reason := string(rule.Reason)
			if rule.Setback {
				reason += ", a setback"
			}
			if rule.Settled {
				reason = "settles at once"
			}
			row(answer, rule.Goal.String(), rule.Verdict.String(), reason)
		}
		for i := range readTable {
			rule := &readTable[i]
			answer := statuses(rule.From, rule.To)
			switch {
			case rule.When == nil:
			case rule.When(Answer{Status: 403, Body: []byte(`{"code":403}`)}):
				answer += " that names a missing role"
			case rule.When(Answer{Status: 403, RetryAfter: time.Second}):
				answer += " of a rate limit"
			}
			add(answer, rule)
		}
		absent := notListedAbsent
		absent.Goal = ToAbsent
		add("all else", &absent)
		add("all else", &notListed)
	})
}

func DefaultsText() string {
	var p Policy
	return render("", func(row func(...string)) {
		row("Within, after a write that was applied", p.within(Applied).String())
		row("Within, after one that was ambiguous", p.within(Ambiguous).String())
		row("Within, after one that was accepted, or an operation", p.within(Accepted).String())
		row("Windows.Forbidden, from the first 403 of a run on", forbiddenWindow.String())
		row("the other windows", "as long as Within")
		row("Settle, of Create, Update and Await", fmt.Sprint(p.settle(ToPresent)))
		row("Settle, of Delete", fmt.Sprint(p.settle(ToAbsent)))
		row("a 404 of an operation that was never seen is lag for", recordLag.String())
	})
}

func statuses(from, to int) string {
	if to <= from {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d to %d", from, to)
}

// render returns a table as lines of a comment.
func render(header string, fill func(row func(cells ...string))) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if header != "" {
		_, _ = fmt.Fprintln(w, header)
	}
	fill(func(cells ...string) { _, _ = fmt.Fprintln(w, strings.Join(cells, "\t")) })
	_ = w.Flush()
	var lines strings.Builder
	for line := range strings.Lines(b.String()) {
		lines.WriteString("//\t" + strings.TrimRight(line, " \n") + "\n")
	}
	return lines.String()
}
