package measure

import (
	"net/http"
	"os"
	"runtime/debug"
	"strings"

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
		Readback: report.VersionText(version()), Place: m.scrub(o.from()), Command: m.scrub(o.line),
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
		method := m.cleanup.Method
		if method == "" {
			method = http.MethodDelete
		}
		run.Cleanup = m.scrub(shown(method, m.cleanup.URL))
	}
	return run
}

// from returns the name of where is measured from.
func (o *options) from() string {
	if o.place != "" {
		return o.place
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// version returns that of the command, as go install knows it.
func version() string {
	info, known := debug.ReadBuildInfo()
	if !known {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel " + s.Value[:min(len(s.Value), 12)]
		}
	}
	return "devel"
}

// shown returns a method and a template of a URL as they can be shown.
func shown(method, template string) string {
	return strings.TrimSpace(method + " " + shownURL(template))
}
