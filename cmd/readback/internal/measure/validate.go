package measure

import (
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/cmd/readback/internal/request"
)

func (o *options) validate(specs []request.Spec, cleans bool) error {
	for i := range specs {
		switch s := &specs[i]; s.Output {
		case "":
		case "json":
			o.json = true
		case "text":
			o.json = false
		default:
			return exit.Usagef("-o %s: want json or text; measure keeps no bodies", s.Output)
		}
		o.quiet = o.quiet || specs[i].Silent
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		least time.Duration
	}{
		{"within", o.within, time.Millisecond},
		{"interval", o.interval, time.Millisecond},
		{"read-timeout", o.ReadTimeout, time.Millisecond},
		{"settle-for", o.settleFor, 0},
		{"pause", o.pause, 0},
		{"every", o.every, time.Second},
	} {
		if d.value < d.least {
			return exit.Usagef("--%s %v: want at least %v", d.flag, d.value, d.least)
		}
	}
	const most = 10_000
	switch {
	case o.count < 1 || o.count > most:
		return exit.Usagef("--count %d: want 1 to %d", o.count, most)
	case o.parallel < 1 || o.parallel > 1000:
		return exit.Usagef("--parallel %d: want 1 to 1000", o.parallel)
	case o.settleFor >= o.within:
		return exit.Usagef("--settle-for %v: want less than --within, which is %v", o.settleFor, o.within)
	}
	for _, text := range o.slo {
		if _, err := report.ParseObjective(text); err != nil {
			return exit.Usagef("--slo %w", err)
		}
	}
	return o.validateWatch(cleans)
}

func (o *options) validateWatch(cleans bool) error {
	if !o.watch {
		for _, flag := range []string{"every", "metrics"} {
			if o.given(flag) {
				return exit.Usagef("--%s is for --watch, which goes on until it is stopped", flag)
			}
		}
		return nil
	}
	for _, flag := range []string{"count", "parallel", "pause", "slo", "compare", "load"} {
		if o.given(flag) {
			return exit.Usagef("--%s is for a measurement that ends: it has no meaning with --watch", flag)
		}
	}
	if !cleans {
		return exit.Usagef("--watch goes on until it is stopped: it needs --cleanup, which takes back what it writes")
	}
	return nil
}
