package report_test

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
	"github.com/readback-go/readback/cmd/readback/internal/report"
)

const ms = report.Millis(time.Millisecond)

// service is an API whose answers are drawn, the same in every run.
type service struct {
	flows   int
	median  float64 // of the lag, in milliseconds
	spread  float64
	refused float64 // length of the 403s before it is over, as a share of the lag
	flips   bool    // a second replica lags by 150 ms more
	seed    uint64
}

// measured returns a measurement of s, as the command would have made it.
func (s service) measured() *report.Run {
	random := rand.New(rand.NewPCG(s.seed, 9))
	run := &report.Run{
		Version: report.Version, Write: "POST https://api.example/v1/workspaces", Read: "GET {location}",
		Cleanup: "DELETE {location}", For: "present", Began: time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC),
		Count: s.flows, Within: 30_000 * ms, Interval: 20 * ms, Watch: 1000 * ms,
	}
	began := report.Millis(0)
	for n := range s.flows {
		lag := report.Millis(s.median*math.Exp(s.spread*random.NormFloat64())) * ms
		f := report.Flow{
			N: n + 1, Began: began, Took: 12 * ms, Status: 201, Class: "applied", Outcome: "confirmed", Cleanup: report.Cleaned,
		}
		at, streak := report.Millis(0), 0
		for reads := 0; streak < 21; reads++ {
			read := report.Read{Began: at, Took: 3 * ms}
			own := lag
			if s.flips && reads%2 == 1 {
				own += 150 * ms
			}
			switch {
			case at >= own:
				read.Status, read.Verdict = 200, "ready"
				streak++
			case at >= own-report.Millis(s.refused*float64(lag)):
				read.Status, read.Verdict, read.Reason = 403, "pending", "forbidden"
				streak = 0
			default:
				read.Status, read.Verdict, read.Reason = 404, "pending", "not found"
				streak = 0
			}
			f.Reads = append(f.Reads, read)
			switch {
			case streak > 0:
				at += 50 * ms
			case reads == 0:
				at += 20*ms + report.Millis(random.IntN(20))*ms
			default:
				at = report.MillisOf((at + max(20*ms, at/16)).Duration()) // as it is kept
			}
		}
		began += at + 30*ms
		run.Flows = append(run.Flows, f)
	}
	return run
}

var (
	steady = service{flows: 60, median: 420, spread: 0.35, refused: 0.3, seed: 1}
	flippy = service{flows: 100, median: 260, spread: 0.5, refused: 0.25, flips: true, seed: 2}
	tailed = service{flows: 100, median: 90, spread: 1.6, seed: 3}
)

const script = `<script>document.title="had"</script><img src=x onerror=alert(1)>`

// hostile is a measurement of a server that puts HTML wherever it can.
func hostile() *report.Run {
	few := steady
	few.flows = 20
	r := few.measured()
	r.Write, r.Read, r.Cleanup = "POST https://api.example/"+script, "GET "+script, "DELETE "+script
	for i := range r.Flows {
		f := &r.Flows[i]
		for j := range f.Reads {
			if f.Reads[j].Verdict == "pending" {
				f.Reads[j].Reason = script + f.Reads[j].Reason
			}
		}
	}
	r.Flows[3].Outcome, r.Flows[3].Error, r.Flows[3].Cleanup = "failed", "answered 500: "+script, script
	return r
}

// nothing is a measurement of which nothing came.
func nothing() *report.Run {
	r := service{}.measured()
	r.Count = 50
	for n := range 3 {
		r.Flows = append(r.Flows, report.Flow{N: n + 1, Took: 4 * ms, Status: 401, Class: "refused", Outcome: "failed", Error: "POST https://api.example/v1/workspaces answered 401 Unauthorized"})
	}
	return r
}

// censored is a measurement of which a part was never seen.
func censored() *report.Run {
	r := service{flows: 20, median: 700, spread: 0.2, seed: 4}.measured()
	for i := range r.Flows {
		f := &r.Flows[i]
		if i%7 != 3 {
			continue
		}
		f.Outcome, f.Error = "unconfirmed", "POST https://api.example/v1/workspaces: unconfirmed"
		for j := range f.Reads {
			f.Reads[j].Status, f.Reads[j].Verdict, f.Reads[j].Reason = 404, "pending", "not found"
		}
	}
	return r
}

const forever = report.Millis(lags.Forever)
