package measure

import (
	"cmp"
	"net/http"
	"os"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/cmd/readback/internal/request"
)

// describe returns a run without flows. Placeholders stay as they are.
func (o *options) describe(m *measurement) *report.Run {
	write, _ := m.write(1) // checked before
	first, _, _ := m.flow(1)
	run := &report.Run{
		Version: report.Version, For: first.Goal.String(), Count: o.count, Flows: []report.Flow{},
		Write:  m.scrub(shown(write.Method, m.plan.Write.URL)),
		Within: report.MillisOf(o.within), Interval: report.MillisOf(o.interval), Watch: report.MillisOf(o.settleFor),
		Parallel: m.parallel, SLO: o.slo,
		Readback: report.VersionText(cli.Version()), Place: m.scrub(o.from()), Command: m.scrub(o.line),
	}
	if o.given("pause") {
		run.Pause = new(report.MillisOf(o.pause))
	}
	if o.watch {
		run.Pause, run.Count = new(report.MillisOf(2*o.every)), 0
	}
	at := m.plan.Read.URL
	switch {
	case m.plan.ReadsItself():
		at = m.plan.Write.URL
	case at == "":
		at = "{" + request.LocationField + "}"
	}
	run.Read = m.scrub(shown(m.plan.Read.Verb(), at))
	if m.cleans {
		run.Cleanup = m.scrub(shown(cmp.Or(m.cleanup.Method, http.MethodDelete), m.cleanup.URL))
	}
	return run
}

// from returns the name of where is measured from.
func (o *options) from() string {
	if o.place != "" {
		return o.place
	}
	name, _ := os.Hostname()
	return name
}

// shown returns a method and a template of a URL as they can be shown.
func shown(method, template string) string {
	return strings.TrimSpace(method + " " + request.ShownTemplate(template))
}
