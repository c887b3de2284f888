package consistency

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"unique"
)

// Pending is the handle of a write that is not confirmed yet: all that [Resume]
// needs to go on later, in this process or another. It is stored as JSON. Its
// zero value is no handle.
type Pending struct {
	written   json.RawMessage       // nil if the reference must still be found
	name      unique.Handle[string] // of the flow; a million jobs have the same
	rare      *rarePending          // nil in most
	answered  int64                 // when the write was answered, in ms of the Unix clock; 0 if that is not known
	tries     int32                 // that were made; 0 if that is not known
	goal      Goal
	class     Class
	doubtful  bool // some try may have been carried out besides the one answered
	monitored bool // the operation has ended, or the reads know nothing of it
}

// rarePending is what few handles have.
type rarePending struct {
	trace    string
	missing  error     // why there is no reference; only in the process that made it
	followed *followed // by a Tracer, between two visits; likewise
}

// Name returns the name of the flow.
func (h Pending) Name() string {
	if h.name == (unique.Handle[string]{}) {
		return ""
	}
	return h.name.Value()
}

// IsZero reports whether h is no handle.
func (h Pending) IsZero() bool { return h.goal == 0 }

// Missing returns why the handle has no reference although the write had one: what
// JSON does not carry exactly is left out, to be found again by Flow.Find. It is
// known only in the process that made the handle.
func (h Pending) Missing() error {
	if h.rare == nil {
		return nil
	}
	return h.rare.missing
}

// Trace returns the trace context that WithTrace set.
func (h Pending) Trace() string {
	if h.rare == nil {
		return ""
	}
	return h.rare.trace
}

// WithTrace returns a copy of h with a trace context, such as a traceparent of
// W3C, for the run that goes on to link to the one that left it. It plays no part
// in anything else.
func (h Pending) WithTrace(context string) Pending {
	return h.with(rarePending{context, h.Missing(), h.followed()})
}

func (h Pending) with(rare rarePending) Pending {
	if h.rare = nil; rare != (rarePending{}) {
		h.rare = &rare
	}
	return h
}

// handleVersion grows when an older reader would misunderstand a handle.
const handleVersion = 2

type handleJSON struct {
	Version   int             `json:"readback"`
	Name      string          `json:"name"`
	Goal      string          `json:"goal"`
	Class     string          `json:"class"`
	Written   json.RawMessage `json:"written,omitempty"`
	Doubtful  bool            `json:"doubtful,omitempty"`
	Monitored bool            `json:"monitored,omitempty"`
	Tries     int             `json:"tries,omitempty"`
	Answered  int64           `json:"answered,omitempty"`
	Trace     string          `json:"trace,omitempty"`
}

// MarshalJSON returns the handle as a JSON object, or null for none.
func (h Pending) MarshalJSON() ([]byte, error) {
	if h.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(handleJSON{
		Version: handleVersion, Name: h.Name(),
		Goal: h.goal.String(), Class: h.class.String(),
		Written: h.written, Doubtful: h.doubtful, Monitored: h.monitored,
		Tries: int(h.tries), Answered: h.answered, Trace: h.Trace(),
	})
}

// UnmarshalJSON reads what MarshalJSON made, now or as version 1, which tells
// neither when the write was answered nor how many tries there were. A handle that
// is truncated, whose fields cannot be, or that was made by a newer version is an
// error, and leaves h as it was. A handle is not signed: it is as trustworthy as
// the place where it was kept.
func (h *Pending) UnmarshalJSON(data []byte) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil
	}
	var stored handleJSON
	if err := json.Unmarshal(data, &stored); err != nil {
		return fmt.Errorf("consistency: not a handle: %w", err)
	}
	got := Pending{
		name: unique.Make(stored.Name), written: stored.Written, doubtful: stored.Doubtful, monitored: stored.Monitored,
		tries: int32(min(stored.Tries, math.MaxInt32)), answered: stored.Answered,
	}.with(rarePending{trace: stored.Trace})
	switch {
	case stored.Version > handleVersion:
		return fmt.Errorf("consistency: the handle is of version %d, newer than %d", stored.Version, handleVersion)
	case stored.Tries < 0 || got.answered < 0:
		return fmt.Errorf("consistency: not a handle: its numbers are negative")
	case stored.Version == 1:
		got.tries, got.answered = 0, 0
	case stored.Version != handleVersion:
		return fmt.Errorf("consistency: not a handle: version %d", stored.Version)
	}
	for _, goal := range [...]Goal{ToPresent, ToMatch, ToAbsent} {
		if stored.Goal == goal.String() {
			got.goal = goal
		}
	}
	for _, class := range [...]Class{Applied, Accepted, Ambiguous} {
		if stored.Class == class.String() {
			got.class = class
		}
	}
	switch {
	case got.goal == 0:
		return fmt.Errorf("consistency: the handle has an unknown goal %q", stored.Goal)
	case got.class == 0:
		return fmt.Errorf("consistency: the handle has an unknown class %q", stored.Class)
	}
	*h = got
	return nil
}
