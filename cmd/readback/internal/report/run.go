// Package report keeps what was measured of an API's lag and tells it: as text,
// as JSON, as a comparison of two measurements, and as a page.
//
// All that is told follows from the reads that were kept, and the same data tell
// the same in every run.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// Version is that of the JSON that a Run is kept as. It changes when a member
// changes its meaning or goes; members may be added without.
const Version = 1

// Run is one measurement: what was asked for, and what each flow's reads saw. It
// holds no secret: neither headers nor bodies, and URLs with their secrets
// hidden.
type Run struct {
	Version     int       `json:"version"`
	Write       string    `json:"write"`             // method and URL template
	Read        string    `json:"read"`              // the same of the read
	Cleanup     string    `json:"cleanup,omitempty"` // the same of what takes a write back
	For         string    `json:"for"`               // what reads are to show: present, match or absent
	Began       time.Time `json:"began"`
	Count       int       `json:"count"` // flows that were asked for
	Within      Millis    `json:"within_ms"`
	Interval    Millis    `json:"interval_ms"`
	Watch       Millis    `json:"watch_ms"`
	Parallel    int       `json:"parallel,omitempty"`
	Pause       *Millis   `json:"pause_ms,omitempty"` // before each flow, at most; nil if it followed the lags
	Readback    string    `json:"readback,omitempty"` // version of the command
	Place       string    `json:"place,omitempty"`    // from where was measured
	Command     string    `json:"command,omitempty"`  // line, with its secrets hidden
	SLO         []string  `json:"slo,omitempty"`      // objectives, see ParseObjective
	Interrupted bool      `json:"interrupted,omitempty"`
	Flows       []Flow    `json:"flows"` // in the order of their numbers
}

// Flow is one write and its reads.
type Flow struct {
	N       int    `json:"n"`
	Began   Millis `json:"began_ms"` // since the run began
	Took    Millis `json:"write_ms"` // from the write to its answer
	Status  int    `json:"write_status,omitempty"`
	Class   string `json:"write_class"` // what the answer proves: see consistency.Class
	Outcome string `json:"outcome"`     // see consistency.Outcome
	Error   string `json:"error,omitempty"`
	Reads   []Read `json:"reads,omitempty"`
	Cleanup string `json:"cleanup,omitempty"` // [Cleaned], or why the write may still be there
}

// Cleaned is the Cleanup of a flow whose write was taken back.
const Cleaned = "done"

// Read is one read. Times count from the write's answer.
type Read struct {
	Began   Millis `json:"ms"`
	Took    Millis `json:"took_ms"`
	Status  int    `json:"status,omitempty"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
}

func (r Read) ended() time.Duration { return r.Began.Duration() + r.Took.Duration() }

var (
	confirmed = consistency.Confirmed.String()
	failed    = consistency.Failed.String()
	applied   = consistency.Applied.String()
	accepted  = consistency.Accepted.String()
	absent    = consistency.ToAbsent.String()
	forbidden = string(consistency.Forbidden)

	pending = poll.Pending.String()
	ready   = poll.Ready.String()
	unknown = poll.Unknown.String()
)

// Millis is a duration that is kept as milliseconds, to the microsecond.
type Millis time.Duration

// MillisOf returns d as it is kept.
func MillisOf(d time.Duration) Millis { return Millis(d.Round(time.Microsecond)) }

// Duration returns m as a duration.
func (m Millis) Duration() time.Duration { return time.Duration(m) }

// MarshalJSON returns a number, or null for what has no end.
func (m Millis) MarshalJSON() ([]byte, error) {
	if m.Duration() == lags.Forever {
		return []byte("null"), nil
	}
	us := m.Duration().Round(time.Microsecond).Microseconds()
	return strconv.AppendFloat(nil, float64(us)/1000, 'f', -1, 64), nil
}

// UnmarshalJSON reads what MarshalJSON made.
func (m *Millis) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*m = Millis(lags.Forever)
		return nil
	}
	var ms float64
	if err := json.Unmarshal(data, &ms); err != nil {
		return err
	}
	const most = 1e3 * 3600 * 24 * 366
	if !(ms >= -most && ms <= most) {
		return fmt.Errorf("%v ms are out of range", ms)
	}
	*m = MillisOf(time.Duration(ms * float64(time.Millisecond)))
	return nil
}

// Load reads a measurement that was saved.
func Load(from io.Reader) (*Run, error) {
	var r Run
	if err := json.NewDecoder(from).Decode(&r); err != nil {
		return nil, fmt.Errorf("not a saved measurement: %w", err)
	}
	switch {
	case r.Version == 0:
		return nil, errors.New("not a saved measurement: it has no version")
	case r.Version != Version:
		return nil, fmt.Errorf("a saved measurement of version %d, and only %d is known here", r.Version, Version)
	}
	for i, f := range r.Flows {
		ordered := slices.IsSortedFunc(f.Reads, func(a, b Read) int { return int(a.Began - b.Began) })
		if !ordered || slices.ContainsFunc(f.Reads, func(r Read) bool { return r.Began < 0 || r.Took < 0 || r.ended() < 0 }) {
			return nil, fmt.Errorf("not a saved measurement: the reads of its flow %d are not in order", i+1)
		}
	}
	for _, text := range r.SLO {
		if _, err := ParseObjective(text); err != nil {
			return nil, fmt.Errorf("not a saved measurement: %w", err)
		}
	}
	return &r, nil
}

// Save writes r, and what follows from it, as JSON that Load reads.
func (r *Run) Save(to io.Writer) error { return encode(to, saved{Run: r, Summary: r.Summary()}) }

type saved struct {
	*Run
	Summary    Summary `json:"summary"`
	Comparison []Row   `json:"comparison,omitempty"`
}

func encode(to io.Writer, v any) error {
	e := json.NewEncoder(to)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
