package submit

import (
	"bytes"
	"encoding/json"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/exact"
)

// fitHandle fits the handle of a job that came from the store, the first time.
func (t *term) fitHandle(j *job, f flow) {
	if j.has(resumed) && !j.has(fitted) && !j.handle.IsZero() {
		j.handle = f.fit(j.handle)
		j.flags |= fitted
	}
}

// fit returns a handle that an older program may have made as one of the flow that its
// job has today: the flow may have another name since, and its references another type.
// A reference that does not fit is to be found again, as is that of a flow which now
// does something else: of that write only the intent is known.
func fit(h, lost consistency.Pending, name string, holds func(reference json.RawMessage) bool) consistency.Pending {
	was, is := members{}, members{}
	if data, err := json.Marshal(h); err != nil || json.Unmarshal(data, &was) != nil {
		return h
	}
	if data, err := json.Marshal(lost); err != nil || json.Unmarshal(data, &is) != nil {
		return h
	}
	if !bytes.Equal(was["goal"], is["goal"]) {
		return lost.WithTrace(h.Trace())
	}
	reference, there := was["written"]
	unfit := there && !holds(reference)
	if !unfit && h.Name() == name {
		return h
	}
	if was["name"] = is["name"]; unfit {
		delete(was, "written")
	}
	var fits consistency.Pending
	if data, err := json.Marshal(was); err != nil || json.Unmarshal(data, &fits) != nil {
		return h
	}
	return fits
}

// holds reports whether W has a place for all that a stored reference says. One that lacks a
// part, such as a field that has another name now, may name another thing, or a list. If
// nothing can be found again, a reference that only says less is taken for the same one.
func holds[W any](reference json.RawMessage, findable bool) bool {
	all, less := exact.Holds[W](reference)
	return all || !findable && less
}
