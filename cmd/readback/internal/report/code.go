package report

import (
	"fmt"
	"go/format"
	"strings"
	"time"
)

// goCode returns a statement that declares the policy. It takes the imports
// time, readback and readback/consistency.
func (a *Advice) goCode() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("policy := consistency.Policy{")
	line("Within: %s,", goDuration(a.Within.Duration()))
	if a.Settle > 0 {
		line("Settle: %d,", a.Settle)
	}
	if len(a.Windows) > 0 {
		line("Windows: consistency.Windows{")
		for _, w := range windowed {
			if window, ok := a.Windows[w.reason]; ok {
				line("%s: %s,", w.field, goDuration(window.Duration()))
			}
		}
		line("},")
	}
	line("// Or readback.NewLearned(readback.LearnedOptions{}), to go on learning.")
	line("Schedule: readback.Backoff{")
	if a.First > 0 {
		line("FirstRead: %s,", goDuration(a.First.Duration()))
	}
	if a.Initial > 0 {
		line("Initial: %s,", goDuration(a.Initial.Duration()))
	}
	if a.Max > 0 {
		line("Max: %s,", goDuration(a.Max.Duration()))
	}
	line("},")
	line("}")
	return formatted(b.String())
}

func formatted(code string) string {
	out, err := format.Source([]byte(code))
	if err != nil {
		return code // a test would have noticed
	}
	return string(out)
}

// goDuration returns d as an expression.
func goDuration(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{time.Minute, "Minute"}, {time.Second, "Second"}, {time.Millisecond, "Millisecond"}} {
		if d%unit.length != 0 {
			continue
		}
		if d == unit.length {
			return "time." + unit.name
		}
		return fmt.Sprintf("%d * time.%s", d/unit.length, unit.name)
	}
	return fmt.Sprintf("%d * time.Microsecond", d.Microseconds())
}

// flags returns the same as flags of readback run.
func (a *Advice) flags() string {
	flags := []string{"--within", short(a.Within.Duration())}
	if a.Settle > 0 {
		flags = append(flags, "--settle", fmt.Sprint(a.Settle))
	}
	for _, w := range windowed {
		if window, ok := a.Windows[w.reason]; ok {
			flags = append(flags, "--window", w.flag+"="+short(window.Duration()))
		}
	}
	if a.First > 0 {
		flags = append(flags, "--first-read", short(a.First.Duration()))
	}
	if a.Initial > 0 {
		flags = append(flags, "--interval", short(a.Initial.Duration()))
	}
	if a.Max > 0 {
		flags = append(flags, "--max-interval", short(a.Max.Duration()))
	}
	return strings.Join(flags, " ")
}

// short returns d as Go writes durations, without units that are zero.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
