package main

import (
	"encoding/json"
	"io"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/readback-go/readback/bench/internal/front"
	"github.com/readback-go/readback/bench/internal/peer"
)

// A result is everything that a run measured.
type result struct {
	Seed     uint64            `json:"seed"`
	Flows    int               `json:"flows"`
	Warm     int               `json:"warm"`
	Trip     float64           `json:"trip"` // of a read, in seconds
	Versions map[string]string `json:"versions"`
	Laws     []lawResult       `json:"laws"`
	Learning []curve           `json:"learning"`
	Drift    []curve           `json:"drift"`
	Parents  []curve           `json:"parents"`
	Trips    []lawResult       `json:"trips"` // lognormal

	fields, trips []field
}

type lawResult struct {
	Name   string      `json:"name"`
	Mean   float64     `json:"mean"`
	Oracle front.Front `json:"oracle"`
	Scores []score     `json:"scores"`
	Cells  []cell      `json:"cells"`
}

// report plays everything and prints the result.
func report(w io.Writer, t *testing.T, o options) error {
	r := run(t, o)
	if o.svg != "" {
		if err := drawFigures(o.svg, r.fields); err != nil {
			return err
		}
	}
	if o.asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "\t")
		return e.Encode(r)
	}
	return writeText(w, r)
}

func run(t *testing.T, o options) result {
	r := result{Seed: o.seed, Flows: o.flows, Warm: warm, Trip: o.trip.Seconds(), Versions: versions()}
	all := played()
	cells := playAll(t, o.trip, jobs(o, all, peer.Settings(o.seed)))
	for _, l := range all {
		f := newField(l, cells, o)
		r.fields = append(r.fields, f)
		r.Laws = append(r.Laws, lawResult{l.Name, l.Mean, f.oracle, f.scores(), f.cells})
	}
	r.Learning = learningCurves(t, o, all)
	r.Drift = drifts(t, o)
	r.Parents = parents(t, o)
	r.trips = trips(t, o)
	for _, f := range r.trips {
		r.Trips = append(r.Trips, lawResult{f.law.Name, f.law.Mean, f.oracle, f.scores(), f.cells})
	}
	return r
}

// peers are the modules that are played.
var peers = []string{
	"github.com/avast/retry-go/v5",
	"github.com/aws/smithy-go",
	"github.com/cenkalti/backoff/v4",
	"github.com/cenkalti/backoff/v5",
	"github.com/failsafe-go/failsafe-go",
	"github.com/googleapis/gax-go/v2",
	"github.com/hashicorp/terraform-plugin-sdk/v2",
	"github.com/onsi/gomega",
	"github.com/sethvargo/go-retry",
	"k8s.io/apimachinery",
}

func versions() map[string]string {
	found := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if slices.Contains(peers, m.Path) {
				found[m.Path] = m.Version
			}
		}
	}
	return found
}
